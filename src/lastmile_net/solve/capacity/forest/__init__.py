"""The cheapest trenches for those who are served, in which every tree has ports for its homes: whoever serves whom."""

"""The solver: arrays in, arrays out, no geography."""

"""The network: streets and backbone as one graph, customers attached to it."""

"""lastmile_net: every customer followed to the end, the cheapest shared trenches, and a proof."""

__version__ = "0.1.0"

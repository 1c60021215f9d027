"""The solver: arrays in, the cheapest shared trenches out, with a proof of how near the cheapest they are."""

from lastmile_net.solve.search import solve

__all__ = ["solve"]

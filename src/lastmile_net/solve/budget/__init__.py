"""Which customers first: the nested order of building, and the best plan for a budget, a coverage or a price."""

from lastmile_net.solve.budget.order import BuildOrder, build_order

__all__ = ["BuildOrder", "build_order"]

"""`plan()`: the one place that knows all stages; and the frozen `Plan` they end in."""

from lastmile_net.plan.plan import plan
from lastmile_net.plan.result import Plan

__all__ = ["Plan", "plan"]

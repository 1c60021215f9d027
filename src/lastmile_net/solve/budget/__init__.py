"""Which customers first: the nested order of building, and the best plan for a budget, a coverage or a price."""

from lastmile_net.solve.budget.along import ask_along
from lastmile_net.solve.budget.choice import Choice
from lastmile_net.solve.budget.early import Goal, Start, favour_early
from lastmile_net.solve.budget.fill import reach_more
from lastmile_net.solve.budget.grow import grow
from lastmile_net.solve.budget.order import BuildOrder, Plan, build_order, buy_in_turn, in_turn
from lastmile_net.solve.budget.scenarios import Doubt, Outlook, look_out
from lastmile_net.solve.budget.study import Study
from lastmile_net.solve.prizes import Question, only

__all__ = [
    "BuildOrder",
    "Choice",
    "Doubt",
    "Goal",
    "Outlook",
    "Plan",
    "Question",
    "Start",
    "Study",
    "ask_along",
    "build_order",
    "buy_in_turn",
    "favour_early",
    "grow",
    "in_turn",
    "look_out",
    "only",
    "reach_more",
]

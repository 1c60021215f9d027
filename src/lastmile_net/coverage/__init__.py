"""Status of each customer today; reason and computed remedy for each one that stays unserved."""

from lastmile_net.coverage.proposals import proposals
from lastmile_net.coverage.remedy import REMEDY_UNITS, Change, Remedy
from lastmile_net.coverage.status import PASSING_ROLES, homes_by, new_homes, status_today, units_connected
from lastmile_net.coverage.verdict import Question, Verdict, judge

__all__ = [
    "PASSING_ROLES",
    "REMEDY_UNITS",
    "Change",
    "Question",
    "Remedy",
    "Verdict",
    "homes_by",
    "judge",
    "new_homes",
    "proposals",
    "status_today",
    "units_connected",
]

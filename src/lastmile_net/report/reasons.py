"""Why customers stay unserved, in the words of the plan's own aim and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.counts import money
from lastmile_net.schema import REASONS

if TYPE_CHECKING:
    from lastmile_net.plan.result import Plan


PORTS_FOR_OTHERS = (
    "the access points it can reach have no port left for it once all others who come first are connected"
)


def meanings(plan: Plan) -> dict[str, str]:
    """
    Return a sentence for each code of a reason.

    Parameters
    ----------
    plan
        A plan, or one that has been read back: `over_budget` names what it was asked for, and of ports that an aim
        leaves free `no_free_port` says for whom they are.
    """
    own = {"no_free_port": PORTS_FOR_OTHERS} if plan.summary.get("aim") else {}
    return REASONS | {"over_budget": _beyond_aim(plan)} | own


def more_ports(plan: Plan) -> str:
    """Name the options that may give more ports to this plan; nothing where it has them, or cannot have them."""
    config = plan.config
    lines, points = (
        table["role"].isin(config.tap_roles).any() for table in (plan.backbone_lines, plan.backbone_points)
    )
    options = []
    if lines and (config.tap == "points" or (config.tap == "auto" and points)):
        options.append("--tap anywhere")
    if config.may_place_anew and not config.new_access_points:
        options.append("--new-access-points")
    return f"; try {' or '.join(options)}" if options else ""


def _beyond_aim(plan: Plan) -> str:
    aim = plan.summary.get("aim")
    if not aim:
        return REASONS["over_budget"]
    if aim["aim"] == "coverage":
        missed = aim["gain"] < aim["wanted_gain"]
        return f"left out: the coverage asked for is {'missed' if missed else 'reached without it'}"
    asked = money(aim["asked"], str(plan.summary.get("currency", "")))
    if aim["aim"] == "budget":
        return f"the budget of {asked} does not reach this far"
    return f"left out: connecting it costs more than {asked} per {'home' if aim['prize'] == 'units' else aim['prize']}"

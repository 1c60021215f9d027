"""
Judge a run from its files alone.

Nothing here is shared with the code that made the run, but for the declared columns, the errors, and how numbers are
put into words (`counts`).
"""

from __future__ import annotations

from pathlib import Path

from lastmile_net.verify import accounts, digging, limits, order, phases, prices, proposed, routes, seal
from lastmile_net.verify.files import load
from lastmile_net.verify.verdict import Check, Skipped, Verdict

__all__ = ["Check", "Verdict", "verify_run"]

CHECKS = (
    seal.files_are_unchanged,
    accounts.inputs_are_all_there,
    accounts.customers_are_unique,
    accounts.values_are_known,
    accounts.summary_counts,
    accounts.unserved_have_reason_and_remedy,
    accounts.gaps_agree,
    routes.planned_have_one_drop,
    routes.drops_meet_premises,
    routes.planned_are_connected,
    routes.no_customer_is_passed_through,
    routes.routes_lie_on_what_is_built,
    routes.trenches_carry_their_customers,
    digging.metres_are_dug_once,
    digging.lengths_are_those_of_the_lines,
    digging.lengths_are_those_on_earth,
    digging.costs_add_up,
    digging.bill_agrees,
    digging.bound_is_below_cost,
    digging.new_lies_on_streets,
    digging.reused_lies_on_backbone,
    prices.pieces_cost_their_price,
    prices.labour_and_material_add_up,
    prices.locked_streets_are_built,
    prices.sides_are_where_they_say,
    prices.drops_keep_out,
    limits.ports_suffice,
    limits.access_points_exist,
    limits.included_come_first,
    proposed.new_points_are_of_the_catalogue,
    proposed.new_points_stand_on_streets,
    proposed.new_points_are_on_the_way,
    proposed.fibre_costs_its_price,
    limits.drops_are_short_enough,
    limits.routes_are_short_enough,
    limits.optical_budget_is_kept,
    order.building_order_is_nested,
    order.shares_add_up,
    order.aim_is_met,
    order.curve_agrees,
    phases.phases_agree,
)


def verify_run(folder: Path | str) -> Verdict:
    """
    Re-check a run from its files and, where they still lie where they lay, its inputs.

    Parameters
    ----------
    folder
        A run's folder.

    Returns
    -------
    verdict
        Every check with what it found, and what could not be checked.

    Raises
    ------
    MissingFileError
        If there is no such folder.
    RunError
        If the folder is no run or its files cannot be read.

    Notes
    -----
    O(v log v) in the vertices v of all lines.
    """
    run = load(Path(folder))
    checks, skipped = [], list(run.missing)
    for check in CHECKS:
        for found in check(run):
            if isinstance(found, Skipped):
                skipped.append(found.why)
            else:
                checks.append(found)
    return Verdict(tuple(checks), tuple(skipped))

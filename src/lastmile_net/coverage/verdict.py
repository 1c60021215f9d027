"""Say of each unserved customer why it is, and what is the smallest change that would serve it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.cost import price_equipment, with_overhead, with_overheads
from lastmile_net.counts import counted, money
from lastmile_net.coverage.beyond import beyond_limits, with_full_lines, without_exclusions
from lastmile_net.coverage.options import Option, ports_price, weigh
from lastmile_net.coverage.question import Question
from lastmile_net.coverage.remedy import Change, Remedy, down, hundredths, sentence, up
from lastmile_net.network.candidates import blocked, longest_drop_m
from lastmile_net.network.network import STREET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastmile_net.coverage.beyond import Beyond
    from lastmile_net.coverage.options import Options
    from lastmile_net.coverage.question import Flags, Floats, Ints, Texts

__all__ = ["Question", "Verdict", "judge"]

OWN = "own"
FIRST = {
    "no_street_in_reach": ("open_passage", "raise_max_drop_m"),
    "street_island": ("link_island", "raise_max_drop_m"),
    "route_too_long": ("raise_max_route_m",),
    "optical_budget": ("reduce_loss",),
    "optical_unknown": ("state_loss",),
    "no_free_port": ("add_ports", "add_spare", "raise_max_stretch"),
    "line_full": ("add_spare",),
    "excluded": ("include",),
    "over_budget": ("raise_budget",),
}
"""Changes that answer each reason: the one that is needed comes first in a remedy."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """
    Reasons and remedies of those who stay unserved.

    Parameters
    ----------
    reason
        object (c,). Code, None where the customer is served.
    remedies
        By customer.
    beyond, options
        The network beyond the limits, and each customer's best option in it; None where nobody needs one.
    """

    reason: Texts
    remedies: dict[int, Remedy]
    beyond: Beyond | None = None
    options: Options | None = None


def judge(question: Question) -> Verdict:
    """Return why each customer is unserved, and the smallest change that would serve it."""
    customers = question.layers.customers
    reason = np.full(len(customers), None, object)
    remedies: dict[int, Remedy] = {}
    unserved = np.flatnonzero(question.outcome == "unserved")
    placed = ~customers.geometry.isna().to_numpy()
    for row in unserved[~placed[unserved]].tolist():
        reason[row] = "invalid_location"
        changes = (Change("fix_location"),)
        remedies[row] = Remedy(changes, sentence("", changes))
    rows = unserved[placed[unserved]]
    if len(rows) == 0:
        return Verdict(reason, remedies)
    wide = with_full_lines(question)
    reason[rows], shut = _reasons(question, rows, wide.tied)
    question = wide
    beyond = beyond_limits(question, rows)
    options = weigh(question, beyond)
    lifted = _opened(question, rows[shut[rows]])
    best = {OWN: options.table} | ({} if lifted is None else {"lifted": lifted.table})
    table = pd.concat(best.values()).sort_values(["customer", "changes", "cost"], kind="stable")
    table = table.drop_duplicates("customer").set_index("customer")
    reason[table.index] = _as_it_stands(question, table, reason[table.index])
    told = map(Option._make, table[list(Option._fields)].itertuples(index=False, name=None))
    chosen = dict(zip(table.index.tolist(), zip(told, _money(question, table).tolist(), strict=True), strict=True))
    left_out = customers["exclude"].to_numpy(bool)
    for row in rows.tolist():
        own = (Change("include"),) if left_out[row] else ()
        remedies[row] = _remedy(question, beyond, own, row, str(reason[row]), chosen.get(row))
    return Verdict(reason, remedies, beyond, options)


def _reasons(question: Question, rows: Ints, by_line: Flags) -> tuple[Texts, Flags]:
    """
    Return the reason of each row, and (of all customers) whether the planner's exclusions may stand in its way.

    `by_line` are the nodes that hang together with a tap over full lines, too.
    """
    size = len(question.units)
    offered, reached, behind = np.zeros(size, bool), np.zeros(size, bool), np.zeros(size, bool)
    customer, node = question.drops["customer"].to_numpy(), question.drops["node"].to_numpy()
    offered[customer] = True
    reached[customer[question.tied[node]]] = True
    behind[customer[by_line[node]]] = True
    excluded = question.layers.customers["exclude"].to_numpy(bool)
    near_m, edge = _nearest_street(question)
    parted = blocked(question.points, question.network.geometry[edge], None, question.layers.excluded)
    near = (near_m <= longest_drop_m(question.config.max_drop_m)) & (edge >= 0)
    closed = near & (parted | ~question.eligible[edge])
    inside = _inside_excluded(question)
    reason = np.where(question.limit == "", "no_free_port", question.limit)
    reason = np.where(reached, reason, np.where(behind, "line_full", "street_island"))
    reason = np.where(offered, reason, np.where(closed | inside, "excluded", "no_street_in_reach"))
    reason = np.where(excluded, "excluded", reason)
    return reason[rows], closed | inside | ~reached


def _as_it_stands(question: Question, table: pd.DataFrame, reason: Texts) -> Texts:
    """Return the reasons with no line blamed that has room for the customer as the plan stands, and no port, either."""
    config = question.config
    has_aim = (config.budget, config.target_coverage, config.max_cost_per_home) != (None, None, None)
    roomy = (reason == "line_full") & (table["full_lines"] == 0).to_numpy()
    ports = (table["ports"] > 0).to_numpy()
    reason = np.where(roomy & ports, "no_free_port", reason)
    served = (reason == "no_free_port") & (table["changes"] == 0).to_numpy()
    return np.where(((roomy & ~ports) | served) & has_aim, "over_budget", reason)


def _nearest_street(question: Question) -> tuple[Floats, Ints]:
    """Return distance to, and edge of, the nearest street of every customer."""
    streets = np.flatnonzero(question.network.kind == STREET)
    distance, edge = np.full(len(question.units), np.inf), np.full(len(question.units), -1)
    rows = np.flatnonzero(~(shapely.is_missing(question.points) | shapely.is_empty(question.points)))
    if len(streets) and len(rows):
        tree = shapely.STRtree(question.network.geometry[streets])
        (at, which), far = tree.query_nearest(question.points[rows], return_distance=True, all_matches=False)
        distance[rows[at]], edge[rows[at]] = far, streets[which]
    return distance, edge


def _inside_excluded(question: Question) -> Flags:
    inside = np.zeros(len(question.units), bool)
    areas = question.layers.excluded
    if areas is not None and len(areas):
        inside[shapely.STRtree(areas.geometry.to_numpy()).query(question.points, predicate="within")[0]] = True
    return inside


def _opened(question: Question, rows: Ints) -> Options | None:
    """Return the options if what the planner has excluded is opened; None where nothing has been."""
    streets, areas = question.layers.streets["exclude"].to_numpy(bool).any(), question.layers.excluded
    if len(rows) == 0 or not (streets or (areas is not None and len(areas))):
        return None
    found = weigh(question, without_exclusions(question, rows))
    # links of this network are not those of the other one
    return replace(found, table=found.table[found.table["link"] < 0])


def _money(question: Question, table: pd.DataFrame) -> Floats:
    """Return what each option costs on top of the plan, equipment and overhead included."""
    model = question.config.cost
    equipment = price_equipment(question.units[table.index.to_numpy(np.int64)], model)
    parts = table["cost"].to_numpy(np.float64) + equipment
    return with_overheads(parts, model)


def _remedy(
    question: Question,
    beyond: Beyond,
    own: tuple[Change, ...],
    row: int,
    reason: str,
    chosen: tuple[Option, float] | None,
) -> Remedy:
    if chosen is None:
        code = "open_passage" if reason == "no_street_in_reach" and question.eligible.any() else "extend_streets"
        changes: tuple[Change, ...] = (*own, Change(code))
        return Remedy(changes, sentence("", changes))
    option, cost = chosen
    changes = (*own, *_changes(question, beyond, option))
    if reason != "over_budget" and not changes:
        # the plan found no place, though every limit would let it in: ports of its own are enough
        ports = float(question.units[row])
        changes, cost = (_ports(question, ports, option.tap),), cost + _price_of(question, ports)
    if reason == "over_budget" or _is_beyond_aim(question, row, cost):
        changes = (*changes, Change("raise_budget", _lacking(question, cost)))
    order = FIRST.get(reason, ())
    changes = tuple(
        sorted(changes, key=lambda change: order.index(change.code) if change.code in order else len(order))
    )
    more = _more_money(question, row, cost)
    if question.config.budget is not None and any(change.price for change in changes):
        more = f"{more} in all"  # the price of the ports is in it
    text = sentence(_before(question, row, reason, option, changes[0]), changes, more_money=more)
    if reason == "street_island" and changes[0].code == "raise_max_drop_m":
        text += _or_link(question, beyond, row)
    return Remedy(changes, text, cost)


def _or_link(question: Question, beyond: Beyond, row: int) -> str:
    """Say whom a longer drop past its own street concerns, and what would tie that street in."""
    first, last = np.searchsorted(question.drops["customer"].to_numpy(), [row, row + 1])
    links = beyond.link[question.drops["node"].to_numpy()[first:last]]
    metres = beyond.link_m[links[links >= 0]]
    if len(metres) == 0:
        return ""
    link = f"a link of {hundredths(up(float(metres.min())))} m would tie in its street alone"
    return f"; the limit on drops holds for everybody, {link}"


def _is_beyond_aim(question: Question, row: int, cost: float) -> bool:
    """Return whether the aim leaves a customer out even where nothing else stands in its way."""
    config = question.config
    if config.budget is not None:
        return cost > question.money_left
    if config.max_cost_per_home is not None and config.prize == "units":
        return cost > config.max_cost_per_home * int(question.units[row])
    return config.target_coverage is not None


def _more_money(question: Question, row: int, cost: float) -> str:
    """Return what would connect whom the budget leaves out, or another aim."""
    config = question.config
    currency = config.cost.currency
    costs = f"connecting it costs {money(cost, currency)} on top"
    if config.target_coverage is not None:
        return f"{costs}: ask for a higher coverage, or set `include` on it"
    if config.max_cost_per_home is not None:
        each, most = cost / max(int(question.units[row]), 1), config.max_cost_per_home
        per_home = f"{money(each, currency)} per home"
        if config.prize != "units":
            return f"{costs}: raise `max_cost_per_home`, or set `include` on it"
        if each <= most:
            return f"{costs}, {per_home}, as the plan stands: set `include` on it"
        return f"{costs}, {per_home}, the aim is {money(most, currency)}: raise `max_cost_per_home`, or set `include`"
    lacking = _lacking(question, cost)
    if lacking == 0:
        return f"{costs}, which the budget leaves: set `include` on it"
    return f"raise the budget by {money(lacking, currency)}"


def _lacking(question: Question, cost: float) -> float:
    """Return what the budget lacks for a cost on top of the plan; nothing where what is left over would do."""
    return max(up(cost - question.money_left), 0.0)


def _changes(question: Question, beyond: Beyond, option: Option) -> Iterator[Change]:
    """Yield what an option takes, each with its number rounded so that it suffices."""
    tap = str(question.taps.access_point_id[option.tap])
    yield from (Change("include", at=name) for name in option.lifted)
    if option.link >= 0:
        yield Change("link_island", up(float(beyond.link_m[option.link])), str(beyond.link_at[option.link]))
    if option.over_drop_m > 0:
        yield Change("raise_max_drop_m", up(option.over_drop_m))
    if option.over_route_m > 0:
        yield Change("raise_max_route_m", up(option.over_route_m))
    if option.over_stretch > 0:
        yield Change("raise_max_stretch", up(option.over_stretch, 3))
    if not np.isnan(option.state_db):
        yield Change("state_loss", down(option.state_db), tap)
    if option.over_db > 0:
        yield Change("reduce_loss", up(option.over_db), tap)
    yield from (Change("add_spare", float(homes), line) for line, homes in option.full)
    if option.ports > 0:
        yield _ports(question, float(option.ports), option.tap)


def _ports(question: Question, ports: float, tap: int) -> Change:
    """Return the change that adds ports at a tap, with their price where there is one."""
    price = _price_of(question, ports)
    told = money(price, question.config.cost.currency) if price > 0 else ""
    return Change("add_ports", ports, str(question.taps.access_point_id[tap]), told)


def _price_of(question: Question, ports: float) -> float:
    """Return what ports cost by the catalogue, overhead included."""
    model = question.config.cost
    return with_overhead(float(ports_price(np.array([ports]), model)[0]), model)


def _before(question: Question, row: int, reason: str, option: Option, change: Change) -> str:
    """Return what is wrong, with both numbers."""
    config = question.config
    if change.code == "raise_max_drop_m":
        island = "its street is not tied to the network, a drop to one that is would be"
        what = island if reason == "street_island" else "drop is"
        return f"{what} {hundredths(up(option.drop_m))} m, limit {config.max_drop_m:g} m"
    if change.code == "raise_max_route_m":
        return f"route is {hundredths(up(option.route_m))} m, limit {config.max_route_m:g} m"
    if change.code == "add_ports" and np.isfinite(question.room[option.tap]):
        tap, room = np.array([option.tap]), float(question.room[option.tap])
        kept = room - float(question.room_for(np.array([row]), tap)[0])
        left = f"{counted(room, 'free port') if room > 0 else 'no free port'} left"
        some = f"{kept:,.0f} of them " if kept < room else ""
        when = "there is more money" if config.budget is not None else "more homes are asked for"
        return f"{left}, {some}for homes that come first when {when}" if kept > 0 else left
    if change.code in ("reduce_loss", "state_loss") and config.optical is not None:
        return f"the optics allow {config.optical.budget_db:g} dB"
    return ""

"""Weigh, for each unserved customer, the ways in which it could be served, and what each would take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lastmile_net.config.optics import longest_route_m, loss_db
from lastmile_net.network.candidates import longest_drop_m
from lastmile_net.solve.extend import FAR, Ways, best_ways, least_along, make_web, names_along
from lastmile_net.solve.problem import MILLI, MM_PER_M

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastmile_net.config import CostModel
    from lastmile_net.coverage.beyond import Beyond
    from lastmile_net.coverage.question import Flags, Floats, Ints, Question

MANY = 1e15
"""Ports of a tap that has no limit."""


class Option(NamedTuple):
    """One way to serve a customer: a row of `Options.table`, with what connecting the customer by it costs in all."""

    node: int
    tap: int
    drop_m: float
    route_m: float
    link: int
    ports: float
    over_drop_m: float
    over_route_m: float
    over_stretch: float
    over_db: float
    state_db: float
    full: tuple[tuple[str, int], ...]
    lifted: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Options:
    """
    The best option of each customer.

    Parameters
    ----------
    table
        One row per customer that has one, by `customer`: `search`, `node`, `tap`, `drop_m`, `route_m`, `cost` (of
        digging, drop and fibre), and what it takes: `ports`, `over_drop_m`, `over_route_m`, `over_stretch`,
        `over_db`, `state_db` (nan where the loss need not be stated), `link` (-1 for none), `full` (lines on the way
        that lack room, and for how many homes), `full_lines` (their number).
    ways
        The searches that `search` numbers.
    """

    table: pd.DataFrame
    ways: tuple[Ways, ...]


def weigh(question: Question, beyond: Beyond) -> Options:
    """
    Find the option with fewest changes for each customer, and of these the cheapest.

    Notes
    -----
    A handful of searches from all taps at once: by money and by length, from all of them, from those with room, from
    those whose loss is known, and by what the optics leave over. The first tap of a way is the one it is judged by.
    """
    ways, tables = [], []
    shortest: Floats | None = None
    for weight, other, by_length, taps, ahead, usable in _searches(question, beyond):
        web = make_web(beyond.nodes, beyond.tail, beyond.head, usable)
        found = best_ways(web, weight, other, question.taps.node[taps].astype(np.int64), ahead)
        ways.append(found)
        table = _reached(question, beyond, found, taps, len(ways) - 1, by_length=by_length, ahead=ahead)
        if shortest is None:
            shortest = np.full(len(question.units), np.inf)
            np.minimum.at(shortest, table["customer"].to_numpy(), table["route_m"].to_numpy())
        tables.append(_with_full_lines(question, beyond, _judged(question, beyond, table, shortest), found))
    options = pd.concat(tables, ignore_index=True)
    options["cost"] += ports_price(options["ports"].to_numpy(), question.config.cost)
    options["changes"] = _count(options)
    order = ["customer", "changes", "cost", "route_m", "search"]
    options = options.sort_values(order, kind="stable").drop_duplicates("customer")
    return Options(_with_lifted(beyond, options, ways), tuple(ways))


def _searches(question: Question, beyond: Beyond) -> Iterator[tuple[Ints, Ints, bool, Ints, Ints, Flags]]:
    """Yield weight, other measure, whether the weight is length, taps, head start of each, usable edges."""
    money, length = beyond.price + beyond.fibre, beyond.length_mm
    every = np.arange(len(question.taps.node))
    rooms = (question.room, question.room_left) if question.ports_kept.any() else (question.room,)
    roomy = [np.flatnonzero(room >= 1) for room in rooms]
    spare = beyond.usable & _has_spare(question, beyond)
    # the first one also tells the shortest route, which lines that carry nobody are no part of
    carries = np.append(question.prices.capacity, -1)[beyond.parent] != 0
    yield length, money, True, every, np.zeros(len(every), np.int64), beyond.usable & carries
    for taps, usable in ((every, beyond.usable), (every, spare), *((taps, spare) for taps in roomy)):
        none = np.zeros(len(taps), np.int64)
        yield money, length, False, taps, none, usable
        yield length, money, True, taps, none, usable
    if question.config.optical is not None:
        lit = every[~np.isnan(question.taps.loss_db)]
        for taps in (lit, *(np.intersect1d(lit, taps) for taps in roomy)):
            none = np.zeros(len(taps), np.int64)
            yield money, length, False, taps, none, spare
            yield length, money, True, taps, _head_start(question, taps), spare


def _has_spare(question: Question, beyond: Beyond) -> Flags:
    """Return which edges can carry one home more."""
    left = _spare(question, beyond)
    has: Flags = np.asarray(left >= 1)
    return has


def _spare(question: Question, beyond: Beyond) -> Ints:
    """Return the homes that each edge can still carry."""
    capacity = question.prices.capacity
    left = np.where(capacity < 0, FAR, np.maximum(capacity - question.homes_through, 0))
    spare: Ints = np.asarray(np.where(beyond.parent >= 0, left[beyond.parent], FAR), np.int64)
    return spare


def _head_start(question: Question, taps: Ints) -> Ints:
    """Return the millimetres that a route from each tap may be shorter than one from the tap with the least loss."""
    optics = question.config.optical
    assert optics is not None
    # counted from a loss that none of them has, so that the order stands also where no route fits
    loss = question.taps.loss_db[taps] + question.taps.back_m[taps] / 1000 * optics.fibre_db_per_km
    metres = (loss - loss.min(initial=0.0)) / optics.fibre_db_per_km * 1000
    ahead: Ints = np.round(metres * MM_PER_M).astype(np.int64)
    return ahead


def _reached(
    question: Question, beyond: Beyond, found: Ways, taps: Ints, number: int, *, by_length: bool, ahead: Ints
) -> pd.DataFrame:
    """Return a row for each drop that the search reaches."""
    drops = beyond.drops
    node = drops["node"].to_numpy(np.int64)
    good = found.weight[node] < FAR
    drops, node = drops[good], node[good]
    origin = found.origin[node]
    weight = found.weight[node] - ahead[origin]
    along, money = (weight, found.along[node]) if by_length else (found.along[node], weight)
    return pd.DataFrame(
        {
            "customer": drops["customer"].to_numpy(np.int64),
            "search": number,
            "node": node,
            "tap": taps[origin],
            "drop_m": drops["drop_m"].to_numpy(np.float64),
            "route_m": (along + drops["drop_mm"].to_numpy()) / MM_PER_M,
            "cost": (money + drops["price"].to_numpy()) / MILLI,
            "link": beyond.link[node],
            "lifted": drops["lifted"],
        }
    )


def _judged(question: Question, beyond: Beyond, table: pd.DataFrame, shortest: Floats) -> pd.DataFrame:
    """Add what each option takes."""
    config, tap = question.config, table["tap"].to_numpy()
    customer = table["customer"].to_numpy()
    route_m, room = table["route_m"].to_numpy(), question.room_for(customer, tap)
    most = np.inf if config.max_route_m is None else config.max_route_m
    stretch = np.inf if config.max_stretch is None else config.max_stretch
    least = np.maximum(np.minimum(shortest[customer], route_m), 1e-9)
    over_db, state_db = _over_budget(question, route_m, tap)
    drop_m, longest_m = table["drop_m"].to_numpy(), longest_drop_m(config.max_drop_m)
    return table.assign(
        ports=np.maximum(question.units[customer] - np.nan_to_num(room, posinf=MANY), 0),
        over_drop_m=_beyond_limit(drop_m, config.max_drop_m, longest_m - config.max_drop_m),
        over_route_m=_beyond_limit(route_m, most, 5e-4),
        over_stretch=_beyond_limit(route_m / least, stretch, 1e-6),
        over_db=over_db,
        state_db=state_db,
    )


def _beyond_limit(value: Floats, limit: float, slack: float) -> Floats:
    over = value - limit
    return np.where(over > slack, over, 0.0) if np.isfinite(limit) else np.zeros(len(value))


def _over_budget(question: Question, route_m: Floats, tap: Ints) -> tuple[Floats, Floats]:
    """Return dB over the budget, and the most loss that may be stated of a tap whose loss is not known."""
    optics, taps = question.config.optical, question.taps
    nothing = np.full(len(tap), np.nan)
    if optics is None:
        return np.zeros(len(tap)), nothing
    loss = loss_db(route_m + taps.back_m[tap], optics, np.nan_to_num(taps.loss_db[tap], nan=0.0))
    left = optics.budget_db - loss
    unknown = np.isnan(taps.loss_db[tap])
    if optics.unknown == "ignore":
        left = np.where(unknown, np.inf, left)
        unknown &= False
    fits = route_m <= longest_route_m(optics, taps.loss_db)[tap] - taps.back_m[tap] + 5e-4
    over = np.where(fits | (unknown & (left >= 0)), 0.0, np.maximum(-left, 1e-6))
    return over, np.where(unknown, np.maximum(left, 0.0), nothing)


def _count(options: pd.DataFrame) -> Ints:
    """Count the changes that each option takes."""
    over = ["ports", "over_drop_m", "over_route_m", "over_stretch", "over_db"]
    count: Ints = (options[over].to_numpy() > 0).sum(axis=1) + options["full_lines"].to_numpy()
    return count + options["state_db"].notna().to_numpy() + (options["link"].to_numpy() >= 0)


def _with_full_lines(question: Question, beyond: Beyond, table: pd.DataFrame, found: Ways) -> pd.DataFrame:
    """Say which lines on the way of each option lack room, the fullest first, and for how many homes."""
    full, full_lines = np.full(len(table), None, object), np.zeros(len(table), np.int64)
    full.fill(())
    if (question.prices.capacity >= 0).any():
        code, name = pd.factorize(np.append(question.network.street_id, "")[beyond.parent])
        node, units = table["node"].to_numpy(np.int64), question.units[table["customer"].to_numpy()]
        waiting = [(np.arange(len(table)), _spare(question, beyond))]
        while waiting:
            rows, left = waiting.pop()
            least, edge = least_along(found, beyond.tail, beyond.head, left, node[rows])
            short = units[rows] - least
            fullest = np.where(short > 0, code[edge], -1)
            for each in np.unique(fullest[short > 0]).tolist():
                here = fullest == each
                for row, homes in zip(rows[here].tolist(), short[here].tolist(), strict=True):
                    full[row] += ((name[each], homes),)
                full_lines[rows[here]] += 1
                # others on the way may be full, too
                waiting.append((rows[here], np.where(code == each, FAR, left)))
    return table.assign(full=full, full_lines=full_lines)


def _with_lifted(beyond: Beyond, options: pd.DataFrame, ways: list[Ways]) -> pd.DataFrame:
    """Name the exclusions on the way of each option, and of its drop."""
    options = options.reset_index(drop=True)
    names = options["lifted"].tolist()
    code, text = pd.factorize(beyond.lifted)
    for number in np.unique(options["search"].to_numpy(np.int64)).tolist() if len(text) > 1 else ():
        rows = options[options["search"] == number]
        node, found = rows["node"].to_numpy(np.int64), ways[number]
        passed = names_along(found, beyond.tail, beyond.head, code.astype(np.int64), node, len(text))
        for place, row in zip(rows.index.tolist(), passed, strict=True):
            along = [name for each in np.flatnonzero(row) for name in text[each]]
            names[place] = tuple(dict.fromkeys((*along, *names[place])))
    options = options.assign(lifted=pd.Series(names, options.index, dtype=object))
    return options.assign(changes=options["changes"] + options["lifted"].map(len).astype(np.int64))


def devices(ports: int, model: CostModel) -> tuple[tuple[str, int], ...]:
    """
    Return the cheapest choice of access points from the catalogue that has so many ports: names and numbers of each.

    Nothing where the catalogue is empty. Exact: a covering knapsack by ports.
    """
    kinds = sorted(model.access_points.items())
    if not kinds or ports <= 0:
        return ()
    best = np.full(ports + 1, np.inf)
    best[0] = 0.0
    choice = np.zeros(ports + 1, np.int64)
    for need in range(1, ports + 1):
        prices = [kind.price.value + best[max(need - kind.ports, 0)] for _, kind in kinds]
        choice[need] = int(np.argmin(prices))
        best[need] = prices[choice[need]]
    count: dict[str, int] = {}
    while ports > 0:
        name, kind = kinds[choice[ports]]
        count[name] = count.get(name, 0) + 1
        ports = max(ports - kind.ports, 0)
    return tuple(sorted(count.items()))


def ports_price(ports: Floats, model: CostModel) -> Floats:
    """Return what so many ports more cost by the catalogue; 0 where it is empty."""
    each, place = np.unique(np.ceil(ports).astype(np.int64), return_inverse=True)
    price = [sum(model.access_points[name].price.value * number for name, number in devices(n, model)) for n in each]
    total: Floats = np.array(price, np.float64)[place.reshape(-1)]
    return total

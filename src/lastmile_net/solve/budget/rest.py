"""Spend what is left within limits: one customer more after the other, at taps with ports, by short enough routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.budget.fill import way_to
from lastmile_net.solve.capacity.search.moves import PULLS, Search
from lastmile_net.solve.extend import FAR, best_ways, make_web
from lastmile_net.solve.routes import part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.solve.capacity import Reach
    from lastmile_net.solve.extend import Web
    from lastmile_net.solve.prizes import Question
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


class Offers(NamedTuple):
    """
    Ways to customers who are left out, from one search.

    Parameters
    ----------
    drop, tap, cost
        int64 (k,). Drop and tap of each way, and what it costs on top of what is built.
    via
        int64 (n,). Edge that enters each node on the way; -1 at taps.
    """

    drop: Ints
    tap: Ints
    cost: Ints
    via: Ints


def spend_rest_within_limits(question: Question, solution: Solution, budget: int, reach: Reach) -> Solution:
    """
    Connect more customers who find a port, best gain for the money first, until nobody fits into the budget any more.

    Parameters
    ----------
    question
        Streets, customers, gains.
    solution
        Who is connected already, within the limits, for at most `budget`; all of them stay, some perhaps at another
        port.
    budget
        What may be spent in all, in thousandths.
    reach
        Which tap reaches whom within the limits on routes.

    Returns
    -------
    solution
        The same one where nobody fits in; nobody is left out then who could be connected alone. Of limits on routes
        the cheapest ways and a few shorter ones are held against them, no others.
    """
    search = Search(question.posed, reach)
    problem = search.problem
    web = make_web(problem.nodes, problem.tail, problem.head, np.full(len(problem.tail), fill_value=True))
    best = solution
    while True:
        wider = _sweep(question, search, web, part(problem, best, best.drop >= 0), budget)
        if wider is None or wider.cost > budget:
            return best
        best = wider


def _sweep(question: Question, search: Search, web: Web, solution: Solution, budget: int) -> Solution | None:
    """Connect whoever fits in by ways that are looked up once; None where nobody does."""
    problem, left = search.problem, budget - solution.cost
    built = np.zeros(len(problem.tail), bool)
    built[solution.edges] = True
    drop, tap = solution.drop.copy(), solution.tap.copy()
    room = search.room_left(tap)
    searches = [_affordable(each, left) for each in _offers(question, search, web, built, tap, left)]
    if not searches:
        return None
    number = np.repeat(np.arange(len(searches)), [len(each.drop) for each in searches])
    d, t, cost = (np.concatenate([each[i] for each in searches]) for i in range(3))
    ratio = question.gain[problem.drop_customer[d]] / np.maximum(cost, 1)
    for i in np.lexsort((t, d, cost, -ratio)).tolist():
        c = int(problem.drop_customer[d[i]])
        if drop[c] >= 0 or room[t[i]] < problem.units[c]:
            continue
        way, price = way_to(problem, searches[number[i]].via, built, int(d[i]))
        if price <= left:
            left -= price
            built[way] = True
            drop[c], tap[c] = d[i], t[i]
            room[t[i]] -= problem.units[c]
    if np.array_equal(drop, solution.drop):
        return None
    return search.settle(built, drop, tap).solution()


def _affordable(offers: Offers, left: int) -> Offers:
    """Return the offers that cost no more than what is left."""
    good = offers.cost <= left
    return Offers(offers.drop[good], offers.tap[good], offers.cost[good], offers.via)


def _offers(question: Question, search: Search, web: Web, built: Flags, tap: Ints, left: int) -> Iterator[Offers]:
    """Yield ways from all taps that have room for customers of as many homes, the cheapest and shorter ones."""
    problem, room = search.problem, search.room_left(tap)
    money = np.where(built, 0, problem.cost) + problem.fibre_cost
    able = _affordable_from_any(search, web, money, np.flatnonzero(room > 0), left)
    left_out = (tap < 0) & search.wanted & (question.gain > 0) & able
    sizes: dict[bytes, tuple[Ints, list[int]]] = {}
    for units in np.unique(problem.units[left_out & (problem.units <= room.max(initial=0))]).tolist():
        taps = np.flatnonzero(room >= units)
        sizes.setdefault(taps.tobytes(), (taps, []))[1].append(units)
    for taps, units in sizes.values():
        wanted = left_out & np.isin(problem.units, units)
        for pull in (0, *PULLS) if search.reach.limited else (0,):
            yield _from_taps(search, web, money, pull, taps, wanted)


def _affordable_from_any(search: Search, web: Web, money: Ints, taps: Ints, left: int) -> Flags:
    """Return who could be had for what is left if each of the taps had room for him, and no limit were on routes."""
    problem, able = search.problem, np.zeros(search.problem.customers, bool)
    ways = best_ways(web, money, problem.length_mm, problem.tap_node[taps], np.zeros(len(taps), np.int64))
    able[problem.drop_customer[ways.weight[problem.drop_node] <= left - problem.drop_price]] = True
    return able


def _from_taps(search: Search, web: Web, money: Ints, pull: int, taps: Ints, wanted: Flags) -> Offers:
    """Return the ways from some taps to wanted customers that keep the limits; a millimetre counts as `pull`."""
    problem, reach = search.problem, search.reach
    nothing = np.zeros(len(taps), np.int64)
    ways = best_ways(web, money + pull * problem.length_mm, problem.length_mm, problem.tap_node[taps], nothing)
    d = np.flatnonzero(wanted[problem.drop_customer] & (ways.weight[problem.drop_node] < FAR))
    node, c = problem.drop_node[d], problem.drop_customer[d]
    tap, route_mm = taps[ways.origin[node]], ways.along[node] + problem.drop_length_mm[d]
    fits = (route_mm <= reach.customer_mm[c]) & (route_mm <= reach.tap_mm[tap])
    cost = ways.weight[node] - pull * ways.along[node] + problem.drop_price[d]
    return Offers(d[fits], tap[fits], cost[fits], ways.via)

"""
The transportation problem of homes and ports: which homes go to which tap at least price, and what a port is worth.

The linear programme may split customers over taps; at most as many are split as there are taps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from lastmile_net.solve.capacity.search.growth import FAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

WHOLE = 1 - 1e-6
"""A customer with so large a part of its homes at one tap is not split."""


def transport(price: Floats, open_: Flags, units: Ints, room: Ints) -> tuple[Floats, Ints] | None:
    """
    Solve the transportation problem.

    Parameters
    ----------
    price
        float64 (c, t). Price per home of each customer at each tap; infinite where there is no way.
    open_
        bool (c, t). Which of these may be used.
    units, room
        int64 (c,) and (t,). Homes of each customer, ports of each tap.

    Returns
    -------
    share
        float64 (c, t). Which part of each customer's homes goes to which tap; the rest finds no port.
    toll
        int64 (t,). What a port is worth. None where the programme fails.
    """
    from scipy.optimize import linprog

    who, tap = np.nonzero(open_)
    count, spare = len(who), len(units)
    # whoever finds no port may stay without one, at a price beyond any way
    dear = 2.0 * float(price[price < np.inf].max(initial=0)) + 1
    each = np.concatenate([price[who, tap], np.full(spare, dear)])
    ports = csr_array((np.ones(count), (tap, np.arange(count))), shape=(len(room), count + spare))
    rows, columns = np.concatenate([who, np.arange(spare)]), np.arange(count + spare)
    homes = csr_array((np.ones(count + spare), (rows, columns)), shape=(spare, count + spare))
    answer = linprog(each, A_ub=ports, b_ub=room, A_eq=homes, b_eq=units, method="highs")
    if answer.status != 0:
        return None
    share = np.zeros(price.shape)
    share[who, tap] = answer.x[:count] / units[who]
    toll: Ints = np.maximum(np.rint(-answer.ineqlin.marginals), 0).astype(np.int64)
    return share, toll


def share_out(price: Ints, units: Ints, room: Ints) -> Ints:
    """
    Share customers out among taps at little price, where all of them find ports.

    Parameters
    ----------
    price
        int64 (c, t). Price of each customer at each tap; `FAR` where it cannot be served from there.
    units, room
        int64 (c,) and (t,). Homes of each customer, ports of each tap.

    Returns
    -------
    tap
        int64 (c,). Taps that serve no customer in common are looked at apart: -1 for all customers of those among whom
        not everybody has found ports.

    Notes
    -----
    The transportation problem, rounded: customers with many homes go where most of theirs go, and the others are
    shared out anew among the ports that are left (as in Shmoys & Tardos 1993, largest first).
    """
    who, to = np.nonzero(price < FAR)
    size = len(units) + len(room)
    both = coo_array((np.ones(len(who), np.int8), (who, len(units) + to)), shape=(size, size))
    _, part = connected_components(both, directed=False)
    customers, taps = part[: len(units)], part[len(units) :]
    tap = np.full(len(units), -1)
    for k in np.unique(customers).tolist():
        mine, own = np.flatnonzero(customers == k), np.flatnonzero(taps == k)
        if 0 < units[mine].sum() <= room[own].sum():
            found = _rounded(price[np.ix_(mine, own)], units[mine], room[own])
            tap[mine] = -1 if found is None else own[found]
    return tap


def _rounded(price: Ints, units: Ints, room: Ints) -> Ints | None:
    """Return a tap for each customer, within ports, near the least price; None where it finds none for somebody."""
    tap, left = np.full(len(units), -1), room.copy()
    todo = np.arange(len(units))
    while len(todo):
        own = np.where(price[todo] < FAR, price[todo] / units[todo, None], np.inf)
        answer = transport(own, own < np.inf, units[todo], left)
        if answer is None or np.any(answer[0].sum(axis=1) < WHOLE):
            return None
        share = answer[0]
        split = share.max(axis=1) < WHOLE
        bar = units[todo[split]].max(initial=0) // 2
        sure = np.flatnonzero(~split & (units[todo] > bar)) if bar else np.flatnonzero(~split)
        tap[todo[sure]] = share[sure].argmax(axis=1)
        left -= np.bincount(tap[todo[sure]], weights=units[todo[sure]], minlength=len(room)).astype(np.int64)
        large = np.flatnonzero(split & (units[todo] > bar))
        for i in large[np.argsort(-units[todo[large]], kind="stable")].tolist():
            fits = (left >= units[todo[i]]) & (own[i] < np.inf)
            if not fits.any():
                return None
            tap[todo[i]] = np.flatnonzero(fits)[np.lexsort((own[i][fits], -share[i][fits]))[0]]
            left[tap[todo[i]]] -= units[todo[i]]
        todo = todo[tap[todo] < 0]
    return tap

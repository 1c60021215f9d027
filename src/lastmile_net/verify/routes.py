"""Judge whether a way of built and existing pieces leads to every planned customer, through nobody else's drop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lastmile_net.counts import counted
from lastmile_net.verify.files import TOUCH_M
from lastmile_net.verify.share import Uses, share_out
from lastmile_net.verify.verdict import Check, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.verify.files import Run

    Ints = NDArray[np.int64]
    Shapes = NDArray[np.object_]
    Number = TypeVar("Number", np.int64, np.uint64)

MIDDLE = 0.5
PLACES = (0.02, MIDDLE, 0.98)
"""Where on a stretch without a twin among the pieces one looks for a piece beneath it."""
AT_ONCE = 1_000_000
"""Vertices of routes that are followed at once: bounds the memory."""


def planned_have_one_drop(run: Run) -> Iterator[Check]:
    """Each planned customer has one drop and an access point; nobody else has either."""
    drops = run.drops["to_node"].value_counts()
    planned = run.planned["customer_id"]
    points = set(run.layers["access_points"]["access_point_id"])
    broken = [f"{each} ({drops.get(each, 0)} drops)" for each in planned if drops.get(each, 0) != 1]
    broken += [f"{each} (not planned)" for each in sorted(set(drops.index) - set(planned))]
    lost = ~run.planned["access_point_id"].isin(points)
    broken += [f"{each} (no such access point)" for each in planned[lost]]
    right = f"{counted(len(planned), 'planned customer')}, one drop each"
    yield judge("planned_have_one_drop", right, "drops are wrong", broken)


def drops_meet_premises(run: Run) -> Iterator[Check]:
    """See that drops end at their customers."""
    where = pd.Series(run.planned.geometry.to_numpy(), index=run.planned["customer_id"])
    where = where[~where.index.duplicated()]
    drops = run.drops[run.drops["to_node"].isin(where.index)]
    ends = shapely.get_point(drops.geometry.to_numpy(), -1)
    apart = shapely.distance(ends, where.reindex(drops["to_node"]).to_numpy())
    broken = drops["to_node"][~(apart <= TOUCH_M)]
    right = f"{counted(len(drops), 'drop')}, each to its customer"
    yield judge("drops_meet_premises", right, "drops end elsewhere", broken)


def planned_are_connected(run: Run) -> Iterator[Check]:
    """Over nodes of built and reused pieces, each drop hangs together with its access point; a node is one place."""
    pieces = pd.concat([run.shared[["from_node", "to_node"]], run.reused[["from_node", "to_node"]]])
    points = run.layers["access_points"].drop_duplicates("access_point_id").set_index("access_point_id")["node"]
    drop = run.drops.drop_duplicates("to_node").set_index("to_node")["from_node"]
    names = pd.unique(pd.concat([pieces["from_node"], pieces["to_node"], points, drop]).dropna())
    index = pd.Index(names)
    tail, head = index.get_indexer(pieces["from_node"]), index.get_indexer(pieces["to_node"])
    graph = coo_array((np.ones(len(tail)), (tail, head)), shape=(len(index), len(index)))
    _, part = connected_components(graph.tocsr(), directed=False)
    part = np.append(part, [-1, -2])
    planned = run.planned
    start = index.get_indexer(planned["access_point_id"].map(points))
    end = index.get_indexer(planned["customer_id"].map(drop))
    tied = part[np.where(start < 0, len(index), start)] == part[np.where(end < 0, len(index) + 1, end)]
    present = planned["customer_id"].isin(drop.index) & planned["access_point_id"].isin(points.index)
    broken = planned["customer_id"][~tied & present]
    right = f"{counted(len(planned), 'planned customer')}, each tied to its access point"
    yield judge("planned_are_connected", right, "no built way leads to customers", broken)
    broken = _nodes_in_two_places(run)
    right = f"{counted(len(index), 'node')}, one place each"
    yield judge("nodes_are_places", right, "ends of one node lie apart", broken)


def no_customer_is_passed_through(run: Run) -> Iterator[Check]:
    """Nothing starts or passes at the premises' end of a drop: a customer is a leaf."""
    pieces = pd.concat([run.layers["trenches"], run.reused], ignore_index=True)
    ends = [pieces["from_node"], pieces["to_node"].where(pieces["kind"] != "drop")]
    where = pd.Series(run.planned.geometry.to_numpy(), index=run.planned["customer_id"])
    where = where[~where.index.duplicated()]
    broken: set[str] = set()
    for names, corner in zip(ends, (0, -1), strict=True):
        used = names.isin(where.index).to_numpy()
        spots = shapely.get_point(pieces.geometry.to_numpy()[used], corner)
        here = shapely.distance(spots, where.reindex(names[used]).to_numpy()) <= TOUCH_M
        broken |= set(names[used][here])
    right = f"{counted(len(where), 'customer')}, no way leads through any"
    yield judge("no_customer_is_passed_through", right, "ways lead through customers", sorted(broken))


def routes_lie_on_what_is_built(run: Run) -> Iterator[Check]:
    """Follow each planned customer's one route from its access point to its premises, over pieces and its own drop."""
    if run.routes is None:
        return
    routes, planned = run.routes, run.planned
    broken = {f"{each} (no planned customer)" for each in set(routes["customer_id"]) - set(planned["customer_id"])}
    count = planned["customer_id"].map(routes["customer_id"].value_counts()).fillna(0)
    broken |= {f"{each} (not one route)" for each in planned["customer_id"][count != 1]}
    both = planned.merge(routes, on="customer_id", suffixes=("", "_told"))
    points = run.layers["access_points"].drop_duplicates("access_point_id").set_index("access_point_id")
    # a route over an access point that is placed anew begins at the one that feeds it
    begin = both["access_point_id"].map(points["fed_from"]).fillna(both["access_point_id"])
    line = both["geometry_told"].to_numpy()
    whole = shapely.get_type_id(line) == shapely.GeometryType.LINESTRING
    first, last = shapely.get_point(line, 0), shapely.get_point(line, -1)
    start = shapely.distance(first, points.geometry.reindex(begin).to_numpy()) <= TOUCH_M
    end = shapely.distance(last, both.geometry.to_numpy()) <= TOUCH_M
    same = (both["access_point_id"] == both["access_point_id_told"]).to_numpy()
    broken |= {f"{each} (its ends)" for each in both["customer_id"][~(whole & start & end & same)]}
    broken |= {f"{each} (leaves what is built)" for each in pieces_of_routes(run).astray}
    right = f"{counted(len(routes), 'route')}, each on built and existing pieces"
    yield judge("routes_lie_on_what_is_built", right, "routes are broken or lead where nothing is", sorted(broken))


def trenches_carry_their_customers(run: Run) -> Iterator[Check]:
    """Count customers and homes of each piece by the routes over it; nothing is dug for nobody."""
    if run.routes is None:
        return
    uses = pieces_of_routes(run)
    new = run.routes["customer_id"].map(run.new_homes).fillna(0).to_numpy(np.float64)
    number = len(run.shared) + len(run.reused) + len(run.drops)
    count = np.bincount(uses.piece, minlength=number)
    homes = np.bincount(uses.piece, weights=new[uses.route], minlength=number)
    existing = np.zeros(number, bool)
    existing[len(run.shared) : len(run.shared) + len(run.reused)] = True
    trenches, reused = pd.concat([run.shared, run.drops]), run.reused
    count, carried = count[~existing], homes[~existing]
    wrong = (trenches["customers"].to_numpy() != count) | (trenches["units"].to_numpy() != carried)
    locked = run.layers["streets"]["include"].fillna(value=False).astype(bool).any()
    wrong |= (count == 0) & (not locked)
    broken = [
        f"{name}: {told} homes, {real:g} by the routes"
        for name, told, real in zip(trenches["trench_id"][wrong], trenches["units"][wrong], carried[wrong], strict=True)
    ]
    broken += list(reused["backbone_id"][reused["units"].to_numpy() != homes[existing]])
    right = (
        f"{counted(len(trenches), 'piece')} and {counted(len(reused), 'reused piece')}, with the homes of the routes"
    )
    yield judge("trenches_carry_their_customers", right, "homes served through pieces are wrong", broken)


@lru_cache(maxsize=1)
def pieces_of_routes(run: Run) -> Uses:
    """
    Follow every route over the pieces beneath it.

    Each stretch between two vertices is looked up among those of the pieces, to the millimetre; the few that have no
    twin there are looked up by place. A drop counts for its own customer only. Where pieces lie on one another, as a
    trench beside a duct that is full, routes are shared out so that each has the homes it tells, if that can be.
    """
    assert run.routes is not None
    ground = _lay_ground(run)
    customers = run.routes["customer_id"].to_numpy(object)
    lines = run.routes.geometry.to_numpy()
    block = np.cumsum(shapely.get_num_coordinates(lines)) // AT_ONCE
    found = [_follow(ground, lines, customers, np.flatnonzero(block == number)) for number in np.unique(block)]
    drop = np.flatnonzero(pd.notna(ground.owner))
    first = {name: row for row, name in reversed(list(enumerate(customers)))}
    row = np.array([first.get(name, -1) for name in ground.owner[drop]], np.int64)
    number = max(len(ground.owner), 1)
    pairs = _distinct(np.concatenate([*(pairs for pairs, _ in found), (row * number + drop)[row >= 0]]))
    astray = frozenset(str(name) for _, names in found for name in names)
    return share_out(run, Uses(pairs // number, pairs % number, astray), _twins(ground))


@dataclass(frozen=True, eq=False)
class _Ground:
    """Stretches of all pieces, sorted to be looked up: those that everybody may use, and those of drops with owner."""

    corner: Ints
    points: NDArray[np.uint64]
    shared: NDArray[np.uint64]
    shared_piece: Ints
    own: NDArray[np.void]
    own_piece: Ints
    owner: NDArray[np.object_]
    code: dict[str, int]
    tree: shapely.STRtree


def _lay_ground(run: Run) -> _Ground:
    pieces = pd.concat([run.shared, run.reused, run.drops], ignore_index=True)
    owner = pieces["to_node"].where(pieces["kind"] == "drop").to_numpy(object)
    code = {name: number for number, name in enumerate(dict.fromkeys(owner[pd.notna(owner)]))}
    shapes = pieces.geometry.to_numpy()
    xy, line = shapely.get_coordinates(shapes, return_index=True)
    grid = np.rint(xy * 1000).astype(np.int64)
    corner = grid.min(axis=0) if len(grid) else np.zeros(2, np.int64)
    points = _distinct(_names(grid - corner))
    stretch, key = _stretches(_names(grid - corner), line, points)
    piece = line[stretch]
    mine = pd.notna(owner)[piece]
    own = _with(key[mine], np.array([code[name] for name in owner[piece[mine]]], np.int64))
    by_key, by_own = np.argsort(key[~mine], kind="stable"), np.argsort(own, kind="stable")
    return _Ground(
        corner=corner,
        points=points,
        shared=key[~mine][by_key],
        shared_piece=piece[~mine][by_key],
        own=own[by_own],
        own_piece=piece[mine][by_own],
        owner=owner,
        code=code,
        tree=shapely.STRtree(shapes),
    )


def _twins(ground: _Ground) -> list[list[int]]:
    """Return the pieces that have every stretch in common, trenches first."""
    twice = ground.shared[1:][ground.shared[1:] == ground.shared[:-1]]
    touched = np.isin(ground.shared_piece, ground.shared_piece[np.isin(ground.shared, twice)])
    table = pd.DataFrame({"piece": ground.shared_piece[touched], "key": ground.shared[touched]})
    keys_of = table.groupby("piece")["key"].agg(frozenset)
    groups: dict[frozenset[int], list[int]] = {}
    for piece, keys in zip(keys_of.index.tolist(), keys_of.tolist(), strict=True):
        groups.setdefault(keys, []).append(piece)
    return [group for group in groups.values() if len(group) > 1]


def _follow(ground: _Ground, lines: Shapes, customers: NDArray[np.object_], rows: Ints) -> tuple[Ints, list[str]]:
    """Return route times the number of pieces plus piece, for some routes; and whose route goes astray."""
    parts, of = shapely.get_parts(lines[rows], return_index=True)
    xy, line = shapely.get_coordinates(parts, return_index=True)
    names = _names(np.rint(xy * 1000).astype(np.int64) - ground.corner)
    stretch, key = _stretches(names, line, ground.points)
    route = rows[of[line[stretch]]]
    who = np.array([ground.code.get(name, -1) for name in customers[rows]], np.int64)[of[line[stretch]]]
    # a drop may run along a piece that others use: what could be its own drop is
    piece = _look_up(ground.own, ground.own_piece, _with(key, who))
    lost = np.flatnonzero(piece < 0)
    piece[lost] = _look_up(ground.shared, ground.shared_piece, key[lost])
    lost = np.flatnonzero(piece < 0)
    piece[lost] = _beneath(ground, xy[stretch[lost]], xy[stretch[lost] + 1], customers[route[lost]])
    pairs = _distinct(route[piece >= 0] * max(len(ground.owner), 1) + piece[piece >= 0])
    return pairs, [str(name) for name in customers[np.unique(route[piece < 0])]]


def _names(grid: Ints) -> NDArray[np.uint64]:
    """Return one number per place in millimetres; the last one where it is outside of what 32 bits hold."""
    inside = ((grid >= 0) & (grid < 2**32 - 1)).all(axis=1)
    names = (grid[:, 0].astype(np.uint64) << np.uint64(32)) | grid[:, 1].astype(np.uint64)
    return np.where(inside, names, np.uint64(2**64 - 1))


def _stretches(names: NDArray[np.uint64], line: Ints, points: NDArray[np.uint64]) -> tuple[Ints, NDArray[np.uint64]]:
    """Return first vertex and direction-free name of each stretch that has a length; places not known share a name."""
    number = np.searchsorted(points, names)
    if len(points):
        number[points[np.minimum(number, len(points) - 1)] != names] = len(points)
    same = (line[1:] == line[:-1]) & ((names[1:] != names[:-1]) | (number[1:] == len(points)))
    first = np.flatnonzero(same)
    low, high = np.minimum(number[first], number[first + 1]), np.maximum(number[first], number[first + 1])
    return first, (low.astype(np.uint64) << np.uint64(32)) | high.astype(np.uint64)


def _distinct(values: NDArray[Number]) -> NDArray[Number]:
    """Return the sorted values, each once; by sorting, which on numbers like these is much faster than by hashing."""
    values = np.sort(values)
    new = np.ones(len(values), bool)
    new[1:] = values[1:] != values[:-1]
    found: NDArray[Number] = values[new]
    return found


def _with(key: NDArray[np.uint64], code: Ints) -> NDArray[np.void]:
    """Return key and owner as one value that can be looked up."""
    both = np.empty(len(key), dtype=[("key", np.uint64), ("code", np.int64)])
    both["key"], both["code"] = key, code
    return both


def _look_up(keys: NDArray[np.generic], values: Ints, wanted: NDArray[np.generic]) -> Ints:
    """Return the value at each wanted key among sorted ones; -1 where there is none."""
    if len(keys) == 0:
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], -1)


def _beneath(ground: _Ground, first: NDArray[np.float64], last: NDArray[np.float64], who: NDArray[np.object_]) -> Ints:
    """Return the piece beneath each stretch: one of all, or a drop of its own; -1 where it is not covered."""
    found = np.full(len(first), -1, np.int64)
    covered = np.ones(len(first), bool)
    for where in PLACES:
        points = shapely.points(first * (1 - where) + last * where)
        row, piece = ground.tree.query(points, predicate="dwithin", distance=TOUCH_M)
        owner = ground.owner[piece]
        allowed = pd.isna(owner) | (owner == who[row])
        row, piece = row[allowed], piece[allowed]
        covered &= np.isin(np.arange(len(first)), row)
        if where == MIDDLE:
            found[row] = piece
    return np.where(covered, found, -1)


def _nodes_in_two_places(run: Run) -> list[str]:
    pieces = pd.concat([run.shared, run.reused], ignore_index=True)
    points = run.layers["access_points"]
    names = pd.concat([pieces["from_node"], pieces["to_node"], run.drops["from_node"], points["node"]])
    spots = np.concatenate(
        [
            shapely.get_point(pieces.geometry.to_numpy(), 0),
            shapely.get_point(pieces.geometry.to_numpy(), -1),
            shapely.get_point(run.drops.geometry.to_numpy(), 0),
            points.geometry.to_numpy(),
        ]
    )
    places = pd.DataFrame({"node": names.to_numpy(), "x": shapely.get_x(spots), "y": shapely.get_y(spots)})
    by_node = places.groupby("node")[["x", "y"]]
    spread = (by_node.max() - by_node.min()).max(axis=1)
    return sorted(spread.index[(spread > TOUCH_M).to_numpy()].astype(str))

"""Judge whether a way of built and existing pieces leads to every planned customer, through nobody else's drop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lastmile_net.verify.files import TOUCH_M
from lastmile_net.verify.verdict import Check, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.verify.files import Run

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Shapes = NDArray[np.object_]

PLACES = (0.02, 0.5, 0.98)
"""Where on a stretch without a twin among the pieces one looks for a piece beneath it."""


@dataclass(frozen=True, eq=False)
class Uses:
    """
    Which pieces each route runs over.

    Parameters
    ----------
    pairs
        One row per customer and piece: `customer_id`, and `trench_id` or `reused` (row), the other one empty.
    astray
        Customers whose route leaves what is built, or runs over somebody else's drop.
    """

    pairs: pd.DataFrame
    astray: frozenset[str]


def planned_have_one_drop(run: Run) -> Iterator[Check]:
    """Each planned customer has one drop and an access point; nobody else has either."""
    drops = run.drops["to_node"].value_counts()
    planned = run.planned["customer_id"]
    points = set(run.layers["access_points"]["access_point_id"])
    broken = [f"{each} ({drops.get(each, 0)} drops)" for each in planned if drops.get(each, 0) != 1]
    broken += [f"{each} (not planned)" for each in sorted(set(drops.index) - set(planned))]
    lost = ~run.planned["access_point_id"].isin(points)
    broken += [f"{each} (no such access point)" for each in planned[lost]]
    yield judge("planned_have_one_drop", f"{len(planned)} planned customers, one drop each", "drops are wrong", broken)


def drops_meet_premises(run: Run) -> Iterator[Check]:
    """See that drops end at their customers."""
    where = pd.Series(run.planned.geometry.to_numpy(), index=run.planned["customer_id"])
    where = where[~where.index.duplicated()]
    drops = run.drops[run.drops["to_node"].isin(where.index)]
    ends = shapely.get_point(drops.geometry.to_numpy(), -1)
    apart = shapely.distance(ends, where.reindex(drops["to_node"]).to_numpy())
    broken = drops["to_node"][~(apart <= TOUCH_M)]
    yield judge("drops_meet_premises", f"{len(drops)} drops end at their customer", "drops end elsewhere", broken)


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
    right = f"{len(planned)} planned customers hang together with their access points"
    yield judge("planned_are_connected", right, "no built way leads to customers", broken)
    broken = _nodes_in_two_places(run)
    yield judge("nodes_are_places", f"{len(index)} nodes, one place each", "ends of one node lie apart", broken)


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
    right = f"no way leads through one of {len(where)} customers"
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
    points = run.layers["access_points"].drop_duplicates("access_point_id").set_index("access_point_id").geometry
    line = both["geometry_told"].to_numpy()
    whole = shapely.get_type_id(line) == shapely.GeometryType.LINESTRING
    first, last = shapely.get_point(line, 0), shapely.get_point(line, -1)
    start = shapely.distance(first, points.reindex(both["access_point_id"]).to_numpy()) <= TOUCH_M
    end = shapely.distance(last, both.geometry.to_numpy()) <= TOUCH_M
    same = (both["access_point_id"] == both["access_point_id_told"]).to_numpy()
    broken |= {f"{each} (its ends)" for each in both["customer_id"][~(whole & start & end & same)]}
    broken |= {f"{each} (leaves what is built)" for each in pieces_of_routes(run).astray}
    right = f"{len(routes)} routes lie on built and existing pieces"
    yield judge("routes_lie_on_what_is_built", right, "routes are broken or lead where nothing is", sorted(broken))


def trenches_carry_their_customers(run: Run) -> Iterator[Check]:
    """Count customers and homes of each piece by the routes over it; nothing is dug for nobody."""
    if run.routes is None:
        return
    uses = pieces_of_routes(run).pairs
    uses = uses.assign(homes=uses["customer_id"].map(run.new_homes).fillna(0).astype(np.int64))
    trenches, reused = run.layers["trenches"], run.reused
    by = uses.groupby("trench_id")["homes"].agg(["size", "sum"]).reindex(trenches["trench_id"]).fillna(0).to_numpy()
    wrong = (trenches["customers"].to_numpy() != by[:, 0]) | (trenches["units"].to_numpy() != by[:, 1])
    locked = run.layers["streets"]["include"].fillna(value=False).astype(bool).any()
    wrong |= (by[:, 0] == 0) & (not locked)
    homes = uses.groupby("reused")["homes"].sum().reindex(np.arange(len(reused))).fillna(0).to_numpy()
    broken = [
        f"{name}: {told} homes, {homes:g} by the routes"
        for name, told, homes in zip(trenches["trench_id"][wrong], trenches["units"][wrong], by[wrong, 1], strict=True)
    ]
    broken += list(reused["backbone_id"][reused["units"].to_numpy() != homes])
    right = f"homes of {len(trenches)} trenches and {len(reused)} reused pieces are those of the routes"
    yield judge("trenches_carry_their_customers", right, "homes served through pieces are wrong", broken)


@lru_cache(maxsize=1)
def pieces_of_routes(run: Run) -> Uses:
    """
    Follow every route over the pieces beneath it.

    Each stretch between two vertices is looked up among those of the pieces, to the millimetre; the few that have no
    twin there are looked up by place. A drop counts for its own customer only.
    """
    assert run.routes is not None
    pieces = pd.concat([run.shared, run.reused, run.drops], ignore_index=True)
    owner = pieces["to_node"].where(pieces["kind"] == "drop").to_numpy(object)
    customers = run.routes["customer_id"].to_numpy(object)
    lines = np.concatenate([pieces.geometry.to_numpy(), run.routes.geometry.to_numpy()])
    line, key, middle = _stretches(lines)
    code = pd.factorize(np.concatenate([owner, customers]))[0]
    mine = line < len(pieces)
    route, wanted = line[~mine] - len(pieces), key[~mine]
    own = _look_up(_with(key[mine], code[line[mine]]), line[mine], _with(wanted, code[line[~mine]]))
    shared = code[line[mine]] < 0
    found = _look_up(key[mine][shared], line[mine][shared], wanted)
    found = np.where(found < 0, own, found)
    lost = np.flatnonzero(found < 0)
    found[lost] = _beneath(lines, code, middle[~mine][lost], code[len(pieces) + route[lost]], len(pieces))
    astray = frozenset(map(str, customers[np.unique(route[found < 0])]))
    pairs = np.unique(np.column_stack([route, found])[found >= 0], axis=0)
    drops = _own_drops(owner, customers)
    pairs = np.unique(np.concatenate([pairs, drops]), axis=0)
    return Uses(_named(run, pairs, customers), astray)


def _named(run: Run, pairs: Ints, customers: NDArray[np.object_]) -> pd.DataFrame:
    ids = np.concatenate([run.shared["trench_id"], np.full(len(run.reused), None), run.drops["trench_id"]])
    row = pairs[:, 1] - len(run.shared)
    reused = (row >= 0) & (row < len(run.reused))
    return pd.DataFrame(
        {
            "customer_id": customers[pairs[:, 0]],
            "trench_id": ids[pairs[:, 1]],
            "reused": np.where(reused, row, np.nan),
        }
    )


def _own_drops(owner: NDArray[np.object_], customers: NDArray[np.object_]) -> Ints:
    """Pair each route with its customer's drop, which may have no length."""
    drop = np.flatnonzero(pd.notna(owner))
    first = {name: row for row, name in reversed(list(enumerate(customers)))}
    row = np.array([first.get(name, -1) for name in owner[drop]], np.int64)
    return np.column_stack([row, drop])[row >= 0]


def _stretches(lines: Shapes) -> tuple[Ints, NDArray[np.uint64], NDArray[np.float64]]:
    """Return line, direction-free name and three places of each stretch between two vertices; none of no length."""
    parts, owner = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    grid = np.rint(xy * 1000).astype(np.int64)
    grid -= grid.min(axis=0) if len(grid) else 0
    names = (grid[:, 0].astype(np.uint64) << np.uint64(32)) | grid[:, 1].astype(np.uint64)
    number = np.unique(names, return_inverse=True)[1].reshape(-1).astype(np.uint64)
    real = np.flatnonzero((part[1:] == part[:-1]) & (number[1:] != number[:-1]))
    low, high = np.minimum(number[real], number[real + 1]), np.maximum(number[real], number[real + 1])
    places = np.stack([xy[real] * (1 - where) + xy[real + 1] * where for where in PLACES], axis=1)
    return owner[part[real]], (low << np.uint64(32)) | high, places


def _with(key: NDArray[np.uint64], code: Ints) -> NDArray[np.void]:
    """Return key and owner as one value that can be looked up."""
    both = np.empty(len(key), dtype=[("key", np.uint64), ("code", np.int64)])
    both["key"], both["code"] = key, code
    return both


def _look_up(keys: NDArray[np.generic], values: Ints, wanted: NDArray[np.generic]) -> Ints:
    """Return the value at each wanted key; -1 where there is none."""
    if len(keys) == 0:
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][place] == wanted, values[order][place], -1)


def _beneath(lines: Shapes, code: Ints, places: NDArray[np.float64], who: Ints, pieces: int) -> Ints:
    """Return the piece beneath each stretch: one of all, or a drop of its own; -1 where it is not covered."""
    found = np.full(len(places), -1, np.int64)
    if len(places) == 0:
        return found
    tree, covered = shapely.STRtree(lines[:pieces]), np.ones(len(places), bool)
    for place in range(len(PLACES)):
        row, piece = tree.query(shapely.points(places[:, place]), predicate="dwithin", distance=TOUCH_M)
        allowed = (code[piece] < 0) | (code[piece] == who[row])
        row, piece = row[allowed], piece[allowed]
        covered &= np.isin(np.arange(len(places)), row)
        if PLACES[place] == 0.5:
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

"""The network beyond the limits: longer drops, links to street islands, exclusions lifted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyproj
import shapely

from lastmile_net.cost import (
    count_crossings,
    exclusions,
    price_drops,
    price_edges,
    price_fibre,
    price_reuse,
    to_cents,
)
from lastmile_net.network.attach import lay_drops
from lastmile_net.network.candidates import blocked, enters
from lastmile_net.network.network import STREET, components
from lastmile_net.network.split import split
from lastmile_net.solve.problem import MILLI, MM_PER_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.coverage.question import Flags, Floats, Ints, Question, Texts
    from lastmile_net.network.network import StreetNetwork

AREA = "the excluded area"
SEARCHES = 4
"""A barrier between a customer and its nearest street makes us look so many times, twice as far each time."""


@dataclass(frozen=True, eq=False)
class Beyond:
    """
    A network in which every unserved customer with a place can be reached, and what that takes.

    Parameters
    ----------
    tail, head, length_mm, price, fibre
        int64 (m,). Edges; prices in thousandths of the currency, 0 where the plan has built already.
    usable
        bool (m,). Edges that may be used.
    parent
        int64 (m,). Edge of the plan's network that each one is a piece of; -1 for a link.
    link
        int64 (n,). Link that ties in each node; -1 where none is needed.
    link_m, link_at
        Length of each link, and its two ends as text.
    drops
        One row per drop: `customer`, `node`, `drop_m`, `price` (thousandths, its fibre included), `drop_mm`, `line`,
        and the exclusions to be `lifted` as below.
    lifted
        object (m,). Exclusions, a tuple of names, that must be lifted before the edge can be used.
    """

    tail: Ints
    head: Ints
    length_mm: Ints
    price: Ints
    fibre: Ints
    usable: Flags
    parent: Ints
    link: Ints
    link_m: Floats
    link_at: Texts
    drops: pd.DataFrame
    lifted: Texts

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.link)


def beyond_limits(question: Question, rows: Ints) -> Beyond:
    """Return the network with drops of any length, and a link to each street island, for some customers."""
    network = question.network
    drops = question.drops[question.drops["customer"].isin(rows)]
    has = np.zeros(len(question.units), bool)
    has[drops["customer"].to_numpy()[question.tied[drops["node"].to_numpy()]]] = True
    lacking = rows[~has[rows]]
    tied_edge = question.eligible & question.tied[network.tail]
    far = _nearest_open(question, lacking, tied_edge)
    near = _nearest_open(question, lacking, question.eligible)
    near = near[~question.tied[network.tail[near["edge"].to_numpy()]]]
    extra = pd.concat([far, near], ignore_index=True)
    islands = np.r_[drops["node"].to_numpy(np.int64), network.tail[near["edge"].to_numpy(np.int64)]]
    links = _links(question, np.unique(question.part[islands[~question.tied[islands]]]))
    cuts = pd.concat(
        [
            extra[["edge", "offset_m"]],
            *(links[[f"edge_{end}", f"offset_{end}"]].set_axis(["edge", "offset_m"], axis=1) for end in "ab"),
        ],
        ignore_index=True,
    )
    grown, parent, node = _split(network, cuts)
    ends = node[len(extra) :].reshape(2, -1)
    beyond = _lay(question, grown, parent, ends, links)
    own = drops.assign(price=question.drop_cost[drops.index.to_numpy()], line=drops.geometry.to_numpy())
    laid = lay_drops(grown, node[: len(extra)], question.points[extra["customer"].to_numpy()])
    drop_m = shapely.length(laid)
    made = extra.assign(node=node[: len(extra)], drop_m=drop_m, line=laid, price=_drop_price(question, drop_m, laid))
    columns = ["customer", "node", "drop_m", "price", "line"]
    both = pd.concat([pd.DataFrame(own[columns]), made[columns]], ignore_index=True)
    both["lifted"] = _nothing(len(both))
    return replace(beyond, drops=_priced(question, both))


def with_full_lines(question: Question) -> Question:
    """Return the question with the lines that have no room from the start opened, at the price of their use."""
    network, model = question.network, question.config.cost
    full = question.prices.capacity == 0
    if not full.any():
        return question
    roomy = replace(network, backbone=network.backbone.assign(units_free=1.0))
    price = to_cents(price_reuse(roomy, model)[0] * network.length_m)
    return replace(
        question,
        edge_price=np.where(full, price, question.edge_price),
        edge_fibre=np.where(full, price_fibre(network.length_m, model), question.edge_fibre),
    )


def without_exclusions(question: Question, rows: Ints) -> Beyond:
    """Return the network with all that the planner has excluded, streets and areas, opened again."""
    layers = question.layers
    streets = layers.streets.assign(exclude=False)
    opened = replace(question.network, streets=streets)
    prices = price_edges(opened, question.config.cost, rail_water=layers.rail_water, barriers=layers.barriers)
    fresh = np.isfinite(prices.build) & ~np.isfinite(question.edge_price)
    price = np.where(fresh, prices.build, question.edge_price)
    by_street, by_area = exclusions(question.network, layers.excluded)
    lifted = _names(np.where(by_street & fresh, question.network.street_id, ""), by_area & fresh)
    wide = replace(
        question,
        edge_price=price,
        edge_fibre=np.where(fresh, price_fibre(question.network.length_m, question.config.cost), question.edge_fibre),
        eligible=question.eligible | (fresh & (question.network.kind == STREET)),
        layers=replace(layers, excluded=None),
        drops=question.drops.iloc[:0],
        drop_cost=question.drop_cost[:0],
    )
    beyond = beyond_limits(wide, rows)
    through = enters(beyond.drops["line"].to_numpy(object), layers.excluded)
    drops = beyond.drops.assign(lifted=_names(np.full(len(through), "", object), through))
    return replace(beyond, lifted=np.append(lifted, _nothing(1))[beyond.parent], drops=drops)


def _names(street: Texts, in_area: Flags) -> Texts:
    """Return what must be lifted of each: a street, where one is named, and the excluded area."""
    area = np.where(in_area, AREA, "")
    names: Texts = np.empty(len(street), object)
    names[:] = [tuple(filter(None, each)) for each in zip(street.tolist(), area.tolist(), strict=True)]
    return names


def _nothing(size: int) -> Texts:
    """Return that nothing must be lifted."""
    return _names(np.full(size, "", object), np.zeros(size, bool))


def _nearest_open(question: Question, rows: Ints, edges: Flags) -> pd.DataFrame:
    """Return, for customers, the nearest of some edges that no barrier or excluded area parts them from."""
    edge = np.flatnonzero(edges)
    columns = ["customer", "edge", "drop_m", "offset_m"]
    if len(rows) == 0 or len(edge) == 0:
        return pd.DataFrame({name: np.empty(0, np.int64 if name in columns[:2] else float) for name in columns})
    lines, layers = question.network.geometry[edge], question.layers
    tree = shapely.STRtree(lines)
    (at, which), distance = tree.query_nearest(question.points[rows], return_distance=True, all_matches=True)
    found, left, reach = [], rows, np.full(len(question.units), question.config.max_drop_m)
    reach[rows[at]] = np.maximum(distance, 1.0)
    for _ in range(SEARCHES):
        pairs = pd.DataFrame({"customer": left[at], "edge": edge[which], "drop_m": distance})
        shut = blocked(question.points[pairs["customer"]], lines[which], layers.barriers, layers.excluded)
        pairs = pairs[~shut].sort_values(["customer", "drop_m", "edge"], kind="stable").drop_duplicates("customer")
        found.append(pairs)
        left = np.setdiff1d(left, pairs["customer"].to_numpy())
        if len(left) == 0:
            break
        reach[left] *= 2
        at, which = tree.query(question.points[left], predicate="dwithin", distance=reach[left])
        distance = shapely.distance(question.points[left[at]], lines[which])
    pairs = pd.concat(found, ignore_index=True)
    geometry = question.network.geometry[pairs["edge"].to_numpy()]
    pairs["offset_m"] = shapely.line_locate_point(geometry, question.points[pairs["customer"].to_numpy()])
    return pairs.sort_values(["customer", "edge"], kind="stable").reset_index(drop=True)


def _links(question: Question, islands: Ints) -> pd.DataFrame:
    """Return the shortest link from each island to the tied streets: both ends, length, price."""
    network = question.network
    usable = np.isfinite(question.edge_price) & (network.kind == STREET)
    goal = np.flatnonzero(usable & question.tied[network.tail])
    rows = []
    tree = shapely.STRtree(network.geometry[goal])
    part = np.where(usable, question.part[network.tail], -1)
    for island in islands.tolist() if len(goal) else []:
        mine = np.flatnonzero(part == island)
        if len(mine) == 0:
            continue
        (a, b), distance = tree.query_nearest(network.geometry[mine], return_distance=True, all_matches=False)
        best = int(np.lexsort((goal[b], mine[a], np.round(distance, 6)))[0])
        rows.append((island, mine[a[best]], goal[b[best]]))
    table = pd.DataFrame(rows, columns=["island", "edge_a", "edge_b"]).astype(np.int64)
    one, other = network.geometry[table["edge_a"].to_numpy()], network.geometry[table["edge_b"].to_numpy()]
    bridge = shapely.shortest_line(one, other)
    table["offset_a"] = shapely.line_locate_point(one, shapely.get_point(bridge, 0))
    table["offset_b"] = shapely.line_locate_point(other, shapely.get_point(bridge, 1))
    return table


def _split(network: StreetNetwork, cuts: pd.DataFrame) -> tuple[StreetNetwork, Ints, Ints]:
    """Split a network, and say which edge each piece is of."""
    numbered = replace(network, source=np.arange(len(network.tail)))
    edge = cuts["edge"].to_numpy(np.int64)
    grown, node = split(numbered, edge, cuts["offset_m"].to_numpy(np.float64))
    parent = grown.source
    return replace(grown, source=network.source[parent]), parent, node


def _lay(
    question: Question, grown: StreetNetwork, parent: Ints, ends: NDArray[np.int64], links: pd.DataFrame
) -> Beyond:
    """Put the links into the split network, and price its edges by the part of their whole that they are."""
    model = question.config.cost
    spots = np.column_stack([grown.x, grown.y])
    link_m = np.hypot(*(spots[ends[0]] - spots[ends[1]]).T) if ends.size else np.empty(0)
    each = model.dig_price(model.surface_otherwise)
    link_price = to_cents(link_m * (each.value if each is not None else 0.0))
    whole = question.network.length_m[parent]
    share = np.divide(grown.length_m, whole, out=np.ones(len(whole)), where=whole > 0)
    usable = np.isfinite(question.edge_price[parent])
    price = np.where(usable & ~question.built[parent], np.nan_to_num(question.edge_price[parent], posinf=0), 0) * share
    fibre = np.where(usable, np.nan_to_num(question.edge_fibre[parent], posinf=0), 0) * share
    length_m = np.r_[grown.length_m, link_m]
    tail, head = np.r_[grown.tail, ends[0]], np.r_[grown.head, ends[1]]
    apart = components(len(grown.x), grown.tail[usable], grown.head[usable])
    link = np.full(len(grown.x), -1)
    for number, node in enumerate(ends[0].tolist()):
        link[apart == apart[node]] = number
    return Beyond(
        tail=tail,
        head=head,
        length_mm=_whole(length_m * MM_PER_M),
        price=_whole(np.r_[price, link_price] * MILLI),
        fibre=_whole(np.r_[fibre, price_fibre(link_m, model)] * MILLI),
        usable=np.r_[usable, np.ones(len(link_m), bool)],
        parent=np.r_[parent, np.full(len(link_m), -1)],
        link=link,
        link_m=link_m,
        link_at=_lonlat(question, spots[ends[0]], spots[ends[1]]),
        drops=pd.DataFrame(),
        lifted=_nothing(len(length_m)),
    )


def _lonlat(question: Question, one: Floats, other: Floats) -> Texts:
    """Return pairs of places in degrees, `lon,lat to lon,lat`."""
    degrees = pyproj.Transformer.from_crs(question.network.crs, 4326, always_xy=True)
    ends = [np.column_stack(degrees.transform(*place.T)) if len(place) else place for place in (one, other)]
    texts = [f"{a[0]:.8f},{a[1]:.8f} to {b[0]:.8f},{b[1]:.8f}" for a, b in zip(*ends, strict=True)]
    return np.array(texts, object)


def _drop_price(question: Question, drop_m: Floats, lines: Texts) -> Floats:
    crossed = count_crossings(lines, question.layers.rail_water, question.centre_lines)
    return price_drops(drop_m, question.config.cost, crossed)


def _priced(question: Question, drops: pd.DataFrame) -> pd.DataFrame:
    drop_m = drops["drop_m"].to_numpy(np.float64)
    money = drops["price"].to_numpy(np.float64) + price_fibre(drop_m, question.config.cost)
    return drops.assign(price=_whole(money * MILLI), drop_mm=_whole(drop_m * MM_PER_M))


def _whole(values: Floats) -> Ints:
    return np.round(values).astype(np.int64)

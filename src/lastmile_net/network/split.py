"""Split edges of a network at places along them, each edge once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.network.noding import DECIMALS, WELD_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.network.network import StreetNetwork

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

NEW = -1
"""A split that makes a node of its own."""


@dataclass(frozen=True, eq=False)
class _Cuts:
    """Distinct places at which edges are cut: edge, offset along it in metres, place, node."""

    edge: Ints
    offset_m: Floats
    xy: Floats
    node: Ints


def split(
    network: StreetNetwork, edge: Ints, offset_m: Floats, target: Ints | None = None
) -> tuple[StreetNetwork, Ints]:
    """
    Split edges at offsets, and return the node at each of them.

    Offsets within `WELD_M` of each other, or of an end, are one place.

    Parameters
    ----------
    network
        Network to be split; it stays as it is.
    edge
        int64 (k,). Edge of each place.
    offset_m
        float64 (k,). Distance from the edge's tail along it.
    target
        int64 (k,). Node that stands at the place already, from another edge; `NEW` for none.

    Returns
    -------
    network
        Nodes that were there keep their numbers, new ones come after them; pieces stand in the place of their edge.
    node
        int64 (k,).
    """
    if len(edge) == 0:
        return network, np.empty(0, np.int64)
    target = np.full(len(edge), NEW) if target is None else target
    length = network.length_m[edge]
    at_tail, at_head = offset_m <= WELD_M, offset_m >= length - WELD_M
    inner = np.flatnonzero(~(at_tail | at_head))
    node = np.where(at_tail, network.tail[edge], network.head[edge])
    cuts, group = _distinct(network, edge[inner], offset_m[inner], target[inner])
    node[inner] = cuts.node[group]
    return _split(network, cuts), node


def _distinct(network: StreetNetwork, edge: Ints, offset_m: Floats, target: Ints) -> tuple[_Cuts, Ints]:
    """Unite requests at one place; number the new nodes."""
    order = np.lexsort((target, offset_m, edge))
    new = np.ones(len(order), bool)
    new[1:] = (edge[order][1:] != edge[order][:-1]) | (np.diff(offset_m[order]) > WELD_M)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    first = order[new]
    told = np.full(len(first), np.iinfo(np.int64).max)
    has = target >= 0
    np.minimum.at(told, group[has], target[has])
    fresh = told == np.iinfo(np.int64).max
    node = np.where(fresh, len(network.x) + np.cumsum(fresh) - 1, told)
    points = shapely.line_interpolate_point(network.geometry[edge[first]], offset_m[first])
    xy = np.round(shapely.get_coordinates(points), DECIMALS)
    xy[~fresh] = np.column_stack([network.x[node[~fresh]], network.y[node[~fresh]]])
    return _Cuts(edge[first], offset_m[first], xy, node), group


def _split(network: StreetNetwork, cuts: _Cuts) -> StreetNetwork:
    if len(cuts.edge) == 0:
        return network
    fresh = cuts.node >= len(network.x)
    number = np.bincount(cuts.edge, minlength=len(network.tail)) + 1
    parent = np.repeat(np.arange(len(number)), number)
    last = np.cumsum(number) - 1
    begins = np.ones(len(parent), bool)
    begins[last - number + 1] = False
    ends = np.ones(len(parent), bool)
    ends[last] = False
    tail, head = network.tail[parent], network.head[parent]
    tail[begins], head[ends] = cuts.node, cuts.node
    geometry = network.geometry[parent]
    touched = number[parent] > 1
    geometry[touched] = _cut_geometry(network.geometry, cuts)
    return replace(
        network,
        x=np.r_[network.x, cuts.xy[fresh, 0]],
        y=np.r_[network.y, cuts.xy[fresh, 1]],
        tail=tail,
        head=head,
        length_m=np.where(touched, shapely.length(geometry), network.length_m[parent]),
        kind=network.kind[parent],
        side=network.side[parent],
        street_id=network.street_id[parent],
        source=network.source[parent],
        geometry=geometry,
    )


def _cut_geometry(lines: NDArray[np.object_], cuts: _Cuts) -> NDArray[np.object_]:
    """Return the pieces of the lines that are cut, line after line, in their direction."""
    which, of_cut = np.unique(cuts.edge, return_inverse=True)
    xy, line = shapely.get_coordinates(lines[which], return_index=True)
    step = np.r_[0.0, np.hypot(*np.diff(xy, axis=0).T)]
    step[np.r_[True, line[1:] != line[:-1]]] = 0.0
    run = np.cumsum(step)
    start = run[np.r_[True, line[1:] != line[:-1]]]
    measure = run - start[line]
    # each cut ends one piece and begins the next: it is put in twice
    key_line = np.r_[line, of_cut, of_cut]
    key_measure = np.r_[measure, cuts.offset_m, cuts.offset_m]
    is_cut = np.r_[np.zeros(len(line), bool), np.ones(2 * len(of_cut), bool)]
    second = np.r_[np.zeros(len(line) + len(of_cut), bool), np.ones(len(of_cut), bool)]
    # a vertex right at a cut belongs to neither side: the cut stands for it
    order = np.lexsort((second, is_cut, key_measure, key_line))
    all_xy = np.r_[xy, cuts.xy, cuts.xy][order]
    starts = second[order] | np.r_[True, key_line[order][1:] != key_line[order][:-1]]
    piece = np.cumsum(starts) - 1
    repeated = np.r_[
        False, (piece[1:] == piece[:-1]) & (np.abs(np.diff(all_xy, axis=0)) < 10**-DECIMALS / 2).all(axis=1)
    ]
    # a vertex that repeats a cut goes, not the cut; the cut comes after it, or before it as the start of its piece
    cut_here = is_cut[order]
    drop = repeated & ~cut_here
    drop |= np.r_[(repeated & cut_here)[1:], False] & ~cut_here
    keep = ~drop | cut_here
    return np.asarray(shapely.linestrings(all_xy[keep], indices=piece[keep]), object)

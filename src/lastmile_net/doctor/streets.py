"""Streets: gaps, islands, crossings without a node, overlaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import agree, counted
from lastmile_net.crs import LONLAT
from lastmile_net.doctor.findings import Finding
from lastmile_net.network.noding import TOUCH_M

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.doctor.examine import Patient

GAP_M = 2.0
"""A street end nearer than this to another street, without touching it, is a near miss (exclusive)."""
NEAR_M = 20.0
"""An island this near to other streets (inclusive) may only lack a piece that nobody has drawn."""
MIN_OVERLAP_M = 0.5


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what is wrong with the streets."""
    if not len(patient.streets):
        return
    cost = _cut_off(patient)
    yield from _near_misses(patient, cost)
    yield from _islands(patient, cost)
    yield from _meetings(patient)
    yield from _self_crossings(patient)


def _millimetres(xy: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Places as one comparable number each."""
    return np.round(xy[:, 0], 3) + 1j * np.round(xy[:, 1], 3)


@dataclass(frozen=True, eq=False)
class Gap:
    """The end of one street, and the place on the other that it stops short of; streets are row numbers."""

    street: int
    other: int
    end: shapely.Point
    meet: shapely.Point
    gap_m: float


def near_misses(patient: Patient) -> list[Gap]:
    """
    Find street ends that stop short of another street of their level by less than `GAP_M`.

    Returns
    -------
    gaps
        One per end, to the nearest other street; the narrowest first, then by street.
    """
    lines = patient.street_lines
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    street = np.tile(np.arange(len(lines)), 2)
    loose = np.flatnonzero(patient.joints.loose.T.ravel())
    end, other = patient.street_tree.query(ends[loose], predicate="dwithin", distance=GAP_M)
    end = loose[end]
    elsewhere = (street[end] != other) & (patient.level[street[end]] == patient.level[other])
    end, other = end[elsewhere], other[elsewhere]
    gap_m = shapely.distance(ends[end], lines[other])
    table = pd.DataFrame({"end": end, "other": other, "gap_m": gap_m})
    table = table.sort_values(["end", "gap_m", "other"]).drop_duplicates("end")
    table = table[table["gap_m"] < GAP_M]
    end, other, gap_m = (table[name].to_numpy() for name in ("end", "other", "gap_m"))
    meet = shapely.line_interpolate_point(lines[other], shapely.line_locate_point(lines[other], ends[end]))
    gaps = [
        Gap(int(street[e]), int(o), ends[e], m, float(g)) for e, o, m, g in zip(end, other, meet, gap_m, strict=True)
    ]
    return sorted(gaps, key=lambda gap: (gap.gap_m, gap.street))


def _near_misses(patient: Patient, cost: pd.Series[int]) -> Iterator[Finding]:
    ids, component = patient.streets["street_id"].to_numpy(), patient.component
    seen: set[tuple[str, ...]] = set()
    for gap in near_misses(patient):
        rows = tuple(sorted((str(ids[gap.street]), str(ids[gap.other]))))
        if rows in seen:
            continue
        seen.add(rows)
        apart = component[gap.street] != component[gap.other]
        lost = sum(int(cost.get(component[each], 0)) for each in (gap.street, gap.other)) if apart else 0
        yield Finding(
            "near_miss",
            "streets",
            rows,
            f"street {ids[gap.street]} ends {gap.gap_m:.2f} m short of street {ids[gap.other]}",
            "Snap the end to the street, or let --fix do it; leave it if there is a wall between them.",
            shapely.LineString([gap.end, gap.meet]),
            lost,
            gap.gap_m,
        )


def _cut_off(patient: Patient) -> pd.Series[int]:
    """Count, for each component without a tap, the customers that reach no other; components with taps are absent."""
    islands = np.setdiff1d(patient.component, patient.ties.components)
    cost = pd.Series(0, index=islands)
    if not len(patient.points) or not len(islands):
        return cost
    reach_m = patient.reach_m
    on_island = np.isin(patient.component, islands)
    lines = patient.backbone.geometry.to_numpy()[patient.ties.lines]
    main = shapely.STRtree(np.r_[patient.street_lines[~on_island], lines])
    island_rows = np.flatnonzero(on_island)
    near = shapely.STRtree(patient.street_lines[island_rows])
    who, where = near.query_nearest(patient.points, max_distance=reach_m, all_matches=False)
    safe, _ = main.query_nearest(patient.points[who], max_distance=reach_m, all_matches=False)
    lost = np.delete(np.arange(len(who)), safe)
    counts = pd.Series(patient.component[island_rows[where[lost]]]).value_counts()
    return cost.add(counts, fill_value=0).astype(int)


def _islands(patient: Patient, cost: pd.Series[int]) -> Iterator[Finding]:
    ids = patient.streets["street_id"].to_numpy()
    for component, customers in cost.items():
        rows = np.flatnonzero(patient.component == component)
        length_m = float(shapely.length(patient.street_lines[rows]).sum())
        which = f"{counted(len(rows), 'street')} ({length_m:,.0f} m) {agree(len(rows), 'is', 'are')}"
        lost = f"{counted(customers, 'customer')} {agree(customers, 'reaches', 'reach')} no other"
        lost = lost if customers else f"no customer depends on {agree(len(rows), 'it', 'them')}"
        yield Finding(
            "island",
            "streets",
            tuple(sorted(str(each) for each in ids[rows])),
            f"{which} not tied to the backbone; {lost}{_nearest(patient, rows)}",
            "Add the missing piece of street, where they come near others, or a backbone point, or raise max_drop_m.",
            shapely.MultiLineString(shapely.get_parts(patient.street_lines[rows]).tolist()),
            int(customers),
            length_m,
        )


def _nearest(patient: Patient, rows: NDArray[np.int64]) -> str:
    """Tell where, and how far, an island lies from another street of its level that is near; nothing if none is."""
    lines = patient.street_lines
    mine, other = patient.street_tree.query(lines[rows], predicate="dwithin", distance=NEAR_M)
    mine = rows[mine]
    apart = (patient.component[other] != patient.component[mine]) & (patient.level[other] == patient.level[mine])
    mine, other = mine[apart], other[apart]
    if not len(mine):
        return ""
    gap_m = shapely.distance(lines[mine], lines[other])
    best = int(np.lexsort((other, mine, gap_m))[0])
    place = shapely.get_point(shapely.shortest_line(lines[mine[best]], lines[other[best]]), 0)
    at = gpd.GeoSeries([place], crs=patient.crs).to_crs(LONLAT).iloc[0]
    ids = patient.streets["street_id"].to_numpy()
    near = f"street {ids[mine[best]]} comes within {gap_m[best]:.2f} m of street {ids[other[best]]}"
    return f"; {near} at {at.x:.6f},{at.y:.6f} (lon,lat)"


def _meetings(patient: Patient) -> Iterator[Finding]:
    """Find streets of one level that meet where they share no vertex, or run along the same line."""
    lines, level, ids = patient.street_lines, patient.level, patient.streets["street_id"].to_numpy()
    one, other = patient.street_tree.query(lines, predicate="intersects")
    keep = (one < other) & (level[one] == level[other])
    one, other = one[keep], other[keep]
    shared = shapely.intersection(lines[one], lines[other])
    parts, pair = shapely.get_parts(shared, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    pair = pair[inner]
    along = shapely.length(parts)
    metres = np.bincount(pair, along, minlength=len(one))
    for each in np.flatnonzero(metres >= MIN_OVERLAP_M):
        yield Finding(
            "overlap",
            "streets",
            (str(ids[one[each]]), str(ids[other[each]])),
            f"streets {ids[one[each]]} and {ids[other[each]]} run along the same line for {metres[each]:.1f} m",
            "Delete one of them if they are the same street: a trench might be paid twice.",
            shared[each],
            0,
            float(metres[each]),
        )
    spots = np.flatnonzero(shapely.get_type_id(parts) == 0)
    loose = spots[
        ~_has_vertex(lines, one[pair[spots]], parts[spots]) | ~_has_vertex(lines, other[pair[spots]], parts[spots])
    ]
    for each in np.unique(pair[loose]):
        yield Finding(
            "crossing_without_node",
            "streets",
            (str(ids[one[each]]), str(ids[other[each]])),
            f"streets {ids[one[each]]} and {ids[other[each]]} meet where they share no vertex; "
            "they are taken to be joined",
            "Give one of them bridge, tunnel or layer if they are not joined.",
            shapely.MultiPoint(parts[loose[pair[loose] == each]].tolist()),
        )


def _has_vertex(lines: NDArray[np.object_], line: NDArray[np.int64], points: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Whether each line has a vertex at its point."""
    corners, owner = shapely.get_coordinates(lines[line], return_index=True)
    spot = shapely.get_coordinates(points)[owner]
    near = np.abs(corners - spot).max(axis=1) <= TOUCH_M if len(corners) else np.empty(0, bool)
    return np.bincount(owner[near], minlength=len(line)) > 0


def _self_crossings(patient: Patient) -> Iterator[Finding]:
    """Find streets that cross themselves; loops that come back to one of their vertices are fine."""
    lines, ids = patient.street_lines, patient.streets["street_id"].to_numpy()
    for row in np.flatnonzero(~shapely.is_simple(lines)):
        noded = _millimetres(shapely.get_coordinates(shapely.node(lines[row])))
        new = np.setdiff1d(noded, _millimetres(shapely.get_coordinates(lines[row])))
        if len(new):
            yield Finding(
                "self_crossing",
                "streets",
                (str(ids[row]),),
                f"street {ids[row]} crosses itself where it has no vertex; it is taken to be joined there",
                "Split it there, or give its upper part a bridge tag.",
                shapely.MultiPoint([(each.real, each.imag) for each in new]),
            )

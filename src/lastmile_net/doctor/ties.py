"""Which streets and lines hang together with a place where one may connect: by the rules of `build_network`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.network.network import components
from lastmile_net.network.noding import joints
from lastmile_net.network.taps import tapped_lines
from lastmile_net.network.tie import is_line, point_reach_m, usable_roles, usable_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.doctor.examine import Patient

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ties:
    """
    What is tied to the backbone.

    Parameters
    ----------
    components
        int64. Components of the streets that hang together with a tap.
    usable
        bool (b,). Rows of the backbone that are lines which new customers can use.
    lines
        bool (b,). Those of them that hang together with a tap.
    """

    components: Ints
    usable: Flags
    lines: Flags


def tap_points(backbone: gpd.GeoDataFrame, tap_roles: Sequence[str]) -> Flags:
    """Return which rows of a backbone are points where one may connect: without a role they count as such."""
    role = backbone["role"].fillna("").astype(str) if "role" in backbone else pd.Series("", index=backbone.index)
    return np.asarray(~is_line(backbone) & role.isin(["", *tap_roles]).to_numpy(bool), dtype=bool)


def tie(patient: Patient) -> Ties:
    """
    Find what hangs together with a tap; a row of the backbone without a role counts as one that may be tapped.

    A point is tied to the nearest street within `point_reach_m`; points and streets to each usable line within
    `connector_m`.
    """
    table, config = patient.backbone, patient.config
    table = table.assign(**{name: None for name in ("role", "units_free") if name not in table})
    shapes, role = table.geometry.to_numpy(), table["role"].fillna("").to_numpy(object)
    unknown, points = role == "", tap_points(table, config.tap_roles)
    roles = usable_roles(config.cost.reuse_cost_per_m.roles, tap=config.tap, tap_roles=config.tap_roles)
    usable = is_line(table) & (usable_rows(table, roles) | unknown)
    tapped = tapped_lines(int(points.sum()), tap=config.tap, tap_roles=config.tap_roles)
    taps = points | (usable & (np.isin(role.astype(str), tapped) | unknown))

    line, point = np.flatnonzero(usable), np.flatnonzero(points)
    streets, lines, near_m = patient.street_tree, shapely.STRtree(shapes[line]), config.connector_m
    by_line = streets.query(shapes[line], predicate="dwithin", distance=near_m)
    by_point = streets.query_nearest(shapes[point], max_distance=point_reach_m(near_m), all_matches=False)
    spliced = lines.query(shapes[point], predicate="dwithin", distance=near_m)
    # streets are numbered by component, then come the rows of the backbone, then the lines by what they join
    first, size = int(patient.component.max()) + 1, len(table)
    joined = first + size + joints(table.iloc[:0], table.iloc[line]).component
    one = np.r_[line[by_line[0]], point[by_point[0]], point[spliced[0]], line] + first
    other = np.r_[patient.component[by_line[1]], patient.component[by_point[1]], first + line[spliced[1]], joined]
    part = components(first + 2 * size, one, other)
    tied = np.isin(part, part[first : first + size][taps])
    return Ties(np.flatnonzero(tied[:first]), usable, usable & tied[first : first + size])

"""From tagged objects, whatever they were read from, to the planner's three layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.read.osm.premises import customers_of
from lastmile_net.read.osm.tags import is_address, is_home, is_street, line_role, point_role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Customers = Literal["addresses", "buildings", "both"]
CRS = "EPSG:4326"
STREET_COLUMNS = ("name", "highway", "surface", "bridge", "tunnel", "layer", "access")
BACKBONE_COLUMNS = ("name", "operator")
KEPT = frozenset(
    {
        *STREET_COLUMNS,
        *BACKBONE_COLUMNS,
        "area",
        "building",
        "building:flats",
        "addr:street",
        "addr:place",
        "addr:housenumber",
        "addr:housename",
        "addr:postcode",
        "addr:city",
        "addr:flats",
        "addr:unit",
        "addr:door",
        "telecom",
        "communication",
        "man_made",
        "manhole",
        "power",
        "street_cabinet",
        "location",
    }
)
"""Tags that are carried along; the others are left behind where they are read."""


@dataclass(frozen=True, eq=False)
class OsmLayers:
    """
    What OpenStreetMap holds for a planner, in EPSG:4326.

    Parameters
    ----------
    streets, customers, backbone
        Layers that meet the schema; the backbone is empty where nothing is mapped.
    notes
        What a planner should know about them, one sentence each.
    """

    streets: gpd.GeoDataFrame
    customers: gpd.GeoDataFrame
    backbone: gpd.GeoDataFrame
    notes: tuple[str, ...]


@dataclass
class Found:
    """
    Tagged objects that matter, in the order they were met.

    `kind` is `n`, `w` or `r`; a geometry is a point, the line of a way, or the polygon of an area.
    """

    kind: list[str] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    tags: list[Mapping[str, str]] = field(default_factory=list)
    geometry: list[shapely.Geometry | None] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, number: int, tags: Mapping[str, str], geometry: shapely.Geometry | None) -> None:
        """Take in one object."""
        self.kind.append(kind)
        self.number.append(number)
        self.tags.append(tags)
        self.geometry.append(geometry)

    def idents(self) -> NDArray[np.object_]:
        """Names of all objects: `w123` is way 123."""
        return np.array([f"{kind}{number}" for kind, number in zip(self.kind, self.number, strict=True)], dtype=object)


def matters(kind: str, tags: Mapping[str, str], customers: Customers) -> bool:
    """Whether an object of this kind with these tags belongs to any of the layers."""
    if kind == "w" and (is_street(tags) or line_role(tags) is not None):
        return True
    if is_address(tags) or point_role(tags) is not None:
        return True
    return is_home(tags) and (customers != "addresses" or "building:flats" in tags)


def assemble(found: Found, customers: Customers) -> OsmLayers:
    """
    Sort what was found into streets, customers and backbone.

    Parameters
    ----------
    found
        Objects read from an extract or a server.
    customers
        What stands for a customer: an address, a residential building, or both.
    """
    notes = list(found.notes)
    idents = found.idents()
    order = np.lexsort((found.number, found.kind)) if len(idents) else np.empty(0, np.int64)
    tags = np.array(found.tags, dtype=object)[order]
    geometry = _areas(_objects(found.geometry)[order], tags)
    idents = idents[order]
    placed = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    streets = _streets(idents, tags, geometry, placed, notes)
    homes = customers_of(idents[placed], tags[placed], geometry[placed], customers, notes)
    backbone = _backbone(idents[placed], tags[placed], geometry[placed], notes)
    if not len(streets):
        notes.append("no street is mapped here: check that this is the right area")
    return OsmLayers(streets, gpd.GeoDataFrame(homes, geometry="geometry", crs=CRS), backbone, tuple(notes))


def _objects(values: list[shapely.Geometry | None]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _areas(geometry: NDArray[np.object_], tags: NDArray[np.object_]) -> NDArray[np.object_]:
    """Make polygons of closed ways that are neither street nor line, and valid ones of crossed polygons."""
    line = shapely.get_type_id(geometry) == 1
    line &= ~np.array([is_street(each) or line_role(each) is not None for each in tags], dtype=bool)
    closed = line & shapely.is_closed(geometry) & (shapely.get_num_points(geometry) > 3)
    corners, ring = shapely.get_coordinates(geometry[closed], return_index=True)
    result = geometry.copy()
    if len(ring):
        result[closed] = shapely.polygons(shapely.linearrings(corners, indices=ring))
    crossed = ~shapely.is_valid(result) & np.isin(shapely.get_type_id(result), (3, 6))
    result[crossed] = shapely.make_valid(result[crossed])
    return result


def _streets(
    idents: NDArray[np.object_],
    tags: NDArray[np.object_],
    geometry: NDArray[np.object_],
    placed: NDArray[np.bool_],
    notes: list[str],
) -> gpd.GeoDataFrame:
    ours = np.array([ident[0] == "w" and is_street(each) for ident, each in zip(idents, tags, strict=True)], dtype=bool)
    keep = np.flatnonzero(ours & placed)
    lines = _as_lines(geometry[keep])
    long = shapely.length(lines) > 0
    lost = int((ours & ~placed).sum() + (~long).sum())
    if lost:
        notes.append(f"{lost} streets have no two places in the data (it was cut out of more) and are left out")
    columns = {name: [each.get(name) for each in tags[keep[long]]] for name in STREET_COLUMNS}
    frame = pd.DataFrame({"street_id": idents[keep[long]], **columns}, dtype=object)
    return gpd.GeoDataFrame(frame, geometry=lines[long], crs=CRS)


def _as_lines(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Lines of ways; a reader that took a closed way for an area gives its outline, and no vertex comes twice."""
    areas = np.isin(shapely.get_type_id(geometry), (3, 6))
    lines = geometry.copy()
    lines[areas] = shapely.boundary(geometry[areas])
    return np.asarray(shapely.remove_repeated_points(lines), dtype=object)


def _backbone(
    idents: NDArray[np.object_], tags: NDArray[np.object_], geometry: NDArray[np.object_], notes: list[str]
) -> gpd.GeoDataFrame:
    flat = np.isin(shapely.get_type_id(geometry), (1, 5))
    role = np.array(
        [line_role(each) if line else point_role(each) for each, line in zip(tags, flat, strict=True)], dtype=object
    )
    keep = np.flatnonzero([each is not None for each in role])
    shapes = geometry[keep]
    areas = np.isin(shapely.get_type_id(shapes), (3, 6))
    shapes[areas] = shapely.point_on_surface(shapes[areas])
    frame = pd.DataFrame({"backbone_id": idents[keep], "role": role[keep]}, dtype=object)
    for name in ("ports_free", "units_free", "loss_db"):
        frame[name] = np.nan
    for name in BACKBONE_COLUMNS:
        frame[name] = np.array([each.get(name) for each in tags[keep]], dtype=object)
    _note_backbone(frame["role"], notes)
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)


def _note_backbone(roles: pd.Series[str], notes: list[str]) -> None:
    if roles.empty:
        notes.append(
            "no telecom feature is mapped here, the backbone layer is empty: plan with a backbone file of your own, "
            "or from a greenfield start with --pop LON,LAT"
        )
        return
    counts = ", ".join(f"{count} {role}" for role, count in roles.value_counts().sort_index().items())
    notes.append(f"backbone as mapped: {counts}; free ports, spare fibres and losses are not mapped")
    if not roles.isin(("pop", "cabinet", "splitter", "closure")).any():
        notes.append(
            "none of them is a place where one may connect: a backbone file or --pop LON,LAT is needed to plan"
        )

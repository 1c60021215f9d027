"""From tagged objects, whatever they were read from, to the planner's three layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import agree
from lastmile_net.read.osm.columns import Pool, Tags
from lastmile_net.read.osm.outlines import AREAS, LINES, Shapes
from lastmile_net.read.osm.premises import customers_of
from lastmile_net.read.osm.tags import is_address, is_home, is_line, is_street, line_role, point_role

if TYPE_CHECKING:
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
    Tagged objects that matter, in any order; of one that comes twice, the last holds.

    `kind` is `n`, `w` or `r`; a shape is a point, the line of a way, or an area.
    """

    kind: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, "U1"))
    number: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    tags: Tags = field(default_factory=lambda: Tags(0, {}, Pool()))
    shapes: Shapes = field(default_factory=lambda: Shapes.of(np.empty(0, object)))
    notes: list[str] = field(default_factory=list)


def matters(kind: NDArray[np.str_] | str, tags: Tags, customers: Customers) -> NDArray[np.bool_]:
    """Whether objects of these kinds with these tags belong to any of the layers."""
    lines = is_street(tags) | is_line(tags)
    places = is_address(tags) | pd.notna(point_role(tags))
    homes = is_home(tags)
    if customers == "addresses":
        homes &= tags.has("building:flats")
    return np.asarray(((kind == "w") & lines) | places | homes)


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
    order = np.lexsort((found.number, found.kind))
    kind, number = found.kind[order], found.number[order]
    again = (kind[1:] == kind[:-1]) & (number[1:] == number[:-1])  # where extracts were put together
    order = order[np.append(~again, True)[: len(order)]]
    kind, tags = found.kind[order], found.tags.take(order)
    idents = _idents(kind, found.number[order])
    shapes = found.shapes.take(order)
    streets = _streets(idents, is_street(tags) & (kind == "w"), tags, shapes, notes)
    somewhere = np.flatnonzero(shapes.placed)
    idents, tags, shapes = idents[somewhere], tags.take(somewhere), shapes.take(somewhere)
    homes = customers_of(idents, tags, shapes, customers, notes)
    backbone = _backbone(idents, tags, shapes, notes)
    if not len(streets):
        notes.append("no street is mapped here: check that this is the right area")
    return OsmLayers(streets, gpd.GeoDataFrame(homes, geometry="geometry", crs=CRS), backbone, tuple(notes))


def _idents(kind: NDArray[np.str_], number: NDArray[np.int64]) -> NDArray[np.object_]:
    """Name objects: `w123` is way 123."""
    idents = np.empty(len(kind), dtype=object)
    for each in "nwr":
        rows = np.flatnonzero(kind == each)
        idents[rows] = [f"{each}{own}" for own in number[rows].tolist()]
    return idents


def _streets(
    idents: NDArray[np.object_], ours: NDArray[np.bool_], tags: Tags, shapes: Shapes, notes: list[str]
) -> gpd.GeoDataFrame:
    keep = np.flatnonzero(ours)
    lines = _as_lines(shapes.drawn(keep))
    long = shapely.length(lines) > 0  # nan where there is none
    lost = int((~long).sum())
    if lost:
        many = f"{lost:,} streets have no two places and are left out"
        notes.append(f"{agree(lost, '1 street has no two places and is left out', many)}: the data was cut out of more")
    keep, lines = keep[long], lines[long]
    told = tags.take(keep)
    columns = {name: told.texts(name) for name in STREET_COLUMNS}
    frame = pd.DataFrame({"street_id": idents[keep], **columns}, dtype=object)
    return gpd.GeoDataFrame(frame, geometry=lines, crs=CRS)


def _as_lines(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Lines of ways; a reader that took a closed way for an area gives its outline, and no vertex comes twice."""
    areas = np.isin(shapely.get_type_id(geometry), AREAS)
    lines = geometry.copy()
    lines[areas] = shapely.boundary(geometry[areas])
    return np.asarray(shapely.remove_repeated_points(lines), dtype=object)


def _backbone(idents: NDArray[np.object_], tags: Tags, shapes: Shapes, notes: list[str]) -> gpd.GeoDataFrame:
    flat = np.isin(shapely.get_type_id(shapes.geometry), LINES)
    role = np.where(flat, line_role(tags), point_role(tags))
    keep = np.flatnonzero(pd.notna(role))
    drawn, told = shapes.drawn(keep), tags.take(keep)
    areas = np.isin(shapely.get_type_id(drawn), AREAS)
    drawn[areas] = shapely.point_on_surface(shapely.make_valid(drawn[areas]))
    frame = pd.DataFrame({"backbone_id": idents[keep], "role": role[keep]}, dtype=object)
    for name in ("ports_free", "units_free", "loss_db"):
        frame[name] = np.nan
    for name in BACKBONE_COLUMNS:
        frame[name] = told.texts(name)
    _note_backbone(frame["role"], notes)
    return gpd.GeoDataFrame(frame, geometry=drawn, crs=CRS)


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

"""All layers of one plan: read, set against each other, in one metric CRS."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from lastmile_net import schema
from lastmile_net.config import PlanConfig
from lastmile_net.counts import agree
from lastmile_net.crs import METRIC_CURE, beyond_area_of_use, choose_metric_crs, project, read_crs
from lastmile_net.errors import CrsError, DataError, Fault, LastMileError
from lastmile_net.read.agree import agree_on_crs, find_mislabelled, find_swapped, quarantine_null_island
from lastmile_net.read.backbone import pop_point, with_pop
from lastmile_net.read.complaints import BEYOND_CRS, Note, raise_together
from lastmile_net.read.files import Reading, ReadOptions, Source, examine
from lastmile_net.read.fit import listed
from lastmile_net.read.presets import by_layer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import geopandas as gpd
    import pyproj

    from lastmile_net.read.presets import ColumnPreset
    from lastmile_net.schema import Layer

__all__ = ["Layers", "Source", "load_layers"]

MAIN = (schema.STREETS, schema.BACKBONE, schema.CUSTOMERS)
POP = "--pop"
CARRIED = {"streets": ("access",), "customers": ("postcode", "city"), "backbone": ("name", "operator")}
"""Columns of layers from OpenStreetMap that are for people."""
UNREAD_SHOWN = 12
NO_START = "Name a backbone file, or give the place to start from with --pop LON,LAT."


@dataclass(frozen=True, eq=False)
class Layers:
    """
    Everything a plan is made from, in one metric CRS, sorted by id.

    Parameters
    ----------
    streets, backbone, customers
        Layers with all columns of the schema, then the others of their sources. A customer without a
        usable location has None for a geometry.
    barriers, excluded, rail_water
        Optional layers; None where not given.
    crs
        Metric CRS of all of them.
    notes
        What was guessed, derived or left out, one sentence each.
    rejected
        Rows that cannot be used, by layer, as they came, with `code`, `reason`, and `row`: what messages call it.
    """

    streets: gpd.GeoDataFrame
    backbone: gpd.GeoDataFrame
    customers: gpd.GeoDataFrame
    crs: pyproj.CRS
    barriers: gpd.GeoDataFrame | None = None
    excluded: gpd.GeoDataFrame | None = None
    rail_water: gpd.GeoDataFrame | None = None
    notes: tuple[Note, ...] = ()
    rejected: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def load_layers(
    streets: Source,
    backbone: Source | None,
    customers: Source,
    *,
    config: PlanConfig | None = None,
    barriers: Source | None = None,
    excluded: Source | None = None,
    rail_water: Source | None = None,
) -> Layers:
    """
    Read all layers of a plan.

    Parameters
    ----------
    streets, backbone, customers, barriers, excluded, rail_water
        Each a path, `file.gpkg:layer`, an address of a database, or a table, which is not changed.
    config
        Its `crs` is that of layers which do not say theirs, and the one to measure in if one can; `mapping`
        names columns by layer, `encoding` that of their text; `presets` and `tables` say how the files of registers
        are read; `pop` is a start in degrees; `on_bad_rows` says what becomes of rows without a location.

    Returns
    -------
    layers
        All in one metric CRS.

    Raises
    ------
    MissingFileError
        If nothing is wrong but that files are not there.
    DataError
        If they cannot be planned on; all faults of all layers at once.
    """
    config = config or PlanConfig()
    given: dict[str, Source | None] = {
        "streets": streets,
        "backbone": backbone,
        "customers": customers,
        "barriers": barriers,
        "excluded": excluded,
        "rail_water": rail_water,
    }
    config, errors = _known_crs(config)
    readings, faults = _read_all(given, config)
    errors += faults
    errors += _idle_crs(config, readings) if len(readings) == sum(each is not None for each in given.values()) else []
    if backbone is None and config.pop is None:
        errors.append(DataError([Fault("there is no backbone to connect to", NO_START, "backbone")]))
    notes: list[Note] = []
    fault, readings = agree_on_crs(readings, notes)
    errors += fault
    placed = {name: reading for name, reading in readings.items() if reading.frame.crs is not None}
    if config.pop is not None:
        placed[POP] = Reading(pop_point(config.pop), POP, (), pd.DataFrame())
    swapped, settled = find_swapped(placed, config.on_bad_rows, notes)
    errors += swapped or find_mislabelled(placed)
    raise_together(errors)
    readings |= {name: reading for name, reading in settled.items() if name != POP}
    if config.on_bad_rows == "quarantine":
        readings = quarantine_null_island(readings, notes)
    notes = [note for reading in readings.values() for note in reading.notes] + notes
    notes += [
        Note(f"{reading.source}: {where}", BEYOND_CRS)
        for reading in readings.values()
        if (where := beyond_area_of_use(reading.frame))
    ]
    return _project(readings, config, notes)


def _known_crs(config: PlanConfig) -> tuple[PlanConfig, list[LastMileError]]:
    """Tell once, and not for each layer, that the given CRS is none."""
    try:
        if config.crs is not None:
            read_crs(config.crs, "--crs")
    except LastMileError as error:
        return config.model_copy(update={"crs": None}), [error]
    return config, []


def _idle_crs(config: PlanConfig, readings: Mapping[str, Reading]) -> list[LastMileError]:
    """Refuse a given CRS that counts in degrees where all layers say theirs: it would change nothing."""
    crs = None if config.crs is None else read_crs(config.crs, "--crs")
    if crs is None or not crs.is_geographic or not all(reading.says_crs for reading in readings.values()):
        return []
    what = f"{crs.name} counts in degrees, not in metres, and every layer says its own CRS"
    return [CrsError([Fault(what, METRIC_CURE, "--crs")])]


def _read_all(given: Mapping[str, Source | None], config: PlanConfig) -> tuple[dict[str, Reading], list[LastMileError]]:
    readings: dict[str, Reading] = {}
    errors: list[LastMileError] = []
    by_name = {layer.name: layer for layer in schema.INPUT_LAYERS}
    errors += _unknown(by_name, config.mapping, "mapping")
    errors += _unknown([*by_name, *config.tables], config.encoding, "encoding")
    presets = _presets(config, given, errors)
    for name, source in given.items():
        if source is None:
            continue
        try:
            found = examine(source, by_name[name], _options(by_name[name], config, presets))
            readings[name] = found if name in presets else _with_unread(found, by_name[name], config)
        except LastMileError as error:
            errors.append(error)
        else:
            errors += [DataError(readings[name].faults)] * bool(readings[name].faults)
    return readings, errors


def _with_unread(reading: Reading, layer: Layer, config: PlanConfig) -> Reading:
    """Note the columns of a layer from which nothing is read: one of them may be what a setting should name."""
    frame = reading.frame
    read = {*layer.names, *CARRIED.get(layer.name, ()), config.prize, frame.geometry.name}
    unread = [str(name) for name in frame.columns if name not in read and frame[name].notna().any()]
    if not unread:
        return reading
    what = f"{agree(len(unread), 'a column is', 'columns are')} not read: {listed(unread, UNREAD_SHOWN)}"
    return replace(reading, notes=(*reading.notes, Note(f"{reading.source}: {what}", "not_read")))


def _presets(
    config: PlanConfig, given: Mapping[str, Source | None], errors: list[LastMileError]
) -> dict[str, ColumnPreset]:
    """Column presets by layer; a preset for a layer that nobody gives is an error, too."""
    try:
        presets = by_layer(config.presets, config.tables)
    except LastMileError as error:
        errors.append(error)
        return {}
    idle = [preset for layer, preset in presets.items() if given.get(layer) is None]
    cure = "Give its file, or leave the preset out."
    errors += [DataError([Fault(f"preset {each.name} has no {each.layer} to read", cure, "--preset")]) for each in idle]
    return presets


def _unknown(known: Collection[str], named: Mapping[str, object], what: str) -> list[LastMileError]:
    unknown = sorted(set(named) - set(known))
    cure = f"Layers are: {', '.join(known)}."
    return [DataError([Fault(f"there is no layer '{name}'", cure, f"[{what}]")]) for name in unknown]


def _options(layer: Layer, config: PlanConfig, presets: Mapping[str, ColumnPreset]) -> ReadOptions:
    may_be_empty = layer not in MAIN or (layer is schema.BACKBONE and config.pop is not None)
    return ReadOptions(
        crs=config.crs,
        mapping=config.mapping.get(layer.name),
        preset=presets.get(layer.name),
        tables=config.tables,
        on_bad_rows=config.on_bad_rows,
        must_say_crs=False,
        may_be_empty=may_be_empty,
        encodings=config.encoding,
    )


def _project(readings: Mapping[str, Reading], config: PlanConfig, notes: list[Note]) -> Layers:
    frames = {name: reading.frame for name, reading in readings.items()}
    if config.pop is not None:
        frames["backbone"] = with_pop(frames.get("backbone"), config.pop)
    wanted = None if config.crs is None else read_crs(config.crs, "--crs")
    keep = wanted is not None and not wanted.is_geographic
    main = [frames[layer.name] for layer in MAIN]
    crs = choose_metric_crs(*main, given=config.crs if keep else None)
    moved = {name: project(frame, crs) for name, frame in frames.items()}
    rejected = {name: reading.rejected for name, reading in readings.items() if len(reading.rejected)}
    return Layers(**moved, crs=crs, notes=tuple(dict.fromkeys(notes)), rejected=rejected)

"""Judge whether everything costs what the prices of the run say, and lies where it may be built."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio.errors
import shapely

from lastmile_net.counts import counted, money
from lastmile_net.verify.verdict import CENT_SLACK, Check, Skipped, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.verify.files import Run

    Floats = NDArray[np.float64]

STREET_KINDS = ("street", "crossing")
"""Kinds of trenches that are dug on a street: on its ground, at its factor."""
BESIDE_M = 0.05
INSIDE_M = 0.01
"""A drop may touch the rim of an excluded area, give or take so much."""


def pieces_cost_their_price(run: Run) -> Iterator[Check | Skipped]:
    """Price every trench anew, by its metres, method and ground, and what it crosses; the ground by its street."""
    model = run.setting("cost")
    if not model:
        yield Skipped("prices: the run does not tell them")
        return
    dug = run.shared
    if len(dug) and dug["method"].isna().all():
        yield Skipped("prices: the trenches do not tell how they are dug")
        return
    on_street = dug["kind"].isin(STREET_KINDS)
    wrong = _wrong_crossings(run, dug, model)
    wrong[~on_street] |= _wrong_connectors(dug[~on_street], model)
    broken = [f"{each} (price)" for each in dug["trench_id"][wrong]]
    broken += [f"{each} (ground)" for each in _wrong_ground(run, dug[on_street].reset_index(drop=True), model)]
    drops = run.drops
    length = shapely.length(drops.geometry.to_numpy())
    beyond = np.maximum(length - model.get("drop_included_m", 0), 0)
    asked = model["drop_fixed"]["value"] + beyond * model["drop_per_m"]["value"] + _crossing(drops)
    dear = np.abs(drops["cost"] - asked) > CENT_SLACK + 1e-3 * beyond
    broken += [f"{each} (drop)" for each in drops["trench_id"][dear | _wrong_crossings(run, drops, model)]]
    broken += [f"{each} (reused)" for each in _wrong_reuse(run, model)]
    told = ", ".join(map(counted, map(len, (dug, drops, run.reused)), ("piece", "drop", "reused piece")))
    right = f"{told}: each costs what the prices say"
    yield judge("pieces_cost_their_price", right, "pieces do not cost what the prices say", broken)


def labour_and_material_add_up(run: Run) -> Iterator[Check | Skipped]:
    """Labour is part of each price, and with the material the total less its overhead."""
    told = run.summary.get("labour")
    if not told or run.layers["trenches"]["labour_cost"].isna().any():
        yield Skipped("labour and material: the run does not tell them")
        return
    cost = run.summary["cost"]
    both = [run.layers["trenches"], run.reused]
    broken = [
        f"row {row}" for table in both for row in np.flatnonzero(table["labour_cost"] > table["cost"] + CENT_SLACK)
    ]
    total = told["labour"] + told["material"]
    if abs(total - (cost["total"] - cost["overhead"])) > CENT_SLACK:
        broken.append(f"{total:.2f}, not {cost['total'] - cost['overhead']:.2f}")
    least = sum(float(table["labour_cost"].sum()) for table in both)
    if told["labour"] < least - CENT_SLACK:
        broken.append(f"labour {told['labour']:.2f}, in the tables {least:.2f}")
    right = f"labour {money(told['labour'])} and material {money(told['material'])} are all but the overhead"
    yield judge("labour_and_material_add_up", right, "labour and material do not add up", broken)


def locked_streets_are_built(run: Run) -> Iterator[Check | Skipped]:
    """Streets that the planner wants in the plan are dug from end to end."""
    streets = run.layers["streets"]
    wanted = streets[_flags(streets, "include") & ~_flags(streets, "exclude")]
    if wanted.empty:
        return
    if run.setting("street_sides") == "both":
        yield Skipped("that locked-in streets are built: they lie on one side of two")
        return
    pieces = run.shared.geometry.to_numpy()
    tree, broken = shapely.STRtree(pieces), []
    for name, line in zip(wanted["street_id"], wanted.geometry, strict=True):
        near = pieces[tree.query(line, predicate="dwithin", distance=BESIDE_M)]
        covered = shapely.length(shapely.intersection(line, shapely.buffer(shapely.union_all(near), 2 * BESIDE_M)))
        if covered < 0.99 * line.length - 1:
            broken.append(f"{name}: {covered:.1f} of {line.length:.1f} m")
    right = f"{counted(len(wanted), 'locked-in street')}, each built"
    yield judge("locked_streets_are_built", right, "are not built", broken)


def sides_are_where_they_say(run: Run) -> Iterator[Check]:
    """See that what runs on the left of a street has it on its right, no farther off than it is wide."""
    # around a corner, and on a street shorter than it is wide, left and right mean little
    long = run.shared["length_m"] > float(run.setting("street_width_otherwise_m") or 0.0)
    sided = run.shared[run.shared["side"].notna() & long]
    if sided.empty:
        return
    lines, streets = sided.geometry.to_numpy(), run.layers["streets"].geometry.to_numpy()
    middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    tree = shapely.STRtree(streets)
    at, street = tree.query(middle, predicate="dwithin", distance=_widest(run) / 2 * 1.5 + BESIDE_M)
    foot = shapely.line_interpolate_point(streets[street], shapely.line_locate_point(streets[street], middle[at]))
    ends = [
        shapely.get_coordinates(shapely.line_interpolate_point(lines, where, normalized=True)) for where in (0.49, 0.51)
    ]
    ahead = (ends[1] - ends[0])[at]
    off = shapely.get_coordinates(middle[at]) - shapely.get_coordinates(foot)
    # seen along the piece, the street lies on its right where the piece is on the left
    turn = ahead[:, 0] * off[:, 1] - ahead[:, 1] * off[:, 0]
    fits = np.where(sided["side"].to_numpy()[at] == "left", turn > 0, turn < 0)
    good = np.zeros(len(sided), bool)
    good[at[fits]] = True
    right = f"{counted(len(sided), 'piece')}, each on the side of a street that it names"
    yield judge("sides_are_where_they_say", right, "pieces run on another side", sided["trench_id"][~good])


def drops_keep_out(run: Run) -> Iterator[Check | Skipped]:
    """No drop crosses a barrier, and nothing is dug in an excluded area, where those layers still lie."""
    for name, tables in (("barriers", (run.drops,)), ("excluded", (run.drops, run.shared))):
        if not run.seal.get("inputs", {}).get(name):
            continue
        layer = _input(run, name)
        if isinstance(layer, str):
            yield Skipped(f"that nothing is built against `{name}`: {layer}")
            continue
        shapes = layer.geometry.to_numpy()
        shapes = shapely.buffer(shapes, -INSIDE_M) if name == "excluded" else shapes
        tree = shapely.STRtree(shapes[~shapely.is_empty(shapes)])
        broken = [
            each
            for table in tables
            for each in table["trench_id"].iloc[np.unique(tree.query(table.geometry, predicate="intersects")[0])]
        ]
        right = f"nothing is built against the {counted(len(layer), 'row')} of `{name}`"
        yield judge(f"nothing_built_against_{name}", right, "is", broken)


def _wrong_connectors(dug: gpd.GeoDataFrame, model: dict[str, Any]) -> NDArray[np.bool_]:
    """Return which pieces on no street cost, less what they cross, anything but their metres on the usual ground."""
    ground = model["surface_otherwise"]
    method = model["method_of_surface"].get(ground, "open_trench")
    usual = ((dug["surface"] == ground) & (dug["method"] == method)).to_numpy(bool)
    wrong: NDArray[np.bool_] = ~(usual & _pays(dug, _per_m(dug, model)))
    return wrong


def _wrong_crossings(run: Run, dug: gpd.GeoDataFrame, model: dict[str, Any]) -> NDArray[np.bool_]:
    """Return which pieces pay for crossings what those they tell do not cost, or tell some that cannot be."""
    counts = {kind: dug[f"{kind}_crossings"].fillna(0).to_numpy(np.float64) for kind in model["crossing"]}
    asked = sum((count * model["crossing"][kind]["value"] for kind, count in counts.items()), np.zeros(len(dug)))
    kind, two_sides = dug["kind"].to_numpy(), run.setting("street_sides") == "both"
    street = counts.pop("street")
    own = np.isin(street, (0.5, 1)) if two_sides else np.zeros(len(dug), bool)
    drop = (street % 1 == 0) & (two_sides | (street == 0))
    right = np.select([kind == "crossing", kind == "drop"], [own, drop], street == 0)
    given = bool(run.seal.get("inputs", {}).get("rail_water")) or not run.seal.get("inputs")
    for count in counts.values():
        right &= (count % 1 == 0) & (count >= 0) & (given | (count == 0))
    wrong: NDArray[np.bool_] = ~right | (np.abs(_crossing(dug) - asked) > CENT_SLACK)
    return wrong


def _wrong_ground(run: Run, along: gpd.GeoDataFrame, model: dict[str, Any]) -> list[str]:
    """Return pieces on streets near which no street has their ground, their factor, and leave to be dug."""
    if along.empty:
        return []
    streets = run.layers["streets"]
    ground, method = _grounds(streets, model)
    factor = pd.to_numeric(streets["cost_factor"]).fillna(1.0).to_numpy(np.float64)
    highway = streets["highway"].fillna("").astype(str).str.strip().str.lower()
    open_ = ~(_flags(streets, "exclude") | highway.isin(model["forbidden"]).to_numpy(bool))
    middle = shapely.line_interpolate_point(along.geometry.to_numpy(), 0.5, normalized=True)
    tree = shapely.STRtree(streets.geometry.to_numpy())
    piece, street = tree.query(middle, predicate="dwithin", distance=_street_reach_m(run, along))
    same = (along["surface"].to_numpy()[piece] == ground[street]) & (
        along["method"].to_numpy()[piece] == method[street]
    )
    paid = _pays(along.iloc[piece], _per_m(along, model)[piece] * factor[street])
    good = np.zeros(len(along), bool)
    good[piece[same & open_[street] & paid]] = True
    return list(along["trench_id"][~good])


def _street_reach_m(run: Run, along: gpd.GeoDataFrame) -> Floats:
    """Return how far the middle of each piece may be from its street: it lies on it, beside it, or across it."""
    beside = _widest(run) / 2 * 1.5
    across = along["kind"].to_numpy() == "crossing"
    return np.where(across, 2 * beside, np.where(along["side"].isna(), 0.0, beside)) + BESIDE_M


def _per_m(dug: gpd.GeoDataFrame, model: dict[str, Any]) -> Floats:
    """Return what a metre of each piece costs by its method and ground; NaN where that has no price."""
    return np.array([_dig(model, *each) for each in zip(dug["method"], dug["surface"], strict=True)], np.float64)


def _pays(dug: gpd.GeoDataFrame, per_m: Floats) -> NDArray[np.bool_]:
    """Return which pieces cost, less what they cross, their metres at such a price; length is good to a millimetre."""
    paid = dug["cost"].to_numpy(np.float64) - _crossing(dug)
    off = np.abs(paid - per_m * shapely.length(dug.geometry.to_numpy()))
    return np.asarray(off <= CENT_SLACK + 1e-3 * per_m, bool)


def _grounds(streets: gpd.GeoDataFrame, model: dict[str, Any]) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return ground and method of each street, by the tables of the price model."""
    tag = streets["surface"].fillna("").astype(str).str.lower().str.split(";").str[0].str.split(":").str[0].str.strip()
    highway = streets["highway"].fillna("").astype(str).str.strip().str.lower()
    ground, method = [], []
    for surface, way in zip(tag, highway, strict=True):
        found = (
            model["surface_of_tag"].get(surface) or model["surface_of_highway"].get(way) or model["surface_otherwise"]
        )
        wanted = model["method_of_highway"].get(way)
        usual = model["method_of_surface"].get(found, "open_trench")
        ground.append(found)
        method.append(wanted if wanted and math.isfinite(_dig(model, wanted, found)) else usual)
    return np.array(ground, object), np.array(method, object)


def _dig(model: dict[str, Any], method: str | None, ground: str | None) -> float:
    price = (model["dig"].get(method) or {}).get(ground)
    return math.nan if price is None else float(price["value"])


def _wrong_reuse(run: Run, model: dict[str, Any]) -> list[str]:
    """Return existing pieces that cost neither their role's price nor, along a tapped line, nothing."""
    if run.reused.empty:
        return []
    lines = run.layers["backbone_lines"].drop_duplicates("backbone_id").set_index("backbone_id")["role"]
    role = run.reused["backbone_id"].map(lines).fillna("distribution")
    prices = {name: price["value"] for name, price in model["reuse_cost_per_m"].items() if price is not None}
    asked = role.map(prices).astype("float64") * shapely.length(run.reused.geometry.to_numpy())
    free = (run.reused["cost"] == 0) & role.isin(run.setting("tap_roles") or []) & (run.setting("tap") != "points")
    right = (run.reused["cost"] - asked).abs() <= CENT_SLACK + 1e-3 * asked / run.reused["length_m"].clip(lower=1e-3)
    return list(run.reused["backbone_id"][~(right | free)])


def _crossing(table: gpd.GeoDataFrame) -> Floats:
    paid: Floats = table["crossing_cost"].fillna(0).to_numpy(np.float64)
    return paid


def _flags(table: gpd.GeoDataFrame, name: str) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = table[name].fillna(value=False).astype(bool).to_numpy()
    return flags


def _widest(run: Run) -> float:
    widths = run.setting("street_width_m") or {}
    return float(max([*widths.values(), run.setting("street_width_otherwise_m") or 0.0]))


def _input(run: Run, name: str) -> gpd.GeoDataFrame | str:
    """Return an input layer in the run's CRS, or why it cannot be had."""
    source = run.seal["inputs"][name]
    if not source.get("path") or not Path(source["path"]).exists():
        return "the layer is not there any more"
    try:
        options = {"layer": source["layer"]} if source.get("layer") else {}
        layer = gpd.read_file(source["path"], engine="pyogrio", **options)
        return gpd.GeoDataFrame(layer.to_crs(run.customers.crs))
    except (OSError, ValueError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        return f"the layer cannot be read ({error})"

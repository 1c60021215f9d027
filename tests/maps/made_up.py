"""Made-up plans for the maps, from a handful of homes to a million."""

from __future__ import annotations

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

CRS = 32632
CORNER = (665_000.0, 5_486_000.0)
NAMES = np.array(["Linden", "Kirch", "Bahnhof", "Garten", "Mühl", "Schul", "Berg", "Wiesen", "Rosen", "Goethe"])
KINDS = np.array(["straße", "weg", "gasse", "platz", "allee"])
REASONS = np.array(["no_street_in_reach", "street_island", "route_too_long", "no_free_port", "over_budget"])


def town(customers: int, *, seed: int = 0, ranked: bool = False) -> SimpleNamespace:
    """Return something shaped like a `Plan` of a town on a grid of streets; every number in it is made up."""
    rng = np.random.default_rng(seed)
    blocks = max(2, round((customers / 14) ** 0.5))
    step = 120.0
    lines, names, classes = _streets(blocks, step, rng)
    streets = gpd.GeoDataFrame(
        {
            "street_id": [f"w{i}" for i in range(len(lines))],
            "name": names,
            "highway": classes,
            "surface": "asphalt",
        },
        geometry=lines,
        crs=CRS,
    )
    people, feet = _customers(customers, blocks, step, names, lines, rng)
    layers = _built(people, feet, lines, blocks, rng)
    if ranked:
        _rank(people, layers["trenches"], rng)
    planned = people[people["outcome"] == "planned"]
    units = people.groupby("outcome")["units"].sum()
    count = people["outcome"].value_counts()
    total = float(planned["cost_share"].sum())
    summary = {
        "customers": _shares(len(people), count, people["status"].value_counts()),
        "units": _shares(int(people["units"].sum()), units, people.groupby("status")["units"].sum()),
        "trench_m": float(layers["trenches"]["length_m"].sum()),
        "cost": {"total": round(total, 2)},
        "currency": "EUR",
        "lower_bound": total / 1.0031,
        "gap": 0.0031,
    }
    drops = layers["trenches"][layers["trenches"]["kind"] == "drop"].copy()
    return SimpleNamespace(
        customers=people, streets=streets, drops=drops, summary=summary, notes=(), curve=pd.DataFrame(), **layers
    )


def across_date_line(plan: SimpleNamespace) -> SimpleNamespace:
    """Move a made-up plan to Taveuni in Fiji, half of it on each side of the 180th meridian."""
    there = gpd.GeoSeries([shapely.Point(180, -16.85)], crs=4326).to_crs(32760).iloc[0]
    west, south, east, north = plan.customers.total_bounds
    for name, table in vars(plan).items():
        if isinstance(table, gpd.GeoDataFrame):
            moved = table.geometry.translate(there.x - (west + east) / 2, there.y - (south + north) / 2)
            setattr(plan, name, table.set_geometry(moved.set_crs(32760, allow_override=True)))
    return plan


def in_phases(plan: SimpleNamespace, phases: int, *, areas: tuple[str | None, ...] = ()) -> SimpleNamespace:
    """Give a ranked made-up plan phases with as many customers each, and what the summary tells of them."""
    people, trenches = plan.customers, plan.trenches
    each = -(-int(people["build_order"].max()) // phases)
    for table in (people, trenches, plan.drops):
        table["phase"] = (table["build_order"] - 1) // each + 1
    told = []
    for number in range(1, phases + 1):
        now = people[(people["phase"] == number).fillna(False).to_numpy(bool)]
        cost, units = round(float(now["cost_share"].sum()), 2), int(now["units"].sum())
        told.append({"phase": number, "budget": None, "cost": cost, "customers": len(now), "units": units})
        if areas:
            told[-1]["area"] = areas[number - 1]
    plan.summary["phases"] = told
    return plan


def curve_of(plan: SimpleNamespace) -> pd.DataFrame:
    """Return homes over money of a ranked made-up plan, by adding up shares in order of building."""
    planned = plan.customers[plan.customers["outcome"] == "planned"].sort_values("build_order")
    units = planned["units"].cumsum().to_numpy()
    return pd.DataFrame(
        {
            "build_order": planned["build_order"].to_numpy(np.int64),
            "cost": planned["cost_share"].cumsum().round(2).to_numpy(),
            "units": units,
            "upper_bound": np.minimum(units * 1.04 + 2, units[-1]),
        }
    )


def _shares(total: int, outcome: pd.Series, status: pd.Series) -> dict[str, int]:
    found = {key: int(outcome.get(key, 0)) for key in ("existing", "planned", "unserved")}
    found |= {key: int(status.get(key, 0)) for key in ("connected", "passed", "unconnected")}
    return {"total": int(total)} | found


def _streets(blocks: int, step: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at = np.arange(blocks + 1) * step
    wobble = rng.normal(0, 14, (blocks + 1, blocks + 1, 2))
    nodes = np.stack(np.meshgrid(at, at), -1) + wobble + CORNER
    across = np.stack([nodes[:, :-1], nodes[:, 1:]], 2).reshape(-1, 2, 2)
    along = np.stack([nodes[:-1], nodes[1:]], 2).reshape(-1, 2, 2)
    lines = shapely.linestrings(np.concatenate([across, along]))
    number = np.concatenate([np.repeat(np.arange(blocks + 1), blocks), np.tile(np.arange(blocks + 1), blocks) + 7919])
    names = np.array([f"{NAMES[n % 10]}{KINDS[n // 10 % 5]}" + (f" {n // 50}" if n // 50 else "") for n in number])
    classes = np.where(number % 9 == 0, "secondary", "residential")
    return lines, names.astype(object), classes.astype(object)


def _customers(
    size: int, blocks: int, step: float, names: np.ndarray, lines: np.ndarray, rng: np.random.Generator
) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    street = rng.integers(0, len(lines), size)
    share = rng.uniform(0.08, 0.92, size)
    foot = shapely.get_coordinates(shapely.line_interpolate_point(lines[street], share, normalized=True))
    ends = shapely.get_coordinates(lines[street]).reshape(-1, 2, 2)
    ahead = ends[:, 1] - ends[:, 0]
    beside = np.stack([-ahead[:, 1], ahead[:, 0]], 1) / np.hypot(*ahead.T)[:, None]
    away = rng.uniform(9, 24, size) * rng.choice([-1, 1], size)
    place = foot + beside * away[:, None]
    patch = np.sin(place[:, 0] / 700) + np.cos(place[:, 1] / 500) + rng.normal(0, 0.5, size)
    outcome = np.select([patch > 0.8, patch > -1.4], ["existing", "planned"], "unserved").astype(object)
    status = np.where(outcome == "existing", "connected", np.where(rng.random(size) < 0.2, "passed", "unconnected"))
    zone = (place[:, 0] // 1500).astype(int) * 31 + (place[:, 1] // 1500).astype(int)
    planned = outcome == "planned"
    reason = np.where(outcome == "unserved", REASONS[(zone + rng.integers(0, 2, size)) % len(REASONS)], None)
    data = {
        "customer_id": [f"n{i}" for i in 1_000_000_000 + rng.permutation(size) * 37],
        "units": rng.choice([1, 1, 1, 2, 6], size),
        "status": status.astype(object),
        "outcome": outcome,
        "reason": reason,
        "remedy": np.where(outcome == "unserved", "raise the limit by 12.5 m or bring the network 12.5 m closer", None),
        "remedy_cost": np.where(outcome == "unserved", 2119.81, np.nan),
        "access_point_id": np.where(planned, np.char.add("cab", (zone % 997).astype(str)).astype(object), None),
        "drop_m": np.where(planned, np.abs(away).round(2), np.nan),
        "route_m": np.where(planned, rng.uniform(60, 1900, size).round(2), np.nan),
        "cost_share": np.where(planned, rng.gamma(4, 300, size).round(2), np.nan),
        "cost_alone": np.nan,
        "build_order": pd.array([pd.NA] * size, dtype="Int64"),
        "area_id": np.char.add("A", (zone % 6).astype(str)).astype(object),
        "street": names[street],
        "housenumber": ((share * 60).astype(int) + 1).astype(str).astype(object),
    }
    return gpd.GeoDataFrame(data, geometry=shapely.points(place), crs=CRS), foot


def _built(
    people: gpd.GeoDataFrame, feet: np.ndarray, lines: np.ndarray, blocks: int, rng: np.random.Generator
) -> dict[str, gpd.GeoDataFrame]:
    planned = np.flatnonzero(people["outcome"] == "planned")
    homes = shapely.get_coordinates(people.geometry.to_numpy())
    drops = shapely.linestrings(np.stack([feet[planned], homes[planned]], 1))
    dug = np.sort(rng.choice(len(lines), int(len(lines) * 0.55), replace=False))
    halves = shapely.get_coordinates(lines[dug]).reshape(-1, 2, 2)
    middle = halves.mean(1)
    pieces = shapely.linestrings(
        np.concatenate([np.stack([halves[:, 0], middle], 1), np.stack([middle, halves[:, 1]], 1)])
    )
    shape = np.concatenate([pieces, drops])
    size, houses = len(pieces), len(drops)
    behind = np.concatenate([np.maximum(1, rng.pareto(0.9, size) * 3).astype(int).clip(1, 900), np.ones(houses, int)])
    trenches = gpd.GeoDataFrame(
        {
            "trench_id": [f"t{i}" for i in range(size + houses)],
            "kind": np.concatenate([np.full(size, "street", object), np.full(houses, "drop", object)]),
            "surface": "sealed",
            "from_node": [f"v{i}" for i in range(size + houses)],
            "to_node": np.concatenate([np.full(size, "v0", object), people["customer_id"].to_numpy(object)[planned]]),
            "length_m": shapely.length(shape).round(2),
            "cost": (shapely.length(shape) * 65).round(2),
            "customers": behind,
            "units": behind,
            "build_order": pd.array([pd.NA] * (size + houses), dtype="Int64"),
        },
        geometry=shape,
        crs=CRS,
    )
    cables = lines[np.sort(rng.choice(len(lines), max(2, len(lines) // 6), replace=False))]
    backbone = gpd.GeoDataFrame(
        {
            "backbone_id": [f"cable{i}" for i in range(len(cables))],
            "role": np.where(np.arange(len(cables)) % 5 == 0, "feeder", "distribution").astype(object),
            "ports_free": np.nan,
            "units_free": np.nan,
            "loss_db": np.nan,
        },
        geometry=cables,
        crs=CRS,
    )
    taps = shapely.get_point(cables[:: max(1, len(cables) // (2 + blocks // 4))], 0)
    names = [f"cab{i}" for i in range(len(taps))]
    points = gpd.GeoDataFrame(
        {"backbone_id": names, "role": "cabinet", "ports_free": 48.0, "units_free": np.nan, "loss_db": 12.5},
        geometry=taps,
        crs=CRS,
    )
    access = gpd.GeoDataFrame(
        {
            "access_point_id": names,
            "kind": "cabinet",
            "node": names,
            "ports_used": rng.integers(0, 40, len(taps)),
            "ports_free": 48.0,
        },
        geometry=taps,
        crs=CRS,
    )
    reused = gpd.GeoDataFrame(
        {
            "backbone_id": ["cable0"],
            "from_node": ["v0"],
            "to_node": ["v1"],
            "length_m": [shapely.length(cables[0])],
            "cost": [12.0],
            "units": [4],
        },
        geometry=cables[:1],
        crs=CRS,
    )
    return {
        "trenches": trenches,
        "backbone_lines": backbone,
        "backbone_points": points,
        "access_points": access,
        "reused": reused,
        "routes": trenches.iloc[:0],
    }


def _rank(people: gpd.GeoDataFrame, trenches: gpd.GeoDataFrame, rng: np.random.Generator) -> None:
    """Rank customers and trenches quarter by quarter and street by street, as one builds."""
    planned = np.flatnonzero(people["outcome"] == "planned")
    when = _place_in_time(people.geometry.iloc[planned], rng)
    ranks = np.empty(len(planned), np.int64)
    ranks[np.argsort(when)] = np.arange(1, len(planned) + 1)
    column = np.zeros(len(people), np.int64)
    column[planned] = ranks
    people["build_order"] = pd.Series(column, people.index).where(column > 0).astype("Int64")
    streets = trenches.geometry[trenches["kind"] != "drop"]
    dug = 1 + np.searchsorted(np.sort(when), _place_in_time(streets.centroid, rng))
    order = np.concatenate([dug.clip(1, len(planned)), ranks])
    trenches["build_order"] = pd.Series(order, trenches.index).astype("Int64")


def _place_in_time(points: gpd.GeoSeries, rng: np.random.Generator) -> np.ndarray:
    x, y = points.x.to_numpy() - CORNER[0], points.y.to_numpy() - CORNER[1]
    return y // 1500 * 1e7 + x // 120 * 1e4 + y % 1500 + rng.random(len(x))


def addresses(people: pd.DataFrame) -> pd.Series:
    """Return what a person calls each customer."""
    return (people["street"] + " " + people["housenumber"]).str.strip()

"""
Plan towns here, and with geopandas and networkx as one would write it by hand, in one run.

    python tests/benchmarks/bench_peers.py TOWN_FOLDER...

A town's folder holds `streets.gpkg`, `backbone_lines.gpkg` and `customers.gpkg`. The plan by hand is what many a
script does today: each customer drops onto the nearest street within 100 m, the streets are a graph of their vertices,
one may connect anywhere on `distribution` lines, and `networkx.approximation.steiner_tree` (Mehlhorn) digs the rest.
Both start from files and end with a GeoPackage and a map on the disk, each in a process of its own. We plan twice:
as usual, and with `target_gap = 0.05`, which ends with the first answer that is proven to be that good. Time is
the processor's, for the whole process, imports and all: other programs on the machine hardly change it. Digging is
compared for the same customers: those that only one of both reaches are left out, and planned anew without them.
Nothing here is a gate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pyogrio
import shapely
from networkx.algorithms.approximation import steiner_tree

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DROP_M = 100.0
NETWORK = "existing network"

Ends = tuple[tuple[float, float], tuple[float, float]]


def by_hand(town: Path, out: Path, leave_out: frozenset[str]) -> dict[str, Any]:
    """Plan a town with geopandas and networkx, and write what is dug."""
    streets = gpd.read_file(town / "streets.gpkg")
    metric = streets.estimate_utm_crs()
    streets = streets.to_crs(metric)
    lines = gpd.read_file(town / "backbone_lines.gpkg").to_crs(metric)
    customers = gpd.read_file(town / "customers.gpkg").to_crs(metric)
    customers = customers[~customers["connected"].astype(bool) & ~customers["customer_id"].isin(leave_out)]
    existing = set(segments(lines[lines["role"] == "distribution"]))
    pieces = [piece for piece in dict.fromkeys(segments(streets)) if piece not in existing] + sorted(existing)
    drops = nearest(customers, pieces)
    graph = street_graph(pieces, existing, drops)
    reached = nx.node_connected_component(graph, NETWORK)
    drops = drops[[node in reached for node in drops["node"]]]
    tree = steiner_tree(graph.subgraph(reached), [NETWORK, *dict.fromkeys(drops["node"])], method="mehlhorn")
    dug = [(shapely.LineString(data["ends"]), data["weight"]) for _, _, data in tree.edges(data=True)]
    out.mkdir()
    trenches = gpd.GeoDataFrame({"length_m": [length for _, length in dug]}, geometry=[g for g, _ in dug], crs=metric)
    trenches.to_file(out / "plan.gpkg", layer="trenches")
    drops = drops.drop(columns=["node", "piece"])
    drops.to_file(out / "plan.gpkg", layer="drops")
    customers = customers.assign(planned=customers["customer_id"].isin(drops["customer_id"]))
    draw(customers[["customer_id", "planned", "geometry"]], trenches, drops, out / "map.html")
    metres = float(trenches["length_m"].sum() + drops.geometry.length.sum())
    return {"customers": drops["customer_id"].tolist(), "metres": metres}


def draw(customers: gpd.GeoDataFrame, trenches: gpd.GeoDataFrame, drops: gpd.GeoDataFrame, path: Path) -> None:
    """Draw a gap map with folium."""
    import folium

    west, south, east, north = customers.to_crs(4326).total_bounds
    page = folium.Map(tiles=None)
    page.fit_bounds([(south, west), (north, east)])
    folium.GeoJson(trenches.to_crs(4326), name="trenches").add_to(page)
    folium.GeoJson(drops.to_crs(4326), name="drops").add_to(page)
    folium.GeoJson(
        customers.to_crs(4326),
        name="customers",
        marker=folium.CircleMarker(radius=3, fill=True),
        style_function=lambda row: {"color": "blue" if row["properties"]["planned"] else "red"},
        tooltip=folium.GeoJsonTooltip(["customer_id"]),
    ).add_to(page)
    folium.LayerControl().add_to(page)
    page.save(path)


def segments(lines: gpd.GeoDataFrame) -> list[Ends]:
    """Return the stretches between vertices, to the millimetre, each with its ends in order."""
    xy, line = shapely.get_coordinates(shapely.get_parts(lines.geometry.to_numpy()), return_index=True)
    xy = np.round(xy, 3)
    pairs = np.stack([xy[:-1], xy[1:]], axis=1)[line[1:] == line[:-1]].tolist()
    return [(tuple(min(a, b)), tuple(max(a, b))) for a, b in pairs if a != b]  # type: ignore[misc]


def nearest(customers: gpd.GeoDataFrame, pieces: list[Ends]) -> gpd.GeoDataFrame:
    """Return each customer's drop to the nearest stretch within reach, and the node it meets."""
    ways = gpd.GeoSeries(shapely.linestrings(pieces), crs=customers.crs)
    row, piece = ways.sindex.nearest(customers.geometry, return_all=False, max_distance=MAX_DROP_M)
    found = customers.iloc[row][["customer_id", "geometry"]].reset_index(drop=True)
    points = found.geometry.to_numpy()
    lines = ways.to_numpy()[piece]
    foot = shapely.line_interpolate_point(lines, shapely.line_locate_point(lines, points))
    found["piece"] = piece
    found["node"] = [tuple(xy) for xy in np.round(shapely.get_coordinates(foot), 3).tolist()]
    return found.set_geometry(shapely.linestrings(np.stack([_xy(foot), _xy(points)], axis=1)), crs=customers.crs)


def _xy(points: NDArray[np.object_]) -> NDArray[np.float64]:
    return shapely.get_coordinates(points)


def street_graph(pieces: list[Ends], existing: set[Ends], drops: gpd.GeoDataFrame) -> nx.Graph[Any]:
    """Return the streets, split where drops meet them; all that exists is one node, for it costs nothing."""
    met: dict[int, list[tuple[float, float]]] = {}
    for piece, node in zip(drops["piece"], drops["node"], strict=True):
        met.setdefault(int(piece), []).append(node)
    graph: nx.Graph[Any] = nx.Graph()
    graph.add_node(NETWORK)
    ready = {end for piece in existing for end in piece}
    ready |= {node for number, nodes in met.items() if pieces[number] in existing for node in nodes}
    for number, piece in enumerate(pieces):
        if piece in existing:
            continue
        inner = sorted(set(met.get(number, [])) - set(piece))
        way = [piece[0], *(inner if piece[0] <= piece[1] else reversed(inner)), piece[1]]
        for ends in pairwise(way):
            tail, head = (NETWORK if end in ready else end for end in ends)
            length = float(np.hypot(ends[0][0] - ends[1][0], ends[0][1] - ends[1][1]))
            if tail != head and length < graph.get_edge_data(tail, head, {"weight": np.inf})["weight"]:
                graph.add_edge(tail, head, weight=length, ends=ends)
    drops["node"] = [NETWORK if node in ready else node for node in drops["node"]]
    graph.add_nodes_from(drops["node"])
    return graph


def with_us(town: Path, out: Path, leave_out: frozenset[str], *settings: str) -> dict[str, Any]:
    """Plan a town with `lastmile plan`, and write the run."""
    from lastmile_net.cli import main as lastmile

    given = town / "customers.gpkg"
    if leave_out:
        customers = gpd.read_file(given)
        given = out.parent / "customers.gpkg"
        customers[~customers["customer_id"].isin(leave_out)].to_file(given)
    out.with_suffix(".toml").write_text("\n".join(['prices = "metres"', "time_limit_s = 1e6", *settings]), "utf-8")
    layers = {"streets": town / "streets.gpkg", "backbone": town / "backbone_lines.gpkg", "customers": given}
    words = [word for name, path in layers.items() for word in (f"--{name}", str(path))]
    sys.argv = ["lastmile", "plan", *words, "--out", str(out), "--config", str(out.with_suffix(".toml"))]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr):
        lastmile()
    wanted = {"layer": "customers", "columns": ["customer_id"], "where": "outcome = 'planned'"}
    planned = pyogrio.read_dataframe(out / "plan.gpkg", read_geometry=False, **wanted)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return {"customers": planned["customer_id"].tolist(), "metres": summary["trench_m"], "gap": summary["gap"]}


PLANNERS = {
    "by_hand": by_hand,
    "as_usual": with_us,
    "first_answer": partial(
        lambda *given: with_us(*given, "target_gap = 0.05", "curve_bound = false", "routes = false")
    ),
}


def measure(planner: str, town: Path, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Run one planner in a process of its own: what it found, and what it took from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        skip = Path(folder) / "leave_out.json"
        skip.write_text(json.dumps(sorted(leave_out)), encoding="utf-8")
        command = [sys.executable, __file__, "--alone", planner, str(skip), folder, str(town)]
        # compiled modules are kept, as they are wherever the package is installed
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=kept)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def compare(town: Path, runs: int) -> str:
    """Return a line of the table for one town."""
    best: dict[str, dict[str, Any]] = {}
    for _ in range(runs):  # in turn, and the better of each counts: the first may compile kernels
        for planner in PLANNERS:
            found = measure(planner, town)
            if planner not in best or found["seconds"] < best[planner]["seconds"]:
                best[planner] = found
    reached = {planner: frozenset(found["customers"]) for planner, found in best.items()}
    both = reached["by_hand"] & reached["as_usual"]
    beyond = (reached["by_hand"] | reached["as_usual"]) - both
    same = {name: found if reached[name] == both else measure(name, town, beyond) for name, found in best.items()}
    if any(set(found["customers"]) != both for found in same.values()):
        message = f"{town.name}: not the same customers are compared"
        raise RuntimeError(message)
    theirs = best["by_hand"]
    cells = [f"`{town.name}`", f"{len(reached['by_hand']):,}", f"{len(reached['as_usual']):,}"]
    for name in ("first_answer", "as_usual"):
        cells += [f"{same[name]['metres'] / same['by_hand']['metres']:.3f}", f"{same[name]['gap']:.2%}"]
        cells += [f"{best[name][what] / theirs[what]:.2f}" for what in ("seconds", "peak_mb")]
    seconds = ", ".join(f"{name} {found['seconds']:.1f} s" for name, found in best.items())
    print(f"{town.name}: {len(both):,} by both; {seconds}", file=sys.stderr)  # noqa: T201
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table; `--alone` is how it calls itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("towns", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=2, help="how often each plans; the quickest counts")
    parser.add_argument("--alone", nargs=3, metavar=("PLANNER", "LEAVE_OUT", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        planner, skip, folder = options.alone
        leave_out = frozenset(json.loads(Path(skip).read_text(encoding="utf-8")))
        found = PLANNERS[planner](options.towns[0], Path(folder) / "run", leave_out)
        used = resource.getrusage(resource.RUSAGE_SELF)
        found |= {"peak_mb": used.ru_maxrss / 1024, "seconds": used.ru_utime + used.ru_stime}
        print(json.dumps(found))  # noqa: T201
        return
    heads = ["town", "reached by hand", "by us", *["metres", "gap", "time", "memory"] * 2]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)  # noqa: T201
    for town in options.towns:
        print(compare(town, options.runs), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

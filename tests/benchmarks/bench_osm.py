"""
What the layers of an extract cost, here and with pyrosm, in one run.

    python tests/benchmarks/bench_osm.py EXTRACT.osm.pbf [--customers buildings] [--peer /path/to/python/with/pyrosm]

The job: streets along which one can dig, and customers as points, each address once; or residential buildings with
the address inside; from the extract into two GeoPackages. Each reader does it in a process of its own, in turn; the
first is `lastmile osm` as a planner starts it. Processor seconds, the least of all rounds:

- `tables`: to read; for us all layers, for pyrosm its tables alone, without points, folding and joining;
- `layers`: the process up to the layers of the job, imports and all;
- `files`: all of it.

Both keep their bytecode from the first round on, as installed packages do.

pyrosm is not asked for what we do beside: count homes, find the backbone, keep what a clipped extract has cut, fold
what differs in case only. Nothing here is a gate.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = """
import sys, time
from lastmile_net.cli import layers as command, main
check = command._check_free
def checked(*given, **named):  # by now `lastmile osm` runs as it always does
    from lastmile_net.read import osm
    read = osm.layers_from_pbf
    def timed(*given, **named):
        start = time.process_time()
        layers = read(*given, **named)
        tell(time.process_time() - start, len(layers.streets), len(layers.customers))
        return layers
    osm.layers_from_pbf = timed
    check(*given, **named)
command._check_free = checked
sys.argv[1:] = ["osm", "--pbf", sys.argv[1], "--customers", sys.argv[2], "--out", sys.argv[3]]
try:
    main()
except SystemExit as end:
    assert not end.code
"""
PEER = """
import sys, time, warnings; warnings.filterwarnings("ignore")
from pyrosm import OSM
KINDS = ["yes", "house", "residential", "detached", "semidetached_house", "terrace", "apartments", "bungalow", "cabin",
         "farm"]
CLASSES = ["trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link", "tertiary", "tertiary_link",
           "unclassified", "residential", "living_street", "pedestrian", "service", "track", "road"]
start = time.process_time()
osm = OSM(sys.argv[1])
streets = osm.get_data_by_custom_criteria(
    custom_filter={"highway": CLASSES}, keep_nodes=False, keep_relations=False, tags_as_columns=[
        "name", "highway", "surface", "bridge", "tunnel", "layer", "access"])
customers = osm.get_data_by_custom_criteria(
    custom_filter={"addr:housenumber": True}, tags_as_columns=[
        "addr:street", "addr:housenumber", "addr:postcode", "addr:city"])
buildings = osm.get_buildings(custom_filter={"building": KINDS}) if sys.argv[2] == "buildings" else None
seconds = time.process_time() - start
ADDRESS = ["addr:street", "addr:housenumber", "addr:postcode", "addr:city"]
known = [each for each in ADDRESS if each in customers.columns]
customers = customers[[*known, "geometry"]].set_geometry(customers.centroid).drop_duplicates(known)
if buildings is not None:
    homes = buildings[["id", "geometry"]].reset_index(drop=True)
    inside = customers.sjoin(homes[["geometry"]], predicate="within").drop_duplicates("index_right")
    customers = homes.set_geometry(homes.centroid).join(inside.set_index("index_right")[known])
tell(seconds, len(streets), len(customers))
for name, table in (("streets", streets), ("customers", customers)):
    kept = [each for each in table.columns if each in ("id", "name", "highway", "surface", "bridge", "tunnel", "layer",
            "access", "addr:street", "addr:housenumber", "addr:postcode", "addr:city", "geometry")]
    table[kept].to_file(f"{sys.argv[3]}/{name}.gpkg", driver="GPKG", engine="pyogrio")
"""
HEAD = """
import json, os, resource, sys
def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
told = {}
def tell(seconds, streets, customers):
    told.update(tables=seconds, layers=used(), streets=streets, customers=customers)
"""
TAIL = """
told.update(files=used(), peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps(told))
"""
PHASES = ("tables", "layers", "files")


def measure(python: str, reader: str, extract: Path, customers: str) -> dict[str, float]:
    """Run one reader in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, "-c", HEAD + reader + TAIL, str(extract), customers, folder],
            env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            check=True,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print one line for each reader, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extract", type=Path)
    parser.add_argument("--customers", default="addresses", choices=("addresses", "buildings"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", default=sys.executable, help="a Python that has pyrosm")
    options = parser.parse_args()
    readers = {"lastmile osm": (sys.executable, COMMAND), "pyrosm": (options.peer, PEER)}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in readers}
    for _ in range(options.rounds):
        for name, (python, reader) in readers.items():
            runs[name].append(measure(python, reader, options.extract, options.customers))
    least = {name: {phase: min(run[phase] for run in each) for phase in PHASES} for name, each in runs.items()}
    print(f"{'':14}" + "".join(f"{phase:>10}" for phase in PHASES) + f"{'MB':>8}{'streets':>9}{'customers':>11}")  # noqa: T201
    for name, each in runs.items():
        seconds = "".join(f"{least[name][phase]:8.2f} s" for phase in PHASES)
        counts = f"{each[0]['streets']:9.0f}{each[0]['customers']:11.0f}"
        print(f"{name:14}{seconds}{max(run['peak_mb'] for run in each):8.0f}{counts}")  # noqa: T201
    ours, theirs = least.values()
    print(f"{'ours / theirs':14}" + "".join(f"{ours[phase] / theirs[phase]:10.2f}" for phase in PHASES))  # noqa: T201


if __name__ == "__main__":
    main()

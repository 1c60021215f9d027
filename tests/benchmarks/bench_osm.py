"""
How long streets, buildings and addresses of an extract take, here and with pyrosm, in one run.

    python tests/benchmarks/bench_osm.py EXTRACT.osm.pbf [--peer /path/to/python/with/pyrosm]

Each reader runs in a process of its own, three times in turn; the least processor time and the peak memory are shown.
pyrosm is asked for what the layers are made of: ways with `highway`, buildings, addresses; it leaves the
folding of repeated addresses, and which address lies in which building, to its caller. Nothing here is a gate.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

OURS = """
from lastmile_net.read.osm.extract import layers_from_pbf
def read(path):
    layers = layers_from_pbf(path, customers="buildings")
    return len(layers.streets), len(layers.customers)
"""
PEER = """
import warnings; warnings.filterwarnings("ignore")
from pyrosm import OSM
def read(path):
    osm = OSM(path)
    streets = osm.get_data_by_custom_criteria(custom_filter={"highway": True}, keep_nodes=False, keep_relations=False)
    addresses = osm.get_data_by_custom_criteria(custom_filter={"addr:housenumber": True})
    return len(streets), len(osm.get_buildings())
"""
RUN = """
import json, resource, sys, time
start = time.process_time()
counts = read(sys.argv[1])
seconds = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak_mb": peak, "streets": counts[0], "buildings": counts[1]}))
"""


def measure(python: str, reader: str, extract: Path) -> dict[str, float]:
    """Run one reader in a process of its own."""
    done = subprocess.run(
        [python, "-c", reader + RUN, str(extract)], check=True, capture_output=True, text=True, encoding="utf-8"
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print one line for each reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extract", type=Path)
    parser.add_argument("--peer", default=sys.executable, help="a Python that has pyrosm")
    options = parser.parse_args()
    readers = {"lastmile_net": (sys.executable, OURS), "pyrosm": (options.peer, PEER)}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in readers}
    for _ in range(3):
        for name, (python, reader) in readers.items():
            runs[name].append(measure(python, reader, options.extract))
    for name, each in runs.items():
        best = min(each, key=lambda run: run["seconds"])
        line = f"{name:14} {best['seconds']:7.2f} s {best['peak_mb']:7.0f} MB"
        print(f"{line} {best['streets']:8.0f} streets {best['buildings']:8.0f} buildings")  # noqa: T201


if __name__ == "__main__":
    main()

"""
A gap map from a street graph one already has, such as osmnx saves as GraphML.

    python scripts/gap_map_from_osmnx.py GRAPH.graphml BACKBONE CUSTOMERS MAP.html
"""

from __future__ import annotations

import sys

import osmnx

import lastmile_net as lm
from lastmile_net.maps import save_map


def main() -> None:
    """Take the streets out of the graph, plan, and draw the map."""
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    graph, backbone, customers, page = sys.argv[1:]
    streets = lm.from_networkx(osmnx.load_graphml(graph))
    plan = lm.plan(streets, backbone, customers)
    print(f"map: {save_map(plan, page).resolve()}")


if __name__ == "__main__":
    main()

"""lastmile_net: every customer followed to the end, the cheapest shared trenches, and a proof."""

__version__ = "0.1.0"

from lastmile_net.config import CostModel, PlanConfig, read_config
from lastmile_net.errors import ConfigError, CrsError, DataError, LastMileError, MissingFileError, RunError, SolveError
from lastmile_net.graphs import SteinerTree, cheapest_tree, steiner_tree
from lastmile_net.network import StreetNetwork, build_network, from_networkx, to_networkx
from lastmile_net.plan import Plan, plan
from lastmile_net.read.run import read_run
from lastmile_net.verify import verify_run
from lastmile_net.write import write_run

__all__ = [
    "ConfigError",
    "CostModel",
    "CrsError",
    "DataError",
    "LastMileError",
    "MissingFileError",
    "Plan",
    "PlanConfig",
    "RunError",
    "SolveError",
    "SteinerTree",
    "StreetNetwork",
    "build_network",
    "cheapest_tree",
    "from_networkx",
    "plan",
    "read_config",
    "read_run",
    "steiner_tree",
    "to_networkx",
    "verify_run",
    "write_run",
]

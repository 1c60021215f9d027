"""lastmile_net: every customer followed to the end, the cheapest shared trenches, and a proof."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from lastmile_net.lazy import lazily, publicly

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lastmile_net.config import CostModel, PlanConfig, read_config
    from lastmile_net.errors import (
        ConfigError,
        CrsError,
        DataError,
        LastMileError,
        MissingFileError,
        RunError,
        SolveError,
    )
    from lastmile_net.graphs import SteinerTree, cheapest_tree, steiner_tree
    from lastmile_net.network import StreetNetwork, build_network, from_networkx, to_networkx
    from lastmile_net.plan import Plan, plan  # type: ignore[no-redef]
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

_ROOMS = {
    "ConfigError": "lastmile_net.errors",
    "CostModel": "lastmile_net.config",
    "CrsError": "lastmile_net.errors",
    "DataError": "lastmile_net.errors",
    "LastMileError": "lastmile_net.errors",
    "MissingFileError": "lastmile_net.errors",
    "Plan": "lastmile_net.plan",
    "PlanConfig": "lastmile_net.config",
    "RunError": "lastmile_net.errors",
    "SolveError": "lastmile_net.errors",
    "SteinerTree": "lastmile_net.graphs",
    "StreetNetwork": "lastmile_net.network",
    "build_network": "lastmile_net.network",
    "cheapest_tree": "lastmile_net.graphs",
    "from_networkx": "lastmile_net.network",
    "plan": "lastmile_net.plan",
    "read_config": "lastmile_net.config",
    "read_run": "lastmile_net.read.run",
    "steiner_tree": "lastmile_net.graphs",
    "to_networkx": "lastmile_net.network",
    "verify_run": "lastmile_net.verify",
    "write_run": "lastmile_net.write",
}
"""Where each name lives; a room is opened when somebody asks for it, for the solver takes seconds to load."""


class _Package(ModuleType):
    """`plan` stays the function, although there is a room of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _ROOMS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


__getattr__ = lazily(__name__, _ROOMS)
__dir__ = publicly(__name__)

sys.modules[__name__].__class__ = _Package

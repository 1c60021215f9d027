"""Settings: frozen, typed, read from TOML, refusing what they do not know."""

from lastmile_net.config.models import Frozen
from lastmile_net.config.optics import Optics
from lastmile_net.config.plan import PlanConfig, SolveConfig, read_config
from lastmile_net.config.prices import CostModel

__all__ = ["CostModel", "Frozen", "Optics", "PlanConfig", "SolveConfig", "read_config"]

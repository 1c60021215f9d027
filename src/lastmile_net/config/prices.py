"""`CostModel`: prices, read from a preset and changed by the planner."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from lastmile_net.config.models import Frozen
from lastmile_net.errors import ConfigError, Fault

PRESETS = Path(__file__).parent.parent / "presets"
Price = Annotated[float, Field(ge=0)]


class CostModel(Frozen):
    """Prices in `currency`; lengths in metres."""

    name: str = "metres"
    currency: str = "m"
    dig_per_m: Price = 1.0
    drop_fixed: Price = 0.0
    fibre_cost_per_m: Price = 0.0
    reuse_cost_per_m: Price = 0.0

    @classmethod
    def preset(cls, name: str, changes: dict[str, Any] | None = None, *, folder: Path = Path()) -> CostModel:
        """Read the preset called `name`, or the TOML file at that path below `folder`, and lay `changes` over it."""
        path = folder / name if name.endswith(".toml") else PRESETS / f"prices-{name}.toml"
        if not path.is_file():
            fault = Fault(f"no price preset '{name}'", "Run `lastmile presets` for the list.", column="prices")
            raise ConfigError([fault])
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls.read(values | (changes or {}), str(path))

"""Price presets and the planner's changes to them."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from lastmile_net.config import CostModel, PlanConfig, read_config
from lastmile_net.config.prices import PRESETS, preset_names
from lastmile_net.errors import ConfigError, MissingFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _prices(table: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in table.items():
        if isinstance(value, dict):
            if "value" in value:
                yield f"{path}{key}", value
            else:
                yield from _prices(value, f"{path}{key}.")


@pytest.mark.parametrize("name", ["example-eur", "example-usd", "metres"])
def test_every_price_says_where_it_comes_from(name: str) -> None:
    """A price without unit and source cannot be judged by the planner who edits it."""
    table = tomllib.loads((PRESETS / f"prices-{name}.toml").read_text(encoding="utf-8"))
    prices = dict(_prices(table))
    assert len(prices) > 10
    for key, price in prices.items():
        assert price["unit"], key
        assert price["source"], key
        assert "year" in price or "undated" in price["source"] or price["source"] == "by definition", key


@pytest.mark.parametrize("name", ["example-eur", "example-usd"])
def test_an_example_says_that_it_is_one(name: str) -> None:
    """Nobody should sign a plan on our figures."""
    assert "example to edit" in CostModel.preset(name).note
    assert name in preset_names()


def test_metres_prices_dug_metres_and_nothing_else() -> None:
    """Targets in metres are stated on this preset: any other price in it would spoil them."""
    table = tomllib.loads((PRESETS / "prices-metres.toml").read_text(encoding="utf-8"))
    for key, price in _prices(table):
        assert price["value"] == (1 if key.startswith("dig.") or key == "drop_per_m" else 0), key
    model = CostModel.preset("metres")
    assert model.overhead_percent == 0
    assert not model.equipment
    assert model.drop_included_m == 0


def test_a_changed_price_keeps_the_others_and_loses_its_source() -> None:
    """A planner changes one figure without copying the preset, and the old source must not vouch for the new figure."""
    base = CostModel.preset("example-eur")
    model = CostModel.preset("example-eur", {"dig": {"open_trench": {"sealed": 111}}, "overhead_percent": 7})
    assert model.dig.open_trench.sealed is not None
    assert base.dig.open_trench.sealed is not None
    assert model.dig.open_trench.sealed.value == 111
    assert model.dig.open_trench.sealed.source == "planner"
    assert model.dig.open_trench.sealed.labour == base.dig.open_trench.sealed.labour
    assert model.dig.open_trench.verge == base.dig.open_trench.verge
    assert model.overhead_percent == 7


def test_changes_in_the_config_file_reach_the_model(tmp_path: Path) -> None:
    """`[cost]` in lastmile.toml lies over the preset it names, and a preset path is seen from that file."""
    (tmp_path / "ours.toml").write_text((PRESETS / "prices-example-usd.toml").read_text(encoding="utf-8"))
    (tmp_path / "lastmile.toml").write_text('prices = "ours.toml"\n[cost]\ndrop_fixed = 1.5\n')
    config = read_config(tmp_path / "lastmile.toml")
    assert config.cost.currency == "USD"
    assert config.cost.drop_fixed.value == 1.5
    assert config.cost.drop_fixed.unit == "drop"


def test_a_config_without_prices_has_the_default_preset() -> None:
    """`prices` and `cost` must not disagree when a config is made without a file."""
    assert PlanConfig().cost.name == PlanConfig().prices == "example-eur"
    assert PlanConfig(prices="metres").cost.name == "metres"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"drop_fxed": 1}, "Did you mean 'drop_fixed'"),
        ({"drop_fixed": -1}, "is below 0"),
        ({"drop_fixed": {"value": 3, "unit": "m"}}, "'drop_fixed': is a price per m. Give it per drop"),
        ({"dig": {"open_trench": {"sealed": "dear"}}}, "is no number"),
        ({"method_of_surface": {"sealed": "plough"}}, "dig.plough.sealed, which has no price"),
        ({"surface_of_tag": {"asphalt": "hard"}}, "hard"),
        ({"dig": 3}, "dig"),
        ({"overhead_percent": float("nan")}, "is no number"),
    ],
)
def test_a_wrong_change_is_refused_with_its_key(changes: dict[str, Any], words: str) -> None:
    """A price that is silently ignored or impossible would make every total wrong."""
    with pytest.raises(ConfigError, match=words):
        CostModel.preset("example-eur", changes)


def test_a_preset_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A misspelt preset must list the known ones; a missing file is a missing file."""
    with pytest.raises(ConfigError, match="example-eur, example-usd, metres"):
        CostModel.preset("exmple")
    with pytest.raises(MissingFileError, match=r"none\.toml"):
        CostModel.preset(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("= 3")
    with pytest.raises(ConfigError, match="not valid TOML"):
        CostModel.preset(str(tmp_path / "bad.toml"))

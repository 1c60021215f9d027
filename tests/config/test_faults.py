"""What a planner reads of wrong settings: each by its full name, where it stands, what is wrong and the cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lastmile_net.config import PlanConfig, read_config
from lastmile_net.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_drop_m = -3", "setting 'max_drop_m': is below 0 (got -3). Write 0 or more."),
        ("max_drop_m = 'far'", "setting 'max_drop_m': is no number (got 'far'). Write a plain number, such as 12.5."),
        ("rounds = 1.5", "setting 'rounds': is no whole number (got 1.5). Write a whole number."),
        ("tap = 'all'", "setting 'tap': is not known (got 'all'). Write 'auto', 'points' or 'anywhere'."),
        ("pop = [1]", "setting 'pop': entry 2 is missing. Add it."),
        (
            "[phases]\nbudgets = [10, -3]",
            "setting 'phases.budgets': entry 2 is below 0 (got -3). Write 0 or more.",
        ),
        ("[phases]\nareas = ['n', 'e', 3]", "setting 'phases.areas': entry 3 is no text (got 3). Put it in quotes."),
        ("[phases]\nbudget = [1]", "setting 'phases.budget': is not known. Did you mean 'budgets'?"),
        (
            "[phases]\nbudgets = []",
            "setting 'phases': has no phase. Give it `budgets`, `areas` or `polygons`, or leave [phases] out.",
        ),
        ("[phases]\ngrown = false", "setting 'phases': has no phase. Give it `budgets`, "),
        ("max_drop = 3", "setting 'max_drop': is not known. Did you mean 'max_drop_m'?"),
        ("routes = 'often'", "setting 'routes': is no yes or no (got 'often'). Write true or false."),
        ("cost = 5", "setting 'cost': is no table (got 5). Give it entries: [cost]."),
        ("phases = 3", "setting 'phases': is no table (got 3). Give it entries of its own, as in [phases]."),
        ("mapping = {customers = 3}", "setting 'mapping.customers': is no table (got 3)."),
        ("tap_roles = 'pop'", "setting 'tap_roles': is no list (got 'pop'). Put it in brackets: [...]."),
        ("target_coverage = 0", "setting 'target_coverage': is not above 0 (got 0). Write more than 0."),
        (
            "target_coverage = 95",
            "setting 'target_coverage': is above 1 (got 95). Write 1 or less. For 95 % write 0.95.",
        ),
        ("target_gap = nan", "setting 'target_gap': is no number (got nan). Write a plain number, such as 12.5."),
        ("[cost]\noverhead = 3", "setting 'cost.overhead': is not known. Did you mean 'overhead_percent'?"),
        (
            "[cost.dig.open_trench]\nsealed = 'x'",
            "setting 'cost.dig.open_trench.sealed': is no number (got 'x'). Write a plain number, such as 12.5.",
        ),
        ("[cost]\ndig = 3", "setting 'cost.dig': is no table (got 3). Give it entries of its own, as in [cost.dig]."),
        (
            "[cost.dig]\nplough = 3",
            "setting 'cost.dig.plough': is no table (got 3). Give it entries of its own, as in [cost.dig.plough].",
        ),
        (
            "[cost.drop_fixed]\nvalue = 3\nunit = 'm'",
            "setting 'cost.drop_fixed': is a price per m. Give it per drop.",
        ),
        (
            "[cost.method_of_surface]\nsealed = 'plough'",
            "setting 'cost.method_of_surface.sealed': asks for dig.plough.sealed, which has no price. Add that price",
        ),
        ("optical = 'D'", "setting 'optical': no class of optics 'D'. Known are B+, C+, E1, N1, N2"),
        ("prices = 'dear'", "setting 'prices': no price preset 'dear'. Known are example-eur, example-usd, metres"),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(tmp_path: Path, text: str, told: str) -> None:
    """A message that speaks of columns, or of entry 1 where the second is meant, leads to the wrong place."""
    path = tmp_path / "lastmile.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}, {told}"), str(caught.value)


def test_all_wrong_settings_come_at_once(tmp_path: Path) -> None:
    """Unknown names, wrong prices and wrong values are told in one message, not one run after the other."""
    path = tmp_path / "lastmile.toml"
    path.write_text("max_drop = 3\nseed = -1\n[cost]\ndrop_fixed = -1\nfibre = 2\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    named = {fault.setting for fault in caught.value.faults}
    assert named == {"max_drop", "seed", "cost.drop_fixed", "cost.fibre"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"budget": -1}, "setting 'budget': is below 0 (got -1). Write 0 or more."),
        ({"budget": 1, "target_coverage": 0.5}, "a plan has one aim: give only one of budget, target_coverage."),
    ],
)
def test_an_option_is_no_fault_of_the_file(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    """A value from the command line is not looked for in `lastmile.toml`."""
    path = tmp_path / "lastmile.toml"
    path.write_text("seed = 3", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path, **given)
    assert str(caught.value).removeprefix(f"{path}: ") == told


def test_a_price_preset_of_ones_own_is_blamed_itself(tmp_path: Path) -> None:
    """What is wrong in the file of prices is told of that file; only what `[cost]` changes is told of the settings."""
    prices = Path(__file__).parents[2] / "src" / "lastmile_net" / "presets" / "prices-metres.toml"
    text = prices.read_text(encoding="utf-8").replace("overhead_percent = 0", "overhead_percent = -1")
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    path = tmp_path / "lastmile.toml"
    path.write_text("prices = 'own.toml'\n[cost]\ndrop_fixed = -2\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert {(Path(fault.source).name, fault.setting) for fault in caught.value.faults} == {
        ("own.toml", "overhead_percent"),
        ("lastmile.toml", "cost.drop_fixed"),
    }


def test_python_callers_need_no_file() -> None:
    """Without a file the message names the setting alone."""
    with pytest.raises(ConfigError, match=r"^setting 'max_route_m': is below 0"):
        PlanConfig.read({"max_route_m": -1})


def test_an_option_names_the_encoding_of_one_layer(tmp_path: Path) -> None:
    """Who names that of the customers has not taken back what the file says of streets, nor is to blame for it."""
    path = tmp_path / "lastmile.toml"
    path.write_text("[encoding]\nstreets = 'cp1252'\ncustomers = 'utf-8'\n", encoding="utf-8")
    config = read_config(path, encoding={"customers": "cp1250"})
    assert config.encoding == {"streets": "cp1252", "customers": "cp1250"}
    path.write_text("[encoding]\nstreets = 'cp1520'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"lastmile\.toml, setting 'encoding.streets': there is no encoding 'cp1520'"):
        read_config(path, encoding={"customers": "cp1250"})

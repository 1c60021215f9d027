"""Optical budgets, worked out on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastmile_net.config import Optics, PlanConfig
from lastmile_net.config.optics import longest_route_m, loss_db, optics_names, within_budget
from lastmile_net.errors import ConfigError, MissingFileError

if TYPE_CHECKING:
    from pathlib import Path

BARE = {"connectors": 0, "splices": 0, "splice_every_m": None, "bends_db": 0.0, "margin_db": 0.0, "splitters": ()}


def test_the_classes_have_their_budgets() -> None:
    """The five classes that operators name are there, with the budgets that the standards give them."""
    budgets = {name: Optics.preset(name).budget_db for name in optics_names()}
    assert budgets == {"B+": 28, "C+": 32, "N1": 29, "N2": 31, "E1": 33}
    assert all(Optics.preset(name).source for name in budgets)


def test_every_part_of_the_loss_counts() -> None:
    """2 + 17.5 (1:32) + 2 x 0.5 + 2 x 0.1 + 0.2 + 3 = 23.9; 4.5 km of fibre 1.8 and two more splices 0.2: 25.9."""
    loss = loss_db(np.array([0.0, 4500.0]), Optics.preset("B+"), np.array([2.0, 2.0]))
    assert loss.round(9).tolist() == [23.9, 25.9]


def test_splitter_stages_add_up() -> None:
    """1:4 and then 1:8 lose 7.2 + 10.8 dB."""
    optics = Optics.preset("B+", BARE | {"splitters": (4, 8)})
    assert loss_db(np.zeros(1), optics, np.zeros(1)).tolist() == [18.0]


def test_the_budget_is_inclusive() -> None:
    """28 dB less 24 at the access point leave 4 dB, exactly 10 km of 0.4 dB/km; a millimetre more is too long."""
    optics = Optics.preset("B+", BARE)
    access = np.array([24.0, 24.0])
    assert within_budget(np.array([10_000.0, 10_000.001]), optics, access).tolist() == [True, False]
    assert longest_route_m(optics, np.array([24.0])).tolist() == [10_000.0]


def test_no_route_fits_where_the_budget_is_spent_already() -> None:
    """An access point beyond the budget must not get a limit of zero, which would serve the house above it."""
    optics = Optics.preset("B+", BARE)
    assert longest_route_m(optics, np.array([28.0, 28.01])).tolist() == [0.0, -1.0]


@pytest.mark.parametrize(("unknown", "longest"), [("refuse", -1.0), ("ignore", np.inf)])
def test_an_unknown_loss_is_never_zero(unknown: str, longest: float) -> None:
    """Taking unknown for 0 dB would promise service that may not work."""
    optics = Optics.preset("B+", {"unknown": unknown})
    access = np.array([np.nan])
    assert longest_route_m(optics, access).tolist() == [longest]
    assert within_budget(np.array([10.0]), optics, access).tolist() == [unknown == "ignore"]
    assert np.isnan(loss_db(np.array([10.0]), optics, access)).all()


@given(st.floats(0, 30), st.sampled_from([None, 500.0, 2000.0]))
def test_the_longest_route_is_the_longest(access_db: float, every: float | None) -> None:
    """The solver cuts routes at this length and the report judges the loss: both must say the same."""
    optics = Optics.preset("E1", {"splitters": (), "splice_every_m": every})
    access = np.array([access_db])
    longest = longest_route_m(optics, access)
    if longest[0] >= 0:
        assert within_budget(longest, optics, access).all()
    assert not within_budget(np.maximum(longest, -0.001) + 0.001, optics, access).any()


def test_optics_come_by_name_by_table_and_by_file(tmp_path: Path) -> None:
    """A planner writes `optical = "B+"`, or a table that changes it, or the name of a file."""
    assert PlanConfig.read({"optical": "C+"}).optical == Optics.preset("C+")
    changed = PlanConfig.read({"optical": {"preset": "N1", "margin_db": 1}}).optical
    assert changed == Optics.preset("N1", {"margin_db": 1})
    (tmp_path / "own.toml").write_text('name = "own"\nbudget_db = 20\nfibre_db_per_km = 0.5\n')
    assert Optics.preset(str(tmp_path / "own.toml")).budget_db == 20


def test_wrong_optics_are_refused(tmp_path: Path) -> None:
    """Unknown classes, ratios without a loss and unknown keys must not be planned on."""
    with pytest.raises(ConfigError, match=r"B\+, C\+, E1, N1, N2"):
        Optics.preset("D")
    with pytest.raises(ConfigError, match="ratio 3"):
        Optics.preset("B+", {"splitters": (3,)})
    with pytest.raises(ConfigError, match="Did you mean 'margin_db'"):
        Optics.preset("B+", {"margin": 1})
    with pytest.raises(MissingFileError, match=r"none\.toml"):
        Optics.preset(str(tmp_path / "none.toml"))

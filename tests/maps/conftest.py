"""Fixtures of the map tests: made-up plans, and a browser to look at their maps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import chromium
import made_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import SimpleNamespace

    import pandas as pd


@pytest.fixture(scope="session")
def small_plan() -> SimpleNamespace:
    """Return a made-up plan of 2,000 customers."""
    return made_up.town(2000)


@pytest.fixture(scope="session")
def make_town() -> Callable[..., SimpleNamespace]:
    """Return the maker of made-up plans."""
    return made_up.town


@pytest.fixture(scope="session")
def curve_of() -> Callable[[SimpleNamespace], pd.DataFrame]:
    """Return what draws the curve of a ranked made-up plan."""
    return made_up.curve_of


@pytest.fixture(scope="session")
def artefacts(root: Path) -> Path:
    """Return the folder in which screenshots are kept."""
    return root / "artefacts"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Chromium]:
    """Return a Chromium without network, or skip."""
    if not (chromium.BROWSER.exists() and chromium.DRIVER.exists()):
        pytest.skip(f"no Chromium to look at maps with: {chromium.BROWSER} and {chromium.DRIVER} are needed")
    with chromium.Chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one

"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the checkout's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def towns() -> Path:
    """Return the folder of real towns, or skip."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"the real towns are not here: no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def steiner() -> Path:
    """Return the folder of Steiner instances with known optima, or skip."""
    folder = SHARED / "steiner"
    if not folder.is_dir():
        pytest.skip(f"the Steiner instances are not here: no folder {folder}")
    return folder

"""Whose data it is: what is made from OpenStreetMap names its contributors and its licence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

OSM_CREDIT = {"en": "© OpenStreetMap contributors, ODbL", "de": "© OpenStreetMap-Mitwirkende, ODbL"}


def from_osm(streets: pd.DataFrame) -> bool:
    """Return whether streets come from OpenStreetMap: then they have classes of its `highway`."""
    return bool(streets["highway"].notna().any())


def osm_credit(streets: pd.DataFrame, language: str = "en") -> str:
    """Return the credit that what is made along these streets has to bear; empty where they are not from there."""
    return OSM_CREDIT[language] if from_osm(streets) else ""

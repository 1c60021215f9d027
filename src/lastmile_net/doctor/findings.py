"""What the doctor says: findings, each with its rows, its cost and its cure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import pandas as pd

from lastmile_net.counts import counted
from lastmile_net.errors import Fault, rows_told

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyproj
    import shapely

Severity = Literal["error", "warning", "info"]

CODES: dict[str, tuple[Severity, str]] = {
    "invalid_location": ("error", "a row without a usable location"),
    "swapped_axes": ("error", "latitude and longitude are swapped in some rows"),
    "duplicate_id": ("error", "two rows carry one id"),
    "ports_negative": ("error", "a place has fewer than no free ports"),
    "units_absurd": ("error", "a number of homes that cannot be"),
    "null_island": ("error", "a point lies at 0,0, where there is only sea"),
    "no_overlap": ("error", "a layer lies nowhere near the others"),
    "no_such_area": ("error", "a phase names an area in which no customer lies"),
    "pop_off_street": ("error", "the place given with --pop is not within reach of any street"),
    "near_miss": ("warning", "a street ends just short of another"),
    "island": (
        "warning",
        "streets that are not tied to the backbone; streets meet within 1 cm, --fix closes gaps below 2 m",
    ),
    "overlap": ("warning", "two streets run along the same line"),
    "off_street": ("warning", "part of the backbone lies on no street"),
    "outside_extent": ("warning", "a point lies far outside the other layers"),
    "far_from_street": ("warning", "no street is within the longest drop of a customer"),
    "ports_unknown": ("warning", "no access point has `ports_free`: none is ever full"),
    "building_too_large": ("warning", "a building has more homes to connect than any access point has ports"),
    "ports_short": ("warning", "there are fewer free ports than homes to connect"),
    "crs_guessed": ("warning", "a layer does not say its CRS: it was guessed"),
    "beyond_crs": ("warning", "a layer lies far outside the area that its CRS is made for"),
    "address_twice": ("warning", "one address is given more than once"),
    "coarse_coordinates": ("warning", "coordinates rounded to two decimals or fewer, which is about a kilometre"),
    "street_not_here": ("info", "the street that an address names is not within the longest drop"),
    "other_street_nearer": ("info", "another street is nearer than the one that an address names"),
    "one_spot": ("info", "several customers lie on one spot"),
    "crossing_without_node": ("info", "streets meet where they share no vertex"),
    "self_crossing": ("info", "a street crosses itself where it has no vertex"),
    "no_access_point": ("info", "the backbone has no access point: customers connect anywhere along its lines"),
    "no_length": ("info", "lines without length, which are left out"),
    "not_read": ("info", "columns of a layer that nothing is read from"),
    "read_as": ("info", "something was derived, translated or filled in while reading"),
}
"""All codes, worst first, with severity and meaning."""
NOTED = {"read_as", "crs_guessed", "beyond_crs", "no_length", "not_read", "ports_unknown", "ports_short"}
"""Codes of what a plan notes in other words."""
NAMING = {"ports_negative", "units_absurd", "duplicate_id", "far_from_street", "off_street", "near_miss", "overlap"}
NAMING |= {"crossing_without_node", "self_crossing", "building_too_large"}
"""Codes whose messages name the rows themselves."""


@dataclass(frozen=True, eq=False)
class Finding:
    """
    One thing wrong, or odd, at one place.

    Parameters
    ----------
    code
        Key of `CODES`.
    layer
        Layer it is about.
    rows
        Ids of the rows concerned.
    message
        What is wrong, in one sentence.
    cure
        How to mend it.
    geometry
        Where to look, in the CRS of the findings.
    customers
        Customers that may go unserved or be counted wrongly because of it.
    metres
        Metres concerned: the width of a gap, the length of an overlap.
    """

    code: str
    layer: str
    rows: tuple[str, ...]
    message: str
    cure: str
    geometry: shapely.Geometry | None = None
    customers: int = 0
    metres: float = 0.0

    def __str__(self) -> str:
        return self.message if self.code in NAMING else f"{self.message}{rows_told(self.rows)}"

    @property
    def severity(self) -> Severity:
        """How bad it is; errors stop a plan."""
        return CODES[self.code][0]


@dataclass(frozen=True, eq=False)
class Findings:
    """All findings about one set of layers, worst first; `crs` is that of their geometries."""

    items: tuple[Finding, ...]
    crs: pyproj.CRS

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Return those that stop a plan."""
        return tuple(item for item in self.items if item.severity == "error")

    def faults(self) -> tuple[Fault, ...]:
        """Return those that stop a plan, as faults of its input."""
        return tuple(Fault(each.message, each.cure, each.layer, rows=each.rows) for each in self.errors)

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each code, worst first; what reading has noted is left out, as it stands by itself."""
        told = []
        for code, (_, meaning) in CODES.items():
            found = self.of(code)
            customers = sum(each.customers for each in found)
            concerned = f", {counted(customers, 'customer')} concerned" if customers else ""
            if found and code not in NOTED:
                told.append(f"check: {code}: {len(found):,} found{concerned} ({meaning})")
        return tuple(told)

    def of(self, code: str) -> tuple[Finding, ...]:
        """Return those with this code."""
        return tuple(item for item in self.items if item.code == code)

    def summary(self) -> pd.DataFrame:
        """Count findings, rows, customers and metres by code, worst first."""
        rows = [
            (
                code,
                severity,
                len(of),
                sum(len(each.rows) for each in of),
                sum(each.customers for each in of),
                round(sum(each.metres for each in of), 1),
                meaning,
            )
            for code, (severity, meaning) in CODES.items()
            if (of := self.of(code))
        ]
        return pd.DataFrame(rows, columns=["code", "severity", "findings", "rows", "customers", "metres", "meaning"])

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return one row per finding, to be seen on a map."""
        columns = ("code", "severity", "layer", "message", "customers", "metres", "cure")
        frame = pd.DataFrame([[getattr(item, name) for name in columns] for item in self.items], columns=list(columns))
        frame.insert(3, "rows", [", ".join(item.rows) for item in self.items])
        return gpd.GeoDataFrame(frame, geometry=[item.geometry for item in self.items], crs=self.crs)

    def layers(self) -> dict[str, gpd.GeoDataFrame]:
        """Return the same as one layer for each code, worst first; each opens by itself in a GIS."""
        table = self.to_gdf()
        return {code: rows.reset_index(drop=True) for code in CODES if len(rows := table[table["code"] == code])}


def in_order(items: list[Finding]) -> tuple[Finding, ...]:
    """Sort findings: the worst code first, then what costs most, then by rows, so that input order does not matter."""
    rank = {code: place for place, code in enumerate(CODES)}
    return tuple(
        sorted(items, key=lambda each: (rank[each.code], -each.customers, -each.metres, each.layer, each.rows))
    )

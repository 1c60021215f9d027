"""`gaps.csv`: who is not connected today, what the plan does for each, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lastmile_net.coverage import new_homes

if TYPE_CHECKING:
    import geopandas as gpd

GAP_COLUMNS = (
    "customer_id",
    "units",
    "status",
    "outcome",
    "reason",
    "remedy_code",
    "remedy_value",
    "remedy_unit",
    "remedy_at",
    "remedy_also",
    "remedy_cost",
    "remedy",
    "street",
    "housenumber",
    "area_id",
    "cost_alone",
)


def gaps(customers: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the customers that are not connected today, with what the plan does for them and where they are."""
    table = customers[customers["status"] != "connected"].reset_index(drop=True)
    columns = [name for name in GAP_COLUMNS if name in table]
    places = table.geometry.to_crs(4326) if table.crs is not None else table.geometry
    found = pd.DataFrame(table[columns])
    found.insert(columns.index("units") + 1, "units_without_line", new_homes(table))
    found["lon"], found["lat"] = places.x.round(7), places.y.round(7)
    return found

"""The frozen `Plan` that all stages end in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from lastmile_net.config import PlanConfig
    from lastmile_net.doctor import Findings
    from lastmile_net.maps import Map, MapOptions
    from lastmile_net.solve.problem import Progress, Status


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """
    The result: every customer with its outcome, everything that is built, and the proof.

    Each table is a GeoDataFrame in the run's metric CRS with the columns that `schema.py` declares
    for the layer of that name (extra input columns are carried through in `customers`).

    Parameters
    ----------
    customers, trenches, reused, routes, access_points, backbone_lines, backbone_points, streets
        The layers of `plan.gpkg`. Customers without a usable location have a None geometry.
    summary
        What `summary.json` holds; plain numbers, strings, dicts.
    config
        The settings used.
    curve
        Homes over cost in the order of building: what `curve.csv` holds.
    proposals
        Which changes would win most customers, by street, area and place: what `remedies.csv` holds.
    status
        What ended the solve.
    log
        Cost and bound over time.
    notes
        Sentences a planner should read: what was guessed, derived or left out.
    rejected
        Input rows that cannot be used, by layer, as they came, with `code` and `reason`.
    examined
        What the data doctor found before planning; None of a run that was read again.
    """

    customers: gpd.GeoDataFrame
    trenches: gpd.GeoDataFrame
    reused: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame
    access_points: gpd.GeoDataFrame
    backbone_lines: gpd.GeoDataFrame
    backbone_points: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    summary: dict[str, Any]
    config: PlanConfig
    status: Status
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    proposals: pd.DataFrame = field(default_factory=pd.DataFrame)
    log: tuple[Progress, ...] = ()
    notes: tuple[str, ...] = field(default=())
    rejected: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    examined: Findings | None = None

    def __str__(self) -> str:
        from lastmile_net.report.summary import summary_text  # reports know plans, not the other way round

        return summary_text(self)

    def __repr__(self) -> str:
        counts = self.summary["customers"]
        told = ", ".join(f"{counts[key]:,} {key}" for key in ("existing", "planned", "unserved"))
        return f"<Plan of {counts['total']:,} customers: {told}; {self.summary['trench_m']:,.0f} m to dig>"

    @property
    def drops(self) -> gpd.GeoDataFrame:
        """The trenches that are drops; `to_node` is the customer."""
        return self.trenches[self.trenches["kind"] == "drop"]

    @property
    def cost(self) -> float:
        """Total cost, in the currency of the prices."""
        return float(self.summary["cost"]["total"])

    @property
    def lower_bound(self) -> float:
        """No plan for the same customers, streets, drops and prices costs less."""
        return float(self.summary["lower_bound"])

    @property
    def gap(self) -> float:
        """Cost over lower bound, less one."""
        return float(self.summary["gap"])

    def findings(self) -> Findings:
        """Return what the data doctor finds in the plan's own layers."""
        if self.examined is not None:
            return self.examined
        import pandas as pd

        from lastmile_net.doctor import check

        backbone = pd.concat([self.backbone_lines, self.backbone_points], ignore_index=True)
        return check(self.streets, backbone, self.customers, config=self.config)

    def to_map(self, **options: Unpack[MapOptions]) -> Map:
        """
        Return the map of the plan, with the findings of the data doctor: a page that opens without any network.

        Parameters
        ----------
        **options
            See `MapOptions`: tiles, language, one area, gaps only, a title.

        Returns
        -------
        page
            Shows itself in a notebook; `lastmile_net.maps.save_page` writes it.

        Raises
        ------
        DataError
            If language, tiles, `only` or `area` is not known.
        """
        from lastmile_net.maps import plan_map  # folium takes a second to import

        if "findings" not in options:
            options["findings"] = self.findings().to_gdf()
        return plan_map(self, **options)

    def _repr_html_(self) -> str:
        """Show the map in a notebook."""
        return str(self.to_map()._repr_html_())

"""The options that commands share, each declared once, and what their text is read into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lastmile_net.config import PlanConfig

Streets = Annotated[str, typer.Option(envvar="LASTMILE_STREETS", help="Streets: any file GDAL reads.")]
Backbone = Annotated[
    str | None,
    typer.Option(
        envvar="LASTMILE_BACKBONE",
        help="Existing lines and access points, as in FILE.gpkg or FOLDER:lines,cabinets; or give --pop.",
    ),
]
Customers = Annotated[str, typer.Option(envvar="LASTMILE_CUSTOMERS", help="Customers: points, polygons, or CSV.")]
Barriers = Annotated[str | None, typer.Option(envvar="LASTMILE_BARRIERS", help="Lines, areas no drop crosses.")]
Excluded = Annotated[str | None, typer.Option(envvar="LASTMILE_EXCLUDED", help="Areas where nothing is built.")]
RailWater = Annotated[
    str | None, typer.Option(envvar="LASTMILE_RAIL_WATER", help="Railways and waters, crossed at a price.")
]
Presets = Annotated[
    list[str] | None, typer.Option("--preset", help="Column preset of a register, or a TOML file; once for each.")
]
Tables = Annotated[
    list[str] | None, typer.Option("--table", help="NAME=FILE: second table that a column preset asks for.")
]
Encodings = Annotated[
    list[str] | None,
    typer.Option(
        "--encoding", help="LAYER=NAME: encoding of a table or shapefile that does not tell it; once for each."
    ),
]
ConfigFile = Annotated[str | None, typer.Option("--config", envvar="LASTMILE_CONFIG", help="lastmile.toml")]
Crs = Annotated[str | None, typer.Option(envvar="LASTMILE_CRS", help="CRS to measure in; of files that name none.")]
Pop = Annotated[str | None, typer.Option(envvar="LASTMILE_POP", help="LON,LAT of a start where nothing exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing run.")]
Run = Annotated[str, typer.Argument(help="Folder of a run.")]
Prices = Annotated[str | None, typer.Option(envvar="LASTMILE_PRICES", help="Price preset or TOML file.")]
Tap = Annotated[str | None, typer.Option(envvar="LASTMILE_TAP", help="auto, points or anywhere.")]
MaxDropM = Annotated[float | None, typer.Option(envvar="LASTMILE_MAX_DROP_M", help="Longest drop.")]
MaxRouteM = Annotated[float | None, typer.Option(envvar="LASTMILE_MAX_ROUTE_M", help="Longest route.")]
NewAccessPoints = Annotated[
    bool | None,
    typer.Option(
        "--new-access-points/--no-new-access-points",
        envvar="LASTMILE_NEW_ACCESS_POINTS",
        help="Place closures and cabinets of the price catalogue so that everyone in reach has a port.",
    ),
]
Optical = Annotated[str | None, typer.Option(envvar="LASTMILE_OPTICAL", help="Class of optics.")]
Budget = Annotated[
    float | None, typer.Option(envvar="LASTMILE_BUDGET", help="Connect as many homes as this money can.")
]
TargetCoverage = Annotated[
    float | None,
    typer.Option(envvar="LASTMILE_TARGET_COVERAGE", help="Share of all homes to reach, at least cost."),
]
MaxCostPerHome = Annotated[
    float | None,
    typer.Option(envvar="LASTMILE_MAX_COST_PER_HOME", help="Build branches whose extra cost per home is within this."),
]
TargetGap = Annotated[float | None, typer.Option(envvar="LASTMILE_TARGET_GAP", help="Stop at this gap.")]
Rounds = Annotated[int | None, typer.Option(envvar="LASTMILE_ROUNDS", help="Stop after so many rounds.")]
TimeLimitS = Annotated[
    float | None,
    typer.Option(
        envvar="LASTMILE_TIME_LIMIT_S",
        help="Seconds that each search may take, 60 if not given; the curve, an aim or phases need further ones.",
    ),
]
Seed = Annotated[int | None, typer.Option(envvar="LASTMILE_SEED", help="Seed of the search.")]
OnBadRows = Annotated[str | None, typer.Option(envvar="LASTMILE_ON_BAD_ROWS", help="error, quarantine.")]
Tiles = Annotated[str | None, typer.Option(envvar="LASTMILE_TILES", help="Map tiles, such as osm.")]
Formats = Annotated[str, typer.Option(help="gpkg,geoparquet,geojson,csv,ofds")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 4 if customers stay unserved.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing of progress.")]
OutFolder = Annotated[str, typer.Option("--out", envvar="LASTMILE_OUT", help="Folder to make.")]


@dataclass(frozen=True)
class Files:
    """The layers a command was given."""

    streets: str
    backbone: str | None
    customers: str
    barriers: str | None = None
    excluded: str | None = None
    rail_water: str | None = None

    def optional(self) -> dict[str, str | None]:
        """Return the layers that may be left out, by name."""
        return {"barriers": self.barriers, "excluded": self.excluded, "rail_water": self.rail_water}


def settings_of(
    config: str | None,
    pop: str | None,
    crs: str | None,
    preset: list[str] | None,
    table: list[str] | None,
    encoding: list[str] | None,
    **others: object,
) -> PlanConfig:
    """Return the config file's settings, with those that options name in their place."""
    from lastmile_net.config import read_config

    return read_config(
        Path(config) if config else None,
        pop=lonlat(pop),
        crs=crs,
        presets=preset or None,
        tables=pairs(table, "--table is NAME=FILE, for example availability=bdc.csv"),
        encoding=pairs(encoding, "--encoding is LAYER=NAME, for example customers=cp1250"),
        **others,
    )


def numbers(text: str) -> tuple[float, float, float, float]:
    """Read `W,S,E,N`."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        message = "--bbox is W,S,E,N in degrees, for example 11.2,49.4,11.4,49.6"
        raise typer.BadParameter(message) from error
    return west, south, east, north


def pairs(given: list[str] | None, usage: str) -> dict[str, str] | None:
    """Read each `NAME=VALUE`; `usage` says how it is written."""
    found = [each.partition("=") for each in given or ()]
    if not all(name and value for name, _, value in found):
        raise typer.BadParameter(usage)
    return {name: value for name, _, value in found} or None


def lonlat(text: str | None) -> tuple[float, float] | None:
    """Read `LON,LAT`."""
    if text is None:
        return None
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        message = "--pop is LON,LAT, for example 11.58,48.14"
        raise typer.BadParameter(message) from error
    return lon, lat

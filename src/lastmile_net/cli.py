"""`lastmile`: arguments in, library calls, files out; the only place that prints."""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from lastmile_net.errors import LastMileError

if TYPE_CHECKING:
    from lastmile_net.config import PlanConfig
    from lastmile_net.doctor import Findings
    from lastmile_net.plan import Plan
    from lastmile_net.read.layers import Layers
    from lastmile_net.solve.problem import Progress

BAD_INPUT, NOT_ALL_WELL, PARTIAL = 3, 4, 5
FINDINGS_SHOWN = 5
OSM_LAYERS = ("streets", "customers", "backbone")

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Streets = Annotated[str, typer.Option(envvar="LASTMILE_STREETS", help="Streets: any file GDAL reads.")]
Backbone = Annotated[
    str | None, typer.Option(envvar="LASTMILE_BACKBONE", help="Existing lines and access points; or give --pop.")
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
ConfigFile = Annotated[str | None, typer.Option("--config", envvar="LASTMILE_CONFIG", help="lastmile.toml")]
Crs = Annotated[str | None, typer.Option(envvar="LASTMILE_CRS", help="CRS to measure in; of files that name none.")]
Pop = Annotated[str | None, typer.Option(envvar="LASTMILE_POP", help="LON,LAT of a start where nothing exists.")]
Out = Annotated[str, typer.Option(envvar="LASTMILE_OUT", help="Folder to make.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing run.")]
Run = Annotated[str, typer.Argument(help="Folder of a run.")]


@dataclass(frozen=True)
class _Files:
    streets: str
    backbone: str | None
    customers: str
    barriers: str | None = None
    excluded: str | None = None
    rail_water: str | None = None

    def optional(self) -> dict[str, str | None]:
        return {"barriers": self.barriers, "excluded": self.excluded, "rail_water": self.rail_water}


class _Watch:
    """Draws cost, bound and the falling gap on stderr while the solver runs, and hands Ctrl-C to it."""

    def __init__(self) -> None:
        self.stopped = False
        self.worst = 0.0
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(24),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
        )
        self.bar = Bar(*columns, console=err, transient=True, disable=not err.is_terminal)
        self.task = self.bar.add_task("reading the layers", total=None, figures="")

    def __enter__(self) -> _Watch:
        self.before = signal.signal(signal.SIGINT, self._stop)
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
        signal.signal(signal.SIGINT, self.before)

    def __call__(self, progress: Progress) -> bool:
        gap = f"{progress.gap:.3%}" if progress.gap < 1 else "not known yet"
        figures = f"cost {progress.cost / 1000:,.0f}  bound {progress.lower_bound / 1000:,.0f}  gap {gap}"
        if progress.gap < 1:
            self.worst = max(self.worst, progress.gap)
            left = progress.gap / self.worst if self.worst else 0.0
            self.bar.update(self.task, total=1.0, completed=left)
        self.bar.update(self.task, description=progress.stage, figures=figures)
        return not self.stopped

    def says(self, what: str) -> None:
        """Show what goes on after the solver has ended."""
        self.bar.update(self.task, description=what, total=None, figures="")

    def _stop(self, *_: object) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True
        err.print("stopping with the best plan so far; Ctrl-C again to drop it")


@app.command()
def plan(
    streets: Streets,
    customers: Customers,
    out_folder: Annotated[str, typer.Option("--out", envvar="LASTMILE_OUT", help="Folder to make.")],
    backbone: Backbone = None,
    barriers: Barriers = None,
    excluded: Excluded = None,
    rail_water: RailWater = None,
    preset: Presets = None,
    table: Tables = None,
    config: ConfigFile = None,
    pop: Pop = None,
    crs: Crs = None,
    prices: Annotated[str | None, typer.Option(envvar="LASTMILE_PRICES", help="Price preset or TOML file.")] = None,
    tap: Annotated[str | None, typer.Option(envvar="LASTMILE_TAP", help="auto, points or anywhere.")] = None,
    max_drop_m: Annotated[float | None, typer.Option(envvar="LASTMILE_MAX_DROP_M", help="Longest drop.")] = None,
    max_route_m: Annotated[float | None, typer.Option(envvar="LASTMILE_MAX_ROUTE_M", help="Longest route.")] = None,
    optical: Annotated[str | None, typer.Option(envvar="LASTMILE_OPTICAL", help="Class of optics.")] = None,
    budget: Annotated[
        float | None, typer.Option(envvar="LASTMILE_BUDGET", help="Connect as many homes as this money can.")
    ] = None,
    target_coverage: Annotated[
        float | None,
        typer.Option(envvar="LASTMILE_TARGET_COVERAGE", help="Share of all homes to reach, at least cost."),
    ] = None,
    max_cost_per_home: Annotated[
        float | None,
        typer.Option(
            envvar="LASTMILE_MAX_COST_PER_HOME", help="Build branches whose extra cost per home is within this."
        ),
    ] = None,
    target_gap: Annotated[float | None, typer.Option(envvar="LASTMILE_TARGET_GAP", help="Stop at this gap.")] = None,
    rounds: Annotated[int | None, typer.Option(envvar="LASTMILE_ROUNDS", help="Stop after so many rounds.")] = None,
    time_limit_s: Annotated[float | None, typer.Option(envvar="LASTMILE_TIME_LIMIT_S", help="Stop by then.")] = None,
    seed: Annotated[int | None, typer.Option(envvar="LASTMILE_SEED", help="Seed of the search.")] = None,
    on_bad_rows: Annotated[str | None, typer.Option(envvar="LASTMILE_ON_BAD_ROWS", help="error, quarantine.")] = None,
    tiles: Annotated[str | None, typer.Option(envvar="LASTMILE_TILES", help="Map tiles, such as osm.")] = None,
    formats: Annotated[str, typer.Option(help="gpkg,geoparquet,geojson,csv,ofds")] = "gpkg",
    overwrite: Overwrite = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 4 if customers stay unserved.")] = False,
    as_json: Json = False,
) -> None:
    """Plan: who is unconnected, why, and the cheapest trenches that connect everyone in reach."""
    from lastmile_net.config import read_config

    settings = read_config(
        Path(config) if config else None,
        pop=_lonlat(pop),
        crs=crs,
        presets=preset or None,
        tables=_named_files(table),
        prices=prices,
        tap=tap,
        max_drop_m=max_drop_m,
        max_route_m=max_route_m,
        optical=optical,
        budget=budget,
        target_coverage=target_coverage,
        max_cost_per_home=max_cost_per_home,
        target_gap=target_gap,
        rounds=rounds,
        time_limit_s=time_limit_s,
        seed=seed,
        on_bad_rows=on_bad_rows,
        tiles=tiles,
    )
    files = _Files(streets, backbone, customers, barriers, excluded, rail_water)
    made = _plan(files, Path(out_folder), settings, formats, overwrite=overwrite, as_json=as_json)
    _say_if_partial(made)
    if strict and made.summary["customers"]["unserved"]:
        raise typer.Exit(NOT_ALL_WELL)


@app.command()
def demo(out_folder: Annotated[str, typer.Option("--out", help="Folder to make.")] = "lastmile-demo") -> None:
    """Plan the bundled demo town; needs no arguments and no network."""
    from lastmile_net.config import read_config
    from lastmile_net.demo import demo_folder

    town = demo_folder()
    files = _Files(*(str(town / f"{name}.gpkg") for name in ("streets", "backbone", "customers")))
    _say_if_partial(_plan(files, Path(out_folder), read_config(), "gpkg", overwrite=True, as_json=False))


@app.command()
def check(
    streets: Streets,
    customers: Customers,
    backbone: Backbone = None,
    barriers: Barriers = None,
    excluded: Excluded = None,
    rail_water: RailWater = None,
    preset: Presets = None,
    table: Tables = None,
    config: ConfigFile = None,
    pop: Pop = None,
    crs: Crs = None,
    out_folder: Annotated[str | None, typer.Option("--out", help="Folder for check.gpkg and mended layers.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Write mended layers into --out.")] = False,
    as_json: Json = False,
) -> None:
    """Examine the layers: findings only, plans nothing."""
    from lastmile_net.config import read_config
    from lastmile_net.doctor import check_layers
    from lastmile_net.read.layers import load_layers

    if fix and not out_folder:
        message = "--fix writes mended layers into a folder: name it with --out"
        raise typer.BadParameter(message)
    settings = read_config(
        Path(config) if config else None,
        pop=_lonlat(pop),
        crs=crs,
        presets=preset or None,
        tables=_named_files(table),
        on_bad_rows="quarantine",
    )
    files = _Files(streets, backbone, customers, barriers, excluded, rail_water)
    layers = load_layers(streets, backbone, customers, config=settings, **files.optional())
    findings = check_layers(layers, settings)
    done = _write_check(layers, findings, files, Path(out_folder), fix=fix) if out_folder else []
    if as_json:
        out.print_json(
            json.dumps(
                {
                    "findings": [vars(each) | {"geometry": None, "severity": each.severity} for each in findings],
                    "done": done,
                }
            )
        )
    else:
        _show_findings(findings, done)
    if findings.errors:
        raise typer.Exit(BAD_INPUT)


@app.command()
def osm(
    out_folder: Annotated[str, typer.Option("--out", help="Folder to make.")],
    pbf: Annotated[str | None, typer.Option(help="Extract: .osm.pbf, .osm, .osm.gz, .osm.bz2.")] = None,
    place: Annotated[str | None, typer.Option(help="Name of a place.")] = None,
    bbox: Annotated[str | None, typer.Option(help="W,S,E,N in degrees.")] = None,
    polygon: Annotated[str | None, typer.Option(help="File with a polygon.")] = None,
    customers: Annotated[str, typer.Option(help="addresses, buildings or both.")] = "addresses",
    overpass_url: Annotated[str | None, typer.Option(help="Another Overpass server.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace layers that are there.")] = False,
) -> None:
    """Make planning layers from OpenStreetMap: an extract, or live."""
    if sum(given is not None for given in (pbf, place, bbox, polygon)) != 1:
        message = "give exactly one of --pbf, --place, --bbox, --polygon"
        raise typer.BadParameter(message)
    if customers not in ("addresses", "buildings", "both"):
        message = "--customers is addresses, buildings or both"
        raise typer.BadParameter(message)
    _check_free(Path(out_folder), overwrite=overwrite)
    _osm(Path(out_folder), pbf, (place, bbox, polygon), customers, overpass_url)


@app.command()
def verify(run: Run, as_json: Json = False) -> None:
    """Check a run again, from its files alone."""
    from lastmile_net.verify import verify_run

    verdict = verify_run(Path(run))
    if as_json:
        checks = [{"check": each.name, "passed": each.passed, "detail": each.detail} for each in verdict.checks]
        out.print_json(json.dumps({"passed": verdict.passed, "checks": checks}))
    else:
        out.print(str(verdict), markup=False)
    if not verdict.passed:
        raise typer.Exit(NOT_ALL_WELL)


@app.command()
def report(run: Run) -> None:
    """Write the last-mile failure report, HTML and Markdown."""
    from lastmile_net.read.run import read_run
    from lastmile_net.report import write_failure_report

    page, text = write_failure_report(read_run(Path(run)), Path(run))
    out.print(f"report: {page}\n        {text}", markup=False)


@app.command("map")
def draw_map(
    run: Run,
    area: Annotated[str | None, typer.Option(help="Only this planning area.")] = None,
    only: Annotated[str | None, typer.Option(help="Only gaps, planned or existing customers.")] = None,
    tiles: Annotated[str | None, typer.Option(help="Map tiles, such as osm; loads them from the net.")] = None,
    language: Annotated[str, typer.Option(help="en or de.")] = "en",
    title: Annotated[str, typer.Option(help="Heading of the map.")] = "",
    out_file: Annotated[str | None, typer.Option("--out", help="File to write: .html, .png, .svg or .pdf.")] = None,
    coverage: Annotated[str | None, typer.Option(help="Chart of the coverage to write: .png, .svg or .pdf.")] = None,
) -> None:
    """Draw the map of a run again; with wishes, into a file of its own beside the run's."""
    from lastmile_net.maps import save_coverage
    from lastmile_net.read.run import read_run
    from lastmile_net.write import redraw_map

    made = read_run(Path(run))
    wishes = {"area": area, "only": only, "tiles": tiles, "language": language, "title": title}
    asked = {name: wish for name, wish in wishes.items() if wish and (name, wish) != ("language", "en")}
    path = redraw_map(made, run, out_file, **asked)  # type: ignore[arg-type]
    out.print(f"map: {path}", markup=False)
    if coverage:
        out.print(f"coverage: {save_coverage(made, coverage, language=language)}", markup=False)


@app.command()
def compare(before: Run, after: Run) -> None:
    """Say what changed from one run to another."""
    from lastmile_net.compare import compare as changes
    from lastmile_net.read.run import read_run

    found = changes(read_run(Path(before)), read_run(Path(after)))
    out.print(str(found), markup=False)


@app.command()
def presets() -> None:
    """List the presets of prices, optics and columns, with their sources."""
    from lastmile_net.config import CostModel
    from lastmile_net.config.optics import optics_names
    from lastmile_net.config.prices import preset_names
    from lastmile_net.read.presets import column_preset, column_preset_names

    for name in preset_names():
        model = CostModel.preset(name)
        out.print(f"prices   {name:14} {model.currency:4} {model.note}", markup=False)
    for name in optics_names():
        out.print(f"optical  {name}", markup=False)
    for each in map(column_preset, column_preset_names()):
        out.print(f"columns  {each.name:16} {each.layer:10} {each.title}\n{'':37}{each.source}", markup=False)


def _plan(files: _Files, folder: Path, settings: PlanConfig, formats: str, *, overwrite: bool, as_json: bool) -> Plan:
    from lastmile_net.plan import plan as make
    from lastmile_net.write import Inputs, known_formats, recover, write_run
    from lastmile_net.write.atomic import check_way

    wanted = known_formats([name.strip() for name in formats.split(",") if name.strip()])
    recover(folder)
    check_way(folder, overwrite=overwrite)
    began = time.perf_counter()
    with _Watch() as watch:
        made = make(files.streets, files.backbone, files.customers, config=settings, report=watch, **files.optional())
        watch.says("writing the run")
        write_run(
            made,
            folder,
            inputs=Inputs.of(**vars(files), **{f"table {name}": file for name, file in settings.tables.items()}),
            formats=wanted,
            overwrite=overwrite,
            seconds=round(time.perf_counter() - began, 1),
            peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        )
    _show(made, folder, time.perf_counter() - began, as_json=as_json)
    return made


def _say_if_partial(made: Plan) -> None:
    if made.status == "interrupted":
        err.print("interrupted: the plan is the best so far, and marked so in run.json")
        raise typer.Exit(PARTIAL)


def _show(made: Plan, folder: Path, seconds: float, *, as_json: bool) -> None:
    from lastmile_net.report import summary_text

    page = folder.resolve() / "map.html"
    if as_json:
        out.print_json(json.dumps({"summary": made.summary, "status": made.status, "map": str(page)}))
        return
    out.print(summary_text(made), markup=False)
    out.print(f"\nmade in {seconds:.1f} s\nmap: {page}", markup=False)


def _check_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse to write over layers that somebody may have worked on."""
    from lastmile_net.errors import Fault, RunError

    there = [str(folder / f"{name}.gpkg") for name in OSM_LAYERS if (folder / f"{name}.gpkg").exists()]
    if there and not overwrite:
        cure = "Name another folder, or say --overwrite."
        raise RunError([Fault("is there already", cure, path) for path in there])


def _osm(
    folder: Path, pbf: str | None, where: tuple[str | None, str | None, str | None], customers: str, url: str | None
) -> None:
    from lastmile_net.read.files import read_layer
    from lastmile_net.read.osm import layers_from_osmnx, layers_from_pbf
    from lastmile_net.schema import EXCLUDED
    from lastmile_net.write.layers import write_layers

    wanted: Literal["addresses", "buildings", "both"] = customers  # type: ignore[assignment]
    if pbf is not None:
        layers = layers_from_pbf(Path(pbf), customers=wanted)
    else:
        place, bbox, polygon = where
        box = _numbers(bbox) if bbox else None
        layers = layers_from_osmnx(
            place=place,
            bbox=box,
            polygon=read_layer(polygon, EXCLUDED) if polygon else None,
            customers=wanted,
            overpass_url=url,
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in OSM_LAYERS:
        frame = getattr(layers, name)
        write_layers(folder / f"{name}.gpkg", {name: frame})
        out.print(f"{folder / name}.gpkg: {len(frame):,} rows", markup=False)
    for note in layers.notes:
        err.print(f"note: {note}", markup=False)


def _show_findings(findings: Findings, done: list[str]) -> None:
    """Print what was found, worst first, a few of each kind; and what was done."""
    if not len(findings):
        out.print("no findings")
    for code in dict.fromkeys(each.code for each in findings):
        found = findings.of(code)
        metres, customers = sum(each.metres for each in found), sum(each.customers for each in found)
        costs = [f"{customers:,} customers"] * bool(customers) + [f"{metres:,.0f} m"] * bool(metres >= 1)
        out.print(
            f"{found[0].severity:8} {code}: {len(found):,}" + f" ({', '.join(costs)})" * bool(costs), markup=False
        )
        for each in found[:FINDINGS_SHOWN]:
            out.print(f"         {each.message}\n             {each.cure}", markup=False)
        if len(found) > FINDINGS_SHOWN:
            out.print(f"         ... and {len(found) - FINDINGS_SHOWN:,} more, in check.gpkg with --out", markup=False)
    for sentence in done:
        out.print(sentence, markup=False)


def _write_check(layers: Layers, findings: Findings, files: _Files, folder: Path, *, fix: bool) -> list[str]:
    """Write findings, rejected rows and, if wanted, mended layers; say what was done."""
    from lastmile_net.doctor import mend
    from lastmile_net.errors import Fault, RunError
    from lastmile_net.write.layers import write_layers

    names = [name for name in ("streets", "backbone", "customers") if fix]
    ours = {(folder / f"{name}.gpkg").resolve() for name in ("check", "rejected", *names)}
    theirs = [name for name in vars(files).values() if name and Path(name.rpartition(":")[0] or name).resolve() in ours]
    theirs += [name for name in vars(files).values() if name and Path(name).resolve() in ours]
    if theirs:
        cure = "Name another folder: what was given is never written over."
        raise RunError([Fault("is an input, and would be written over", cure, name) for name in dict.fromkeys(theirs)])
    folder.mkdir(parents=True, exist_ok=True)
    written = {"check": findings.layers(), "rejected": dict(layers.rejected)}
    done: list[str] = []
    if fix:
        mended = mend(layers.streets, layers.customers)
        done += mended.done or ["nothing had to be mended"]
        for name, frame in (
            ("streets", mended.streets),
            ("backbone", layers.backbone),
            ("customers", mended.customers),
        ):
            written[name] = {name: frame}
    for name, content in written.items():
        if content:
            write_layers(folder / f"{name}.gpkg", content)
            done.append(f"written: {folder / name}.gpkg")
    return done


def _numbers(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        message = "--bbox is W,S,E,N in degrees, for example 11.2,49.4,11.4,49.6"
        raise typer.BadParameter(message) from error
    return west, south, east, north


def _named_files(given: list[str] | None) -> dict[str, str] | None:
    pairs = [each.partition("=") for each in given or ()]
    if not all(name and file for name, _, file in pairs):
        message = "--table is NAME=FILE, for example availability=bdc.csv"
        raise typer.BadParameter(message)
    return {name: file for name, _, file in pairs} or None


def _lonlat(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        message = "--pop is LON,LAT, for example 11.58,48.14"
        raise typer.BadParameter(message) from error
    return lon, lat


def main() -> NoReturn:
    """Run the command line; every expected failure is a message and an exit code."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger("lastmile_net").setLevel(logging.INFO)
    try:
        app()
    except LastMileError as error:
        err.print(f"error: {error}", markup=False, style="red")
        sys.exit(BAD_INPUT)
    except OSError as error:  # what no room has put into words of its own
        where = f"{error.filename}: " if error.filename else ""
        err.print(f"error: {where}{error.strerror or error}", markup=False, style="red")
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        err.print("interrupted; nothing was written")
        sys.exit(PARTIAL)
    sys.exit(0)

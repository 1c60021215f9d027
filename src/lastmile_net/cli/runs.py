"""The commands that take a finished run, and the list of presets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lastmile_net.cli.console import NOT_ALL_WELL, out
from lastmile_net.cli.options import Json, Run

PICTURES = ".png, .svg, .pdf need the extra images"


def verify(run: Run, as_json: Json = False) -> None:
    """Check a run again, from its files alone."""
    from lastmile_net.verify import verify_run

    verdict = verify_run(Path(run))
    if as_json:
        checks = [{"check": each.name, "passed": each.passed, "detail": each.detail} for each in verdict.checks]
        told = {"passed": verdict.passed, "checks": checks, "unchecked": verdict.unchecked}
        out.print_json(json.dumps(told))
    else:
        out.print(str(verdict))
    if not verdict.passed:
        raise typer.Exit(NOT_ALL_WELL)


def report(
    run: Run, title: Annotated[str, typer.Option(help="Heading of the report; if not given, it names the folder.")] = ""
) -> None:
    """Write the last-mile failure report, HTML and Markdown."""
    from lastmile_net.read.run import read_run
    from lastmile_net.report import write_failure_report

    page, text = write_failure_report(read_run(Path(run)), Path(run), title=title)
    out.print(f"report: {page}\n        {text}")


def draw_map(
    run: Run,
    area: Annotated[str | None, typer.Option(help="Only this planning area.")] = None,
    only: Annotated[str | None, typer.Option(help="Only gaps, planned or existing customers.")] = None,
    tiles: Annotated[str | None, typer.Option(help="Map tiles, such as osm; loads them from the net.")] = None,
    language: Annotated[str, typer.Option(help="en or de.")] = "en",
    title: Annotated[str, typer.Option(help="Heading of the map.")] = "",
    out_file: Annotated[str | None, typer.Option("--out", help=f"File to write: .html; {PICTURES}.")] = None,
    coverage: Annotated[str | None, typer.Option(help=f"Chart of the coverage to write: {PICTURES}.")] = None,
) -> None:
    """Draw the map of a run again; with wishes, into a file of its own beside the run's."""
    from lastmile_net.maps import check_picture, save_coverage
    from lastmile_net.read.run import read_run
    from lastmile_net.write import redraw_map

    if coverage:
        check_picture(coverage)
    made = read_run(Path(run))
    wishes = {"area": area, "only": only, "tiles": tiles, "language": language, "title": title}
    asked = {name: wish for name, wish in wishes.items() if wish and (name, wish) != ("language", "en")}
    path = redraw_map(made, run, out_file, **asked)  # type: ignore[arg-type]
    out.print(f"map: {path}")
    if coverage:
        out.print(f"coverage: {save_coverage(made, coverage, language=language)}")


def export(
    run: Run,
    postgis: Annotated[str, typer.Option(envvar="LASTMILE_POSTGIS", help="postgresql://USER@HOST/DATABASE#SCHEMA")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace tables that are there.")] = False,
) -> None:
    """Write the layers of a run into the tables of a PostGIS database, all of them or nothing."""
    from lastmile_net.read.postgis import publish, read_address
    from lastmile_net.read.run import read_run
    from lastmile_net.schema import PLAN_LAYERS

    made = read_run(Path(run))
    layers = {layer.name: getattr(made, layer.name) for layer in PLAN_LAYERS}
    publish(layers, postgis, replace=overwrite)
    for name, table in layers.items():
        out.print(f"{read_address(postgis)}.{name}: {len(table):,} rows")


def compare(
    before: Run,
    after: Run,
    as_json: Json = False,
    out_file: Annotated[
        str | None, typer.Option("--out", help="GeoPackage to make, with every customer and trench that changed.")
    ] = None,
) -> None:
    """Say what changed from one run to another: money, homes, gaps, trenches, and whose verdict."""
    from lastmile_net.compare import compare as changes
    from lastmile_net.credit import osm_credit
    from lastmile_net.errors import Fault, RunError
    from lastmile_net.read.run import read_run
    from lastmile_net.write.layers import write_layers

    path = Path(out_file) if out_file else None
    if path is not None and path.exists():
        raise RunError([Fault("the file exists", "Name another one.", source=str(path), setting="--out")])
    runs = [read_run(Path(each)) for each in (before, after)]
    found = changes(*runs)
    if path is not None:
        credit = next(filter(None, (osm_credit(made.streets) for made in runs)), "")
        write_layers(path, {"customers": found.customers, "trenches": found.trenches}, description=credit)
    if as_json:
        out.print_json(json.dumps({"before": before, "after": after, **found.numbers()}))
        return
    out.print(f"before: {before}\nafter:  {after}\n\n{found}\n")
    if len(found.customers) + len(found.trenches):
        out.print(f"all of them: {path}" if path else "all of them: --out FILE.gpkg, or --json")


def presets() -> None:
    """List the presets of prices, optics and columns, with their sources."""
    from lastmile_net.config import CostModel
    from lastmile_net.config.optics import optics_names
    from lastmile_net.config.prices import preset_names
    from lastmile_net.read.presets import column_preset, column_preset_names

    for name in preset_names():
        model = CostModel.preset(name)
        out.print(f"prices   {name:14} {model.currency:4} {model.note}")
    for name in optics_names():
        out.print(f"optical  {name}")
    for each in map(column_preset, column_preset_names()):
        out.print(f"columns  {each.name:16} {each.layer:10} {each.title}\n{'':37}{each.source}")

"""`lastmile osm` makes layers, `lastmile check` examines and mends them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lastmile_net.cli.console import BAD_INPUT, err, out
from lastmile_net.cli.options import (
    Backbone,
    Barriers,
    ConfigFile,
    Crs,
    Customers,
    Encodings,
    Excluded,
    Files,
    Json,
    Pop,
    Presets,
    RailWater,
    Streets,
    Tables,
    numbers,
    settings_of,
)
from lastmile_net.counts import counted

if TYPE_CHECKING:
    from lastmile_net.config import PlanConfig
    from lastmile_net.doctor import Findings
    from lastmile_net.read.layers import Layers
    from lastmile_net.read.osm import OsmLayers

CustomerKind = Literal["addresses", "buildings", "both"]
FINDINGS_SHOWN = 5
CUTS = "cuts the extract, or without --pbf downloads live"
OSM_LAYERS = ("streets", "customers", "backbone")


def osm(
    out_folder: Annotated[str, typer.Option("--out", help="Folder to make.")],
    pbf: Annotated[str | None, typer.Option(help="Extract: .osm.pbf, .osm, .osm.gz, .osm.bz2.")] = None,
    place: Annotated[str | None, typer.Option(help="Name of a place; downloads live.")] = None,
    bbox: Annotated[str | None, typer.Option(help=f"W,S,E,N in degrees; {CUTS}.")] = None,
    polygon: Annotated[str | None, typer.Option(help=f"File with polygons; {CUTS}.")] = None,
    customers: Annotated[str, typer.Option(help="addresses, buildings or both.")] = "addresses",
    overpass_url: Annotated[str | None, typer.Option(help="Another Overpass server.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace layers that are there.")] = False,
) -> None:
    """Make planning layers from OpenStreetMap: of an extract or a part of it, or downloaded live."""
    if sum(given is not None for given in (place, bbox, polygon)) > 1 or (place and pbf):
        message = "give one of --place, --bbox, --polygon; --pbf can be cut by --bbox or --polygon"
        raise typer.BadParameter(message)
    if all(given is None for given in (pbf, place, bbox, polygon)):
        message = "give an extract, --pbf, or the area to download: --place, --bbox or --polygon"
        raise typer.BadParameter(message)
    if customers not in ("addresses", "buildings", "both"):
        message = "--customers is addresses, buildings or both"
        raise typer.BadParameter(message)
    _check_free(Path(out_folder), overwrite=overwrite)
    _osm(Path(out_folder), pbf, (place, bbox, polygon), customers, overpass_url)


def check(
    streets: Streets,
    customers: Customers,
    backbone: Backbone = None,
    barriers: Barriers = None,
    excluded: Excluded = None,
    rail_water: RailWater = None,
    preset: Presets = None,
    table: Tables = None,
    encoding: Encodings = None,
    config: ConfigFile = None,
    pop: Pop = None,
    crs: Crs = None,
    out_folder: Annotated[str | None, typer.Option("--out", help="Folder for check.gpkg and mended layers.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Write mended layers into --out.")] = False,
    as_json: Json = False,
) -> None:
    """Examine the layers: findings only, plans nothing."""
    from lastmile_net.doctor import check_layers

    if fix and not out_folder:
        message = "--fix writes mended layers into a folder: name it with --out"
        raise typer.BadParameter(message)
    settings = settings_of(config, pop, crs, preset, table, encoding, on_bad_rows="quarantine")
    files = Files(streets, backbone, customers, barriers, excluded, rail_water)
    layers = _load(files, settings)
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


def _load(files: Files, settings: PlanConfig) -> Layers:
    """Read the layers, bad rows set aside for the findings; where that fails, tell them with all other faults."""
    from lastmile_net.errors import DataError
    from lastmile_net.read.layers import load_layers

    def read(config: PlanConfig) -> Layers:
        return load_layers(files.streets, files.backbone, files.customers, config=config, **files.optional())

    try:
        return read(settings)
    except DataError:
        read(settings.model_copy(update={"on_bad_rows": "error"}))
        raise


def _check_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is none, and to write over layers that somebody may have worked on."""
    from lastmile_net.errors import Fault, RunError

    above = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not above.is_dir():
        raise RunError([Fault(f"{above} is a file, not a folder", "Name another folder.", str(folder))])
    there = [str(folder / f"{name}.gpkg") for name in OSM_LAYERS if (folder / f"{name}.gpkg").exists()]
    if there and not overwrite:
        cure = "Name another folder, or say --overwrite."
        raise RunError([Fault("is there already", cure, path) for path in there])


def _osm(
    folder: Path, pbf: str | None, where: tuple[str | None, str | None, str | None], customers: str, url: str | None
) -> None:
    from lastmile_net.credit import OSM_CREDIT
    from lastmile_net.write.layers import write_files

    wanted: CustomerKind = customers  # type: ignore[assignment]
    layers = _read_osm(pbf, where, wanted, url)
    folder.mkdir(parents=True, exist_ok=True)
    frames = {name: getattr(layers, name) for name in OSM_LAYERS}
    files = {f"{name}.gpkg": {name: frame} for name, frame in frames.items()}
    write_files(folder, files, description=OSM_CREDIT["en"])
    for name, frame in frames.items():
        out.print(f"{folder / name}.gpkg: {len(frame):,} rows")
    for note in layers.notes:
        err.print(f"note: {note}")


def _read_osm(
    pbf: str | None, where: tuple[str | None, str | None, str | None], customers: CustomerKind, url: str | None
) -> OsmLayers:
    """Read an extract, or the part of it in an area; or download what is in the area."""
    from lastmile_net.read.files import read_layer
    from lastmile_net.read.osm import layers_from_osmnx, layers_from_pbf
    from lastmile_net.schema import EXCLUDED

    place, bbox, polygon = where
    box, area = numbers(bbox) if bbox else None, read_layer(polygon, EXCLUDED) if polygon else None
    if pbf is not None:
        return layers_from_pbf(Path(pbf), bbox=box, polygon=area, customers=customers)
    return layers_from_osmnx(place=place, bbox=box, polygon=area, customers=customers, overpass_url=url)


def _show_findings(findings: Findings, done: list[str]) -> None:
    """Print what was found, worst first, a few of each kind with its cure once; and what was done."""
    if not len(findings):
        out.print("no findings")
    for code in dict.fromkeys(each.code for each in findings):
        found = findings.of(code)
        metres, customers = sum(each.metres for each in found), sum(each.customers for each in found)
        costs = [counted(customers, "customer")] * bool(customers) + [f"{metres:,.0f} m"] * bool(metres >= 1)
        out.print(f"{found[0].severity:8} {code}: {len(found):,}" + f" ({', '.join(costs)})" * bool(costs))
        for each in found[:FINDINGS_SHOWN]:
            out.print(f"         {each}")
        if len(found) > FINDINGS_SHOWN:
            out.print(f"         ... and {len(found) - FINDINGS_SHOWN:,} more, in check.gpkg with --out")
        for cure in dict.fromkeys(each.cure for each in found):
            out.print(f"             {cure}")
    for sentence in done:
        out.print(sentence)


def _write_check(layers: Layers, findings: Findings, files: Files, folder: Path, *, fix: bool) -> list[str]:
    """Write findings, rejected rows and, if wanted, mended layers; say what was done."""
    from lastmile_net.credit import osm_credit
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
            described = osm_credit(layers.streets) if name not in ("backbone", "customers") else ""
            write_layers(folder / f"{name}.gpkg", content, description=described)
            done.append(f"written: {folder / name}.gpkg")
    return done

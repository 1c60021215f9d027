"""`write_run`: a plan as a run's folder."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pyogrio.errors

import lastmile_net
from lastmile_net.credit import osm_credit
from lastmile_net.errors import Fault, RunError
from lastmile_net.report.bom import write_bom
from lastmile_net.report.curve import write_curve
from lastmile_net.report.gaps import gaps
from lastmile_net.report.spreadsheet import write_csv
from lastmile_net.write.atomic import SEAL, new_folder
from lastmile_net.write.formats import Format, write_formats
from lastmile_net.write.geopackage import content_hash, write_geopackage
from lastmile_net.write.inputs import Inputs, hash_file
from lastmile_net.write.layers import write_layers
from lastmile_net.write.ofds import write_ofds
from lastmile_net.write.tables import plan_tables

if TYPE_CHECKING:
    from lastmile_net.plan.result import Plan

FORMATS: tuple[Format, ...] = get_args(Format)
RUN_FORMAT = 1
"""Version of the layout of a run's folder, raised when a reader would have to know."""


def write_run(
    plan: Plan,
    folder: Path | str,
    *,
    inputs: Inputs | None = None,
    formats: Sequence[str] = ("gpkg",),
    overwrite: bool = False,
    seconds: float | None = None,
    peak_memory_mb: float | None = None,
) -> Path:
    """
    Write a plan to a folder: all of it, or nothing.

    Parameters
    ----------
    plan
        What to write.
    folder
        Folder to make.
    inputs
        Where the inputs lie and what they hash to.
    formats
        Some of `FORMATS`. The GeoPackage is always written, a run is read from it; the others lie in folders
        called after them.
    overwrite
        Replace an existing run; files in it that no run wrote, such as a QGIS project, are kept.
    seconds, peak_memory_mb
        What the run took.

    Returns
    -------
    folder
        Where the run lies.

    Raises
    ------
    RunError
        If the folder exists and `overwrite` is not set, if it is no run, if a format is not known, or if the system
        does not let us write. Whatever was there before is still there then.
    """
    target = Path(folder)
    wanted = known_formats(formats)
    try:
        with new_folder(target, overwrite=overwrite) as draft:
            _write_files(plan, draft, wanted, target.resolve().name)
            seal = _seal(plan, draft, inputs or Inputs(), seconds, peak_memory_mb)
            if overwrite and target.is_dir():
                _keep_foreign_files(target, draft)
            _write_json(draft / SEAL, seal)
    except (sqlite3.Error, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        cure = "Is the disk full? Nothing has been changed."
        raise RunError([Fault(f"the run cannot be written: {error}", cure, source=str(target))]) from error
    return target


def known_formats(formats: Sequence[str]) -> list[str]:
    """
    Return the formats, each once; call it before a long computation, too.

    Raises
    ------
    RunError
        If one is not known, or needs a package that is not installed.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        cure = f"Known are {', '.join(FORMATS)}."
        raise RunError([Fault(f"there is no format '{name}'", cure, setting="formats") for name in unknown])
    if "geoparquet" in formats and find_spec("pyarrow") is None:
        cure = "Install it with: pip install 'lastmile-net[parquet]'."
        raise RunError([Fault("GeoParquet needs the package pyarrow", cure, setting="formats")])
    return sorted(set(formats))


def _write_files(plan: Plan, draft: Path, formats: Sequence[str], name: str) -> None:
    tables = list(plan_tables(plan))
    credit = osm_credit(plan.streets)
    write_geopackage(draft / "plan.gpkg", tables, credit=credit)
    write_formats(draft, tables, formats, credit=credit)
    if "ofds" in formats:
        (draft / "ofds").mkdir()
        write_ofds(plan, draft / "ofds")
    write_csv(gaps(tables[0][1]), draft / "gaps.csv")
    _write_json(draft / "summary.json", plan.summary)
    write_bom(plan, draft)
    if len(plan.curve.columns):
        write_curve(plan, draft)
    if plan.rejected:
        write_layers(draft / "rejected.gpkg", plan.rejected, description=credit)
    if len(plan.proposals.columns):
        write_csv(plan.proposals, draft / "remedies.csv")
    _draw_map(plan, draft / "map.html", name)


def _draw_map(plan: Plan, path: Path, name: str) -> None:
    from lastmile_net.maps import save_page  # folium takes a second to import

    save_page(plan.to_map(tiles=plan.config.tiles, name=name), path)


def _seal(
    plan: Plan, draft: Path, inputs: Inputs, seconds: float | None, peak_memory_mb: float | None
) -> dict[str, Any]:
    files = sorted(path for path in draft.rglob("*") if path.is_file())
    hashes: dict[str, dict[str, str | int]] = {
        path.relative_to(draft).as_posix(): {"sha256": hash_file(path), "bytes": path.stat().st_size} for path in files
    }
    hashes["plan.gpkg"]["content"] = content_hash(draft / "plan.gpkg")
    return {
        "format": RUN_FORMAT,
        "version": lastmile_net.__version__,
        "status": plan.status,
        "seed": plan.config.seed,
        "seconds": seconds,
        "peak_memory_mb": peak_memory_mb,
        "inputs": {name: vars(source) for name, source in sorted(inputs.files.items())},
        "config": plan.config.model_dump(mode="json"),
        "notes": list(plan.notes),
        "log": [vars(line) for line in plan.log],
        "files": hashes,
    }


def _keep_foreign_files(old: Path, draft: Path) -> None:
    """Copy from the old run what no run wrote and no command derived from one."""
    try:
        own = set(json.loads((old / SEAL).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old).as_posix()
        if path.is_file() and name not in own and not _derived(name) and not (draft / name).exists():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, draft / name)


def _derived(name: str) -> bool:
    own = ("report.", "bom.", "curve.", "compare.", "map.", "rejected.", "remedies.", "plan.gpkg-")
    return name == SEAL or name.startswith(own)


def _write_json(path: Path, content: object) -> None:
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def plain(value: object) -> object:
    """Return a value as JSON can hold it: numbers of numpy as Python's, numbers that are not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""The map of a run, drawn again: in its place, or, with wishes, in a file of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from lastmile_net.write.atomic import SEAL
from lastmile_net.write.inputs import hash_file

if TYPE_CHECKING:
    from lastmile_net.maps.plan_map import MapOptions
    from lastmile_net.plan.result import Plan

MAP = "map.html"


def redraw_map(plan: Plan, folder: Path | str, path: Path | str | None = None, **wishes: Unpack[MapOptions]) -> Path:
    """
    Draw the map of a run again.

    Parameters
    ----------
    plan
        The plan of the run.
    folder
        Folder of the run.
    path
        Where to: a page, or a picture if it ends in `.png`, `.svg` or `.pdf`. None draws the run's own `map.html` and
        takes it into the seal of the run; with wishes, a page beside it that is named after them.
    **wishes
        See `MapOptions`.

    Returns
    -------
    path
        Where the map lies.

    Raises
    ------
    DataError
        If a wish is not known, or a picture is asked for and matplotlib is not installed.
    """
    from lastmile_net.maps import KINDS, save_page, save_picture  # folium takes a second to import

    target = Path(path) if path is not None else Path(folder) / _name(wishes)
    wishes.setdefault("name", Path(folder).resolve().name)
    if target.suffix.lower() in KINDS:
        wanted = ("only", "area", "title", "name", "language")
        picture = {wish: wishes.get(wish) for wish in wanted if wishes.get(wish)}
        return save_picture(plan, target, **picture)  # type: ignore[arg-type]
    wishes.setdefault("tiles", plan.config.tiles)
    save_page(plan.to_map(**wishes), target)
    if target == Path(folder) / MAP:
        _seal_again(Path(folder), MAP)
    return target


def _name(wishes: MapOptions) -> str:
    told = [re.sub(r"[^\w-]+", "_", str(wish)) for _, wish in sorted(wishes.items())]
    return ".".join(["map", *told, "html"])


def _seal_again(folder: Path, name: str) -> None:
    """Put the hash of a file that a command has drawn again into `run.json`."""
    from lastmile_net.maps import write_whole

    seal = json.loads((folder / SEAL).read_text(encoding="utf-8"))
    seal["files"][name] = {"sha256": hash_file(folder / name), "bytes": (folder / name).stat().st_size}
    text = json.dumps(seal, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(folder / SEAL, (text + "\n").encode("utf-8"))

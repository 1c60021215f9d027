"""Where the bundled demo town lies."""

from __future__ import annotations

from pathlib import Path

from lastmile_net.errors import Fault, MissingFileError

FILES = ("streets.gpkg", "customers.gpkg", "backbone.gpkg")
_PACKAGE = Path(__file__).resolve().parent


def demo_folder() -> Path:
    """
    Find the demo town: inside an installed package, or in the checkout it is installed from.

    Returns
    -------
    folder
        Folder with `streets.gpkg`, `customers.gpkg` and `backbone.gpkg`.

    Raises
    ------
    MissingFileError
        If the town was left out of this installation.
    """
    places = (_PACKAGE / "demo_data", _PACKAGE.parents[1] / "data" / "demo")
    for folder in places:
        if all((folder / name).is_file() for name in FILES):
            return folder
    what = "the demo town is not part of this installation"
    raise MissingFileError([Fault(what, "Install the package again.", source=str(places[0]))])

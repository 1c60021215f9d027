"""Layers are named once: of two files given by one option, the first would be dropped without a word."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import typer
from typer.core import TyperCommand

from lastmile_net.cli.options import Files

LAYERS = frozenset(field.name for field in fields(Files))


class OneFileEach(TyperCommand):
    """A command that refuses an option of a layer that is given twice."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer brings a click of its own
        """Read the arguments, unless a layer is among them twice."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        names = [str(each.name) for each in given]
        for name in names:
            if name in LAYERS and names.count(name) > 1:
                option = f"--{name.replace('_', '-')}"
                message = (
                    f"{option} is given {names.count(name)} times, and takes one source: name all layers of a "
                    f"GeoPackage, {option} FILE.gpkg:lines,cabinets, or of a folder of shapefiles, "
                    f"{option} FOLDER:lines,cabinets"
                )
                raise typer.BadParameter(message)
        return super().parse_args(ctx, args)

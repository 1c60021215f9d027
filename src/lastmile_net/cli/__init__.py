"""`lastmile`: arguments in, library calls, files out; the only room that prints."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import typer

from lastmile_net.cli import layers, planning, runs
from lastmile_net.cli.console import BAD_INPUT, PARTIAL, err
from lastmile_net.cli.memory import hold_little
from lastmile_net.cli.once import OneFileEach
from lastmile_net.errors import LastMileError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="`lastmile`: arguments in, library calls, files out.",
)
for command in (
    planning.plan,
    planning.demo,
    layers.check,
    layers.osm,
    runs.verify,
    runs.report,
    runs.draw_map,
    runs.export,
    runs.compare,
    runs.presets,
):
    takes_files = command in (planning.plan, layers.check)
    app.command(command.__name__.removeprefix("draw_"), cls=OneFileEach if takes_files else None)(command)


def main() -> NoReturn:
    """Run the command line; every expected failure is a message and an exit code."""
    hold_little()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger("lastmile_net").setLevel(logging.INFO)
    try:
        app()
    except LastMileError as error:
        err.print(f"error: {error}", style="red")
        sys.exit(BAD_INPUT)
    except OSError as error:  # what no room has put into words of its own
        where = f"{error.filename}: " if error.filename else ""
        err.print(f"error: {where}{error.strerror or error}", style="red")
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        err.print("interrupted; nothing was written")
        sys.exit(PARTIAL)
    sys.exit(0)

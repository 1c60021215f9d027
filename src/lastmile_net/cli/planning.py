"""`lastmile plan` and `lastmile demo`."""

from __future__ import annotations

import json
import resource
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lastmile_net.cli.console import NOT_ALL_WELL, PARTIAL, Log, err, out
from lastmile_net.cli.options import (
    Backbone,
    Barriers,
    Budget,
    ConfigFile,
    Crs,
    Customers,
    Encodings,
    Excluded,
    Files,
    Formats,
    Json,
    MaxCostPerHome,
    MaxDropM,
    MaxRouteM,
    NewAccessPoints,
    OnBadRows,
    Optical,
    OutFolder,
    Overwrite,
    Pop,
    Presets,
    Prices,
    Quiet,
    RailWater,
    Rounds,
    Seed,
    Streets,
    Strict,
    Tables,
    Tap,
    TargetCoverage,
    TargetGap,
    Tiles,
    TimeLimitS,
    settings_of,
)
from lastmile_net.counts import percent

if TYPE_CHECKING:
    from lastmile_net.config import PlanConfig
    from lastmile_net.plan import Plan
    from lastmile_net.solve.problem import Progress


NO_WORKBOOK = "bom.xlsx: not written, it needs openpyxl: pip install 'lastmile-net[excel]'; bom.csv has the same items"
DEMO_FOLDER = "lastmile-demo"
"""The folder that the demo makes anew unasked."""

STARTS = ("construct", "grow", "afford")
"""Stages that a search begins with."""
DOES = {
    "construct": "first plan",
    "grow": "first plan",
    "prove": "proving",
    "charge": "proving",
    "rows": "proving",
    "branch": "proving",
    "afford": "proving how many homes the money connects",
    "finish": "done",
}
"""What the solver does in each of its stages; in the others it is improving."""


class Watch:
    """
    Tells on stderr what the solver is at, with the falling gap, and hands Ctrl-C to it.

    The first search is for the plan that connects everybody; the others, for an aim, phases or the curve, weigh homes
    against money, so that what they cost is no plan's cost. Nothing is told that is not known yet. A terminal gets one
    line that changes, anything else a line now and then; `quiet` ones neither.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        from rich.progress import Progress as Display
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self.stopped = False
        self.searches = 0
        self.last: Progress | None = None
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        terminal = err.console.is_terminal
        self.display = Display(*columns, console=err.console, transient=True, disable=quiet or not terminal)
        self.task = self.display.add_task("", total=None)
        self.log = None if quiet or terminal else Log()

    def __enter__(self) -> Watch:
        self.before = signal.signal(signal.SIGINT, self._stop)
        self.display.start()
        self.says("reading the layers")
        if self.log is not None:
            threading.Thread(target=self.log.live, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.log is not None:
            self.log.over.set()
        self.display.stop()
        signal.signal(signal.SIGINT, self.before)

    def __call__(self, progress: Progress) -> bool:
        """Tell how far the solver is; false once Ctrl-C was pressed."""
        self.searches += self._begins(progress)
        self.last = progress
        what = told(progress, self.searches)
        self.display.update(self.task, description=what)
        if self.log is not None:
            self.log.may_say(what)
        return not self.stopped

    def _begins(self, progress: Progress) -> bool:
        """Return whether this is the first line of a search."""
        last = self.last
        if last is None or progress.seconds < last.seconds:
            return True
        return progress.stage in STARTS and progress.stage != last.stage

    def says(self, what: str) -> None:
        """Tell what goes on before or after the solver runs."""
        self.display.update(self.task, description=what)
        if self.log is not None:
            self.log.says(what)

    def _stop(self, *_: object) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True
        self.display.console.print("stopping with the best plan so far; Ctrl-C again to drop it")


def told(progress: Progress, search: int) -> str:
    """Return a line of progress in words, without what is not known."""
    does = DOES.get(progress.stage.split()[0], "improving")
    what = f"plan for everybody: {does}" if search == 1 else f"search {search}: {does}"
    known = progress.gap < 1
    if known:
        what += f"  gap {percent(progress.gap, 3)}"
    if search == 1:
        least = f" of at least {progress.lower_bound / 1000:,.0f}" if known else ""
        what += f"  cost {progress.cost / 1000:,.0f}{least} before equipment, overhead"
    return what


def plan(
    streets: Streets,
    customers: Customers,
    out_folder: OutFolder,
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
    prices: Prices = None,
    tap: Tap = None,
    max_drop_m: MaxDropM = None,
    max_route_m: MaxRouteM = None,
    new_access_points: NewAccessPoints = None,
    optical: Optical = None,
    budget: Budget = None,
    target_coverage: TargetCoverage = None,
    max_cost_per_home: MaxCostPerHome = None,
    target_gap: TargetGap = None,
    rounds: Rounds = None,
    time_limit_s: TimeLimitS = None,
    seed: Seed = None,
    on_bad_rows: OnBadRows = None,
    tiles: Tiles = None,
    formats: Formats = "gpkg",
    overwrite: Overwrite = False,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Plan: who is unconnected, why, and the cheapest trenches that connect everyone in reach."""
    settings = settings_of(
        config,
        pop,
        crs,
        preset,
        table,
        encoding,
        prices=prices,
        tap=tap,
        max_drop_m=max_drop_m,
        max_route_m=max_route_m,
        new_access_points=new_access_points,
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
    files = Files(streets, backbone, customers, barriers, excluded, rail_water)
    made = _plan(files, Path(out_folder), settings, formats, overwrite=overwrite, as_json=as_json, quiet=quiet)
    _say_if_partial(made)
    if strict and made.summary["customers"]["unserved"]:
        raise typer.Exit(NOT_ALL_WELL)


def demo(
    out_folder: Annotated[
        str, typer.Option("--out", help="Folder to make; only the one of this name is replaced unasked.")
    ] = DEMO_FOLDER,
    overwrite: Overwrite = False,
) -> None:
    """Plan the bundled demo town; needs no arguments and no network."""
    from lastmile_net.config import read_config
    from lastmile_net.demo import demo_folder

    town = demo_folder()
    files = Files(*(str(town / f"{name}.gpkg") for name in ("streets", "backbone", "customers")))
    folder = Path(out_folder)
    _say_if_partial(_plan(files, folder, read_config(), "gpkg", overwrite=overwrite or folder == Path(DEMO_FOLDER)))


def _plan(
    files: Files,
    folder: Path,
    settings: PlanConfig,
    formats: str,
    *,
    overwrite: bool,
    as_json: bool = False,
    quiet: bool = False,
) -> Plan:
    from lastmile_net.plan import plan as make
    from lastmile_net.write import Inputs, known_formats, recover, write_run
    from lastmile_net.write.atomic import check_way

    wanted = known_formats([name.strip() for name in formats.split(",") if name.strip()])
    recover(folder)
    check_way(folder, overwrite=overwrite)
    began = time.perf_counter()
    with Watch(quiet=quiet) as watch:
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
    out.print(summary_text(made))
    out.print(f"\nmade in {seconds:.1f} s\nmap: {page}")
    if not page.with_name("bom.xlsx").exists():
        out.print(NO_WORKBOOK)

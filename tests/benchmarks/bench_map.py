"""
How long the map of a plan takes to build, open, pan and zoom, and to drag the budget: here and with plain folium.

    python tests/benchmarks/bench_map.py [--sizes 10000 100000 1000000] [--peers GeoJson ...] [--limit 300]

All draw the same made-up town: customers with a popup, and their routes (trenches and drops). Plain folium pages get
Leaflet inlined as ours do, and the faster canvas renderer. Each runs in processes of its own, building and opening each
end at the limit; who does not finish is not asked for more customers. `drawn` is from asking for the page until the
last of it is painted, legend and all, in a browser that has been started before. Seconds of the processor, of all the
browser's processes together, stand beside those of the clock: on a busy machine only they tell. Nothing here is a gate.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folium
import folium.plugins

sys.path.insert(0, str(Path(__file__).parents[1] / "maps"))

import chromium
import made_up

from lastmile_net.maps import offline_map, save_map, save_page
from lastmile_net.maps.elements import Verbatim, figure_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import SimpleNamespace

COLOURS = {"existing": "#8496a8", "planned": "#0072b2", "unserved": "#d55e00"}
STEPS = 8
BUDGETS = 120
BUSY_S = 0.02

DRAWN = """
const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(then, 0)));
const ours = Boolean(window.lastmile);
const wait = (then) => {
  if (!ours) { painted(then); return; }
  const look = () => (lastmile.idle() ? painted(then) : setTimeout(look, 2));
  look();
};
"""
MOVES = {
    "pan": "map.panBy([k % 2 ? -260 : 260, 90], {animate: false})",
    "zoom": "map.setZoom(map.getZoom() + (k % 4 < 2 ? 1 : -1), {animate: false})",
}
REPEAT = f"""
const times = [], step = (k) => {{
  if (k === {STEPS}) {{ done(times); return; }}
  const began = performance.now();
  MOVE;
  wait(() => {{ times.push(performance.now() - began); step(k + 1); }});
}};
step(0);
"""
DRAG = f"""
const slider = document.querySelector('#lm-budget input');
if (!slider) {{ done(null); return; }}
lastmile.page.fit();
let k = 0, began = 0;
const drag = () => {{
  if (k === 1) began = performance.now();
  if (k === {BUDGETS} + 1) {{ done(1000 * {BUDGETS} / (performance.now() - began)); return; }}
  slider.value = Math.round(slider.max * Math.abs(1 - 2 * k++ / {BUDGETS}));
  slider.dispatchEvent(new Event('input'));
  requestAnimationFrame(drag);
}};
drag();
"""
FIND_MAP = "const map = ours ? lastmile.page.map : Object.values(window).find((one) => one instanceof L.Map);"


def ours(plan: SimpleNamespace, path: Path) -> None:
    """Draw the plan's own map, with labels, search and the budget slider."""
    save_map(plan, path, curve=made_up.curve_of(plan))


def _plain_page() -> folium.Map:
    page = offline_map()
    page.options["prefer_canvas"] = True
    return page


def _routes(plan: SimpleNamespace, page: folium.Map) -> None:
    routes = plan.trenches[["trench_id", "kind", "geometry"]].to_crs(4326)
    folium.GeoJson(
        routes, style_function=lambda feature: {"color": "#00866a", "weight": 2 if feature["id"] else 1}
    ).add_to(page)


def geojson(plan: SimpleNamespace, path: Path) -> None:
    """Draw customers and routes as `GeoJson` with a `style_function`."""
    page = _plain_page()
    _routes(plan, page)
    people = plan.customers[["customer_id", "units", "status", "outcome", "geometry"]].to_crs(4326)
    folium.GeoJson(
        people,
        marker=folium.CircleMarker(radius=4, fill=True),
        style_function=lambda feature: {"color": COLOURS[feature["properties"]["outcome"]]},
        popup=folium.GeoJsonPopup(["customer_id", "units", "status"]),
    ).add_to(page)
    _save(page, plan, path)


def circle_marker(plan: SimpleNamespace, path: Path) -> None:
    """Draw each customer as a `CircleMarker`."""
    page = _plain_page()
    _routes(plan, page)
    people = plan.customers.to_crs(4326)
    for place, name, outcome in zip(people.geometry, people["customer_id"], people["outcome"], strict=True):
        folium.CircleMarker((place.y, place.x), radius=4, color=COLOURS[outcome], popup=name).add_to(page)
    _save(page, plan, path)


def fast_marker_cluster(plan: SimpleNamespace, path: Path) -> None:
    """Draw customers as a `FastMarkerCluster`."""
    page = _plain_page()
    _routes(plan, page)
    people = plan.customers.to_crs(4326)
    places = [[y, x] for x, y in zip(people.geometry.x, people.geometry.y, strict=True)]
    cluster = folium.plugins.FastMarkerCluster(places)
    cluster.default_js, cluster.default_css = [], []
    figure_of(page).header.add_child(Verbatim(_cluster_code()), name="cluster")
    cluster.add_to(page)
    _save(page, plan, path)


def _cluster_code() -> str:
    """Return the plugin of the clusters, from npm: folium would load it from the net."""
    npm = shutil.which("npm")
    if npm is None:
        message = "npm is needed for leaflet.markercluster"
        raise RuntimeError(message)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([npm, "pack", "--silent", "leaflet.markercluster@1.5.3"], cwd=folder, check=True)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            package.extractall(folder, filter="data")
        code = (Path(folder) / "package/dist/leaflet.markercluster.js").read_text(encoding="utf-8")
    return f"<script>{code.partition('//# sourceMappingURL')[0]}</script>"


def _save(page: folium.Map, plan: SimpleNamespace, path: Path) -> None:
    west, south, east, north = plan.customers.to_crs(4326).total_bounds
    page.fit_bounds([[south, west], [north, east]])
    save_page(page, path)


TOOLS: dict[str, Callable[[SimpleNamespace, Path], None]] = {
    "lastmile_net": ours,
    "GeoJson": geojson,
    "CircleMarker": circle_marker,
    "FastMarkerCluster": fast_marker_cluster,
}


def build(tool: str, size: int, path: str, result: Any) -> None:  # noqa: ANN401
    """Build one page and tell how long that took."""
    plan = made_up.town(size, ranked=True)
    began, spent = time.perf_counter(), time.process_time()
    TOOLS[tool](plan, Path(path))
    told = {"build_s": time.perf_counter() - began, "build_cpu_s": time.process_time() - spent}
    result.put(told | {"file_mb": Path(path).stat().st_size / 1e6})


def processor_s(root: int) -> float:
    """Return the seconds that a process and all below it have spent on the processor."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
        spent[int(stat.parent.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    family = {root}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(spent.get(pid, 0.0) for pid in family)


def calm(browser: chromium.Chromium, root: int) -> None:
    """Wait until the browser has started: for a second or two it is busy with pages of its own."""
    browser.page.get("about:blank")
    before, spent = -1.0, 0.0
    while spent - before > BUSY_S:
        before = spent
        time.sleep(0.5)
        spent = processor_s(root)


def look(path: str, limit: float, result: Any) -> None:  # noqa: ANN401
    """Open a page, pan, zoom and drag, and tell how long each took."""
    with tempfile.TemporaryDirectory() as profile, chromium.Chromium(Path(profile)) as browser:
        browser.page.command_executor.client_config.timeout = limit + 10
        browser.page.set_page_load_timeout(limit)
        browser.page.set_script_timeout(limit)
        root = browser.page.service.process.pid
        calm(browser, root)
        before = processor_s(root)
        browser.page.get(Path(path).resolve().as_uri())
        told = {"drawn_s": browser.run_async(DRAWN + "wait(() => done(performance.now() / 1000));")}
        told["drawn_cpu_s"] = processor_s(root) - before
        for name, move in MOVES.items():
            before = processor_s(root)
            told[f"{name}_ms"] = statistics.median(browser.run_async(DRAWN + FIND_MAP + REPEAT.replace("MOVE", move)))
            told[f"{name}_cpu_ms"] = (processor_s(root) - before) * 1000 / STEPS
        before = processor_s(root)
        told["frames"] = browser.run_async(DRAG)
        told["frame_cpu_ms"] = (processor_s(root) - before) * 1000 / BUDGETS if told["frames"] else None
        result.put(told)


def limited(limit: float, task: Callable[..., None], *values: object) -> dict[str, float] | None:
    """Run a task in a process of its own; None if it does not finish in time, or fails."""
    results: Any = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(target=task, args=(*values, results))
    process.start()
    process.join(limit + 30)
    if process.is_alive():
        process.terminate()
        process.join()
    return None if results.empty() else results.get()


COLUMNS = {
    "build_s": ("build, s", ".1f"),
    "build_cpu_s": ("of processor", ".1f"),
    "file_mb": ("file, MB", ".1f"),
    "drawn_s": ("open to drawn, s", ".2f"),
    "drawn_cpu_s": ("of processor", ".2f"),
    "pan_ms": ("pan, ms", ".0f"),
    "pan_cpu_ms": ("of processor", ".0f"),
    "zoom_ms": ("zoom, ms", ".0f"),
    "zoom_cpu_ms": ("of processor", ".0f"),
    "frames": ("budgets drawn/s", ".0f"),
    "frame_cpu_ms": ("processor ms each", ".0f"),
}


def measure(tool: str, size: int, folder: Path, limit: float) -> dict[str, float]:
    """Build and open one page."""
    path = str(folder / f"{tool}-{size}.html")
    told = limited(limit, build, tool, size, path)
    if told is None:
        return {}
    return told | (limited(limit, look, path, limit) or {})


def line(tool: str, size: int, told: dict[str, float]) -> str:
    """Return one row of the table."""
    cells = [format(told[name], form) if told.get(name) is not None else "-" for name, (_, form) in COLUMNS.items()]
    return f"| {size:,} | {tool} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--peers", nargs="*", default=[name for name in TOOLS if name != "lastmile_net"])
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for building, and for opening")
    options = parser.parse_args()
    print(f"| customers | drawn by | {' | '.join(title for title, _ in COLUMNS.values())} |")  # noqa: T201
    print(f"|--:|:--|{'--:|' * len(COLUMNS)}")  # noqa: T201
    slow: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            for tool in ("lastmile_net", *options.peers):
                told = {} if tool in slow else measure(tool, size, Path(folder), options.limit)
                if "drawn_s" not in told:
                    slow.add(tool)
                print(line(tool, size, told), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

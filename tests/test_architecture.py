"""The rooms keep apart: who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "lastmile_net"
GEOGRAPHY = ("shapely", "geopandas", "networkx", "folium", "osmnx", "pyogrio")


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it, and the names it takes from them: they may be modules."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def rooms_of(path: Path) -> set[str]:
    """Return the rooms that a file imports from."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("lastmile_net.")}


def files(*rooms: str) -> list[Path]:
    """Return the files of rooms, which are modules or folders."""
    return sorted(path for room in rooms for path in (*PACKAGE.glob(f"{room}.py"), *(PACKAGE / room).rglob("*.py")))


def offenders(paths: list[Path], forbidden: tuple[str, ...]) -> list[str]:
    """Return which files import something that is forbidden, or a part of it."""
    return [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in paths
        for name in sorted(imports(path))
        if any(name == each or name.startswith(f"{each}.") for each in forbidden)
    ]


def test_the_solver_knows_no_geography() -> None:
    """Arrays in, arrays out: else the kernels could not be tested, or reused, by themselves."""
    assert files("solve")
    assert not offenders(files("solve"), GEOGRAPHY)


@pytest.mark.parametrize(
    ("library", "room"), [("osmnx", "read/osm"), ("osmium", "read/osm"), ("folium", "maps"), ("typer", "cli")]
)
def test_a_heavy_library_has_one_room(library: str, room: str) -> None:
    """A library that takes a second to import, or changes often, is touched in one place only."""
    users = [path for path in PACKAGE.rglob("*.py") if offenders([path], (library,))]
    assert users
    assert all(path.relative_to(PACKAGE).as_posix().startswith(room) for path in users)


@pytest.mark.parametrize(
    ("stage", "later"),
    [
        ("read", ("network", "solve.search", "plan.plan", "write", "report", "maps", "cli")),
        ("network", ("solve", "plan", "write", "report", "maps", "cli")),
        ("solve", ("network", "plan", "write", "report", "maps", "cli")),
        ("solve/steiner", ("solve.rows", "solve.capacity", "solve.budget")),
        ("solve/rows", ("solve.capacity", "solve.budget")),
        ("solve/capacity", ("solve.budget",)),
        ("config", ("network", "solve", "plan", "write", "report", "maps", "cli")),
        ("coverage", ("plan.plan", "write", "report", "maps", "cli")),
    ],
)
def test_a_stage_imports_no_later_stage(stage: str, later: tuple[str, ...]) -> None:
    """The chain runs one way, so that each stage can be understood without what comes after it."""
    assert not offenders(files(stage), tuple(f"lastmile_net.{room}" for room in later))


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("cost", ("config", "network")),
        ("doctor", ("config", "counts", "crs", "errors", "network", "read", "schema")),
        ("report", ("config", "cost", "counts", "coverage", "credit", "plan", "schema")),
        ("maps", ("counts", "coverage", "credit", "errors", "plan", "report", "schema")),
        ("write", ("credit", "errors", "lazy", "maps", "plan", "read", "report", "schema")),
    ],
)
def test_a_room_imports_from_few_others(room: str, others: tuple[str, ...]) -> None:
    """What a room needs is agreed on: prices know of no plan, and a report of no solver."""
    assert files(room)
    strange = {path.name: more for path in files(room) if (more := rooms_of(path) - {room, *others})}
    assert not strange


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("search", ("limits",)),
        ("bound", ("search",)),
        ("forest", ("bound",)),
        ("siting", ("limits", "plan", "search")),
    ],
)
def test_a_room_of_capacity_imports_from_few_others(room: str, others: tuple[str, ...]) -> None:
    """Moves know of no proof, and neither knows of the run that is made of both."""
    start = "lastmile_net.solve.capacity."
    paths = files(f"solve/capacity/{room}")
    used = {name.split(".")[3] for path in paths for name in imports(path) if name.startswith(start)}
    assert paths
    assert used <= {room, *others}


def test_a_module_taken_from_the_package_is_an_import_of_it(tmp_path: Path) -> None:
    """`from lastmile_net import plan` is one way round every rule here; so is a module taken out of its room."""
    file = tmp_path / "sly.py"
    file.write_text("from lastmile_net import plan, report\nfrom lastmile_net.solve import budget\n", encoding="utf-8")
    assert rooms_of(file) == {"plan", "report", "solve"}
    assert "lastmile_net.solve.budget" in imports(file)


def test_verify_shares_nothing_with_what_it_judges() -> None:
    """A check that uses the solver's own code would repeat its mistakes."""
    shared = {room for path in files("verify") for room in rooms_of(path)}
    assert shared == {"verify", "counts", "errors", "schema"}


def test_only_the_command_line_prints() -> None:
    """A library that prints spoils the output of the scripts that use it."""
    for path in PACKAGE.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
        assert "print" not in names or path.parent.name == "cli", path


def kernels(tree: ast.Module, *decorators: str) -> list[ast.FunctionDef]:
    """Return a module's functions with one of some decorators."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [f for f in functions if any(isinstance(d, ast.Name) and d.id in decorators for d in f.decorator_list)]


def module(path: Path) -> str:
    """Return the name of a file's module."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def test_only_kernels_call_inner_kernels() -> None:
    """An inner kernel has no way in from Python: calling it would end the interpreter, without a word."""
    inner = {
        f"{module(path)}.{each.name}"
        for path in files("solve")
        for each in kernels(ast.parse(path.read_text(encoding="utf-8")), "inner_kernel")
    }
    assert inner
    for path in (*files("solve"), *Path(__file__).resolve().parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        forbidden = {each.name for each in kernels(tree, "inner_kernel")}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                forbidden |= {name.name for name in node.names if f"{node.module}.{name.name}" in inner}
        compiled = {id(node) for each in kernels(tree, "kernel", "inner_kernel") for node in ast.walk(each)}
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
        assert not [f"{path.name}: {n.id}" for n in names if n.id in forbidden and id(n) not in compiled]

"""Read Steiner tree instances (PACE `.gr`, SteinLib `.stp`, both also `.xz`), pose them to the solver, write trees."""

from __future__ import annotations

import csv
import lzma
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.errors import DataError, Fault, MissingFileError
from lastmile_net.solve.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

SUFFIXES = (".gr", ".stp", ".gr.xz", ".stp.xz")
INDEX = "index.csv"


@dataclass(frozen=True)
class Entry:
    """
    One instance of a folder.

    Parameters
    ----------
    path
        The file.
    name, family
        What it is called; the family is empty where no index tells it.
    best_known
        Cost of the best known tree; None where no index tells it.
    """

    path: Path
    name: str
    family: str = ""
    best_known: int | None = None


@dataclass(frozen=True, eq=False)
class Instance:
    """
    A graph with whole edge costs and the nodes to be tied together, numbered from 0 (files count from 1).

    Parameters
    ----------
    nodes
        Number of nodes.
    tail, head, cost
        int64 (m,). Edges.
    terminals
        int64 (t,). Nodes to be tied together, each once, in the order of the file.
    """

    nodes: int
    tail: Ints
    head: Ints
    cost: Ints
    terminals: Ints

    def problem(self) -> Problem:
        """Return the solver's problem: the first terminal is the tap, each other one a customer with a free drop."""
        return Problem.of_terminals(self.nodes, self.tail, self.head, self.cost, self.terminals)


def list_instances(folder: Path) -> list[Entry]:
    """
    List a folder's instances: those of its `index.csv`, or every instance file where there is no index.

    Raises
    ------
    MissingFileError
        If the folder has neither, or lacks a file of its index.
    """
    if not (folder / INDEX).is_file():
        paths = sorted(path for path in folder.glob("*") if path.name.endswith(SUFFIXES))
        if not paths:
            raise MissingFileError([Fault("there is no instance", f"Files end in {', '.join(SUFFIXES)}.", str(folder))])
        return [Entry(path, path.name.split(".")[0]) for path in paths]
    with (folder / INDEX).open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    missing = tuple(row["file"] for row in rows if not (folder / row["file"]).is_file())
    if missing:
        fault = Fault("files of the index are missing", "Fetch them again.", str(folder / INDEX), "file", missing)
        raise MissingFileError([fault])
    return [Entry(folder / row["file"], row["name"], row["family"], int(row["best_upper"])) for row in rows]


def read_instance(path: Path) -> Instance:
    """
    Read a PACE or SteinLib file.

    Raises
    ------
    DataError
        With every line that is no use: unknown nodes, arcs, costs that are negative or no whole numbers,
        counts that disagree, fewer than two terminals.
    """
    faults: list[Fault] = []
    counts: dict[str, int] = {}
    edges: list[tuple[int, int, int]] = []
    terminals: dict[int, None] = {}
    for number, words in _lines(path):
        try:
            _take(words, counts, edges, terminals)
        except (ValueError, IndexError) as error:
            faults.append(Fault(f"{' '.join(words)!r}: {error}", "Correct the line.", str(path), rows=(str(number),)))
    faults += _contradictions(path, counts, edges, terminals)
    if faults:
        raise DataError(faults)
    table = np.array(edges, np.int64).reshape(-1, 3)
    tail, head, cost = np.ascontiguousarray(table.T)
    return Instance(counts["nodes"], tail - 1, head - 1, cost, np.array(list(terminals), np.int64) - 1)


def write_solution(path: Path, instance: Instance, edges: Ints) -> None:
    """Write the edges of a tree, one `u v` per line, nodes counted from 1 as in the instance's file."""
    lines = [f"{instance.tail[e] + 1} {instance.head[e] + 1}\n" for e in edges]
    path.write_text("".join(lines), encoding="ascii")


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield number and words of the lines of all sections but comments and coordinates."""
    wanted = False
    with lzma.open(path, "rt") if path.suffix == ".xz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split()
            key = words[0].lower() if words else ""
            if key == "section":
                wanted = len(words) > 1 and words[1].lower() in ("graph", "terminals")
            elif key == "eof":
                return
            elif key and key not in ("end", "#") and wanted:
                yield number, words


def _take(
    words: list[str], counts: dict[str, int], edges: list[tuple[int, int, int]], terminals: dict[int, None]
) -> None:
    key = words[0].lower()
    if key == "e":
        tail, head, cost = int(words[1]), int(words[2]), int(words[3])
        if cost < 0:
            message = "a negative cost"
            raise ValueError(message)
        edges.append((tail, head, cost))
    elif key == "t":
        terminals[int(words[1])] = None
    elif key in ("nodes", "edges", "terminals"):
        counts[key] = int(words[1])
    elif key != "root":
        message = "neither an edge, a terminal nor a count (arcs are not read)"
        raise ValueError(message)


def _contradictions(
    path: Path, counts: dict[str, int], edges: list[tuple[int, int, int]], terminals: dict[int, None]
) -> Iterator[Fault]:
    nodes = counts.get("nodes", 0)
    named = [*terminals, *(end for edge in edges for end in edge[:2])]
    outside = sorted({str(v) for v in named if not 1 <= v <= nodes})
    if outside:
        yield Fault(f"nodes outside 1 .. {nodes}", "Correct 'Nodes' or these.", str(path), rows=tuple(outside))
    for key, found in (("edges", len(edges)), ("terminals", len(terminals))):
        if counts.get(key, found) != found:
            yield Fault(f"'{key}' says {counts[key]}, there are {found}", "The file may be cut short.", str(path))
    if len(terminals) < 2:
        yield Fault("there are fewer than two terminals", "Nothing is to be tied together.", str(path))

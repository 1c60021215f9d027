"""Judge whether the files are those that the run wrote."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from typing import TYPE_CHECKING

from lastmile_net.counts import counted
from lastmile_net.verify.verdict import Check, judge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lastmile_net.verify.files import Run


def files_are_unchanged(run: Run) -> Iterator[Check]:
    """Compare every file with its hash in `run.json`."""
    told = run.seal.get("files", {})
    broken = [
        f"{name} ({'missing' if not (run.folder / name).is_file() else 'changed'})"
        for name, expected in sorted(told.items())
        if not _unchanged(run.folder / name, expected)
    ]
    lacking = [f"{name} (has no hash)" for name in ("plan.gpkg", "gaps.csv", "summary.json") if name not in told]
    wrong = "some files are not as the run wrote them"
    right = f"{counted(len(told), 'file')}, each as the run wrote it"
    yield judge("files_are_unchanged", right, wrong, broken + lacking)


def _unchanged(path: Path, expected: dict[str, str]) -> bool:
    """Return whether a file has its hash, or is a database that another program opened without changing a cell."""
    if sha256(path) == expected["sha256"]:
        return True
    return "content" in expected and path.is_file() and _cells(path) == expected["content"]


def _cells(path: Path) -> str:
    """Return the hash of all rows of all tables that a GeoPackage lists, by name and row number."""
    whole = hashlib.sha256()
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        listed = database.execute("SELECT table_name FROM gpkg_contents").fetchall()
        for name in sorted(name for (name,) in listed):
            whole.update((name + "\n").encode())
            for row in database.execute(f'SELECT * FROM "{name}" ORDER BY rowid'):
                whole.update((repr(row) + "\n").encode())
    return whole.hexdigest()


def sha256(path: Path) -> str:
    """Return the hash of a file, or of names and hashes of a folder's files; empty if there is neither."""
    if path.is_dir():
        files = sorted(entry for entry in path.rglob("*") if entry.is_file())
        lines = [f"{entry.relative_to(path).as_posix()}\0{sha256(entry)}\n" for entry in files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

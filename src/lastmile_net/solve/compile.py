"""
Compile the solver's kernels once, and keep them where one may write.

numba's own cache does not notice a changed callee in another file, so the cache folder of a module's kernels carries
a hash of the module and of all solver modules that it imports: any change there starts a new folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numba
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)
SOURCES = Path(__file__).resolve().parent
IMPORT = re.compile(r"^\s*(?:from|import) lastmile_net\.solve\.([\w.]+)", re.MULTILINE)
HASH_LENGTH = 16
OPTIONS = {"cache": True, "nogil": True, "no_cfunc_wrapper": True}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function over arrays at its first call, and cache the machine code."""
    return _compiled(function, OPTIONS)


def inner_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """
    Compile a function that only kernels call.

    It gets no way in from Python, whose unpacking of all the arrays would have to be compiled, too: calling it from
    Python ends the interpreter.
    """
    return _compiled(function, {**OPTIONS, "no_cpython_wrapper": True})


def _compiled(function: Callable[P, R], options: dict[str, Any]) -> Callable[P, R]:
    settings = vars(numba.config)
    before = settings["CACHE_DIR"]
    settings["CACHE_DIR"] = str(cache_folder(Path(function.__code__.co_filename)))
    try:
        compiled: Callable[P, R] = njit(**options)(function)
    finally:
        settings["CACHE_DIR"] = before
    return compiled


@cache
def cache_folder(module: Path) -> Path:
    """
    Return the first folder for the compiled kernels of a module that can be written.

    The package's is tried first, then the user's, then a temporary one.
    """
    for parent in _parents():
        folder = parent / f"{module.stem}-{source_hash(module)}"
        if _writable(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="lastmile_net-"))


@cache
def source_hash(module: Path) -> str:
    """Return a short hash over a module and all modules of its solver that it imports, directly or not."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sorted(with_imports(module)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:HASH_LENGTH]


def with_imports(module: Path, sources: Path = SOURCES) -> set[Path]:
    """Return the files of a module and of all modules below `sources` that it imports, directly or not."""
    found, todo = set[Path](), [module]
    while todo:
        path = todo.pop()
        if path not in found and path.is_file():
            found.add(path)
            todo += [sources / f"{name.replace('.', '/')}.py" for name in IMPORT.findall(path.read_text("utf-8"))]
    return found


def _parents() -> Iterator[Path]:
    yield SOURCES / "__pycache__"
    local = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        yield (Path(local) if local else Path.home() / ".cache") / "lastmile_net"
    except RuntimeError:
        logger.debug("there is no home folder for a cache")


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False

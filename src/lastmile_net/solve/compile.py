"""
Compile the solver's kernels once, and keep them where one may write.

numba's own cache does not notice a changed callee in another file, so the cache folder carries a hash
of all kernel sources: any change there starts a new folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numba
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)
SOURCES = Path(__file__).resolve().parent
HASH_LENGTH = 16


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function over arrays at its first call, and cache the machine code."""
    settings = vars(numba.config)
    before = settings["CACHE_DIR"]
    settings["CACHE_DIR"] = str(cache_folder())
    try:
        compiled: Callable[P, R] = njit(cache=True, nogil=True)(function)
    finally:
        settings["CACHE_DIR"] = before
    return compiled


@cache
def cache_folder() -> Path:
    """Return the first folder for compiled kernels that can be written: the package's, the user's, a temporary one."""
    for parent in _parents():
        folder = parent / f"kernels-{source_hash(SOURCES)}"
        if _writable(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="lastmile_net-"))


def source_hash(folder: Path) -> str:
    """Return a short hash over the names and contents of all Python files with kernels below a folder."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sorted(folder.rglob("*.py")):
        text = path.read_bytes()
        if b"@kernel" in text:
            digest.update(path.relative_to(folder).as_posix().encode() + text)
    return digest.hexdigest()[:HASH_LENGTH]


def announce() -> None:
    """Say that the first run compiles, where nothing is compiled yet."""
    if next(cache_folder().rglob("*.nbi"), None) is None:
        logger.info("compiling the solver's kernels into %s: once, for about half a minute", cache_folder())


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

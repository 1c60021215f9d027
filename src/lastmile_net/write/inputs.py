"""What a run was made from: paths and hashes of its inputs, without passwords."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lastmile_net.errors import MissingFileError
from lastmile_net.read.sources import locate

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


@dataclass(frozen=True)
class InputFile:
    """
    One input layer's source.

    Parameters
    ----------
    path
        Absolute path of the file or folder, or the address of a database without its password; empty for a
        layer that was handed over in memory.
    layer
        Layer or table inside the source; empty where it has only one.
    sha256
        Hash of the file (of a folder: of all its files), empty where there is none to be had.
    """

    path: str
    layer: str = ""
    sha256: str = ""

    @classmethod
    def of(cls, source: str | Path, layer: str = "") -> Self:
        """
        Return path, layer and hash of `source`, which may name its layer: `town.gpkg:homes`.

        An address of a database keeps no password, and has no hash; nor has a file that is not there.
        """
        text = str(source)
        if "://" in text:
            return cls(_PASSWORD.sub(r"\1@", text), layer)
        try:
            place = locate(text, layer or None)
        except MissingFileError:
            return cls(str(Path(text).resolve()), layer)
        path = place.path.resolve()
        return cls(str(path), place.layer or "", hash_path(path))


@dataclass(frozen=True)
class Inputs:
    """
    The inputs of a run, by layer name (`streets`, `backbone`, `customers`, ...).

    A layer that was handed over in memory is left out; `verify` then says that it could not be re-read.
    """

    files: Mapping[str, InputFile] = field(default_factory=dict)

    @classmethod
    def of(cls, **sources: str | Path | None) -> Self:
        """Return paths and hashes of the given sources, by layer name; None is left out."""
        return cls({name: InputFile.of(source) for name, source in sources.items() if source is not None})


def hash_file(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_path(path: Path) -> str:
    """Return the sha256 of a file, or of names and hashes of all files in a folder."""
    if path.is_file():
        return hash_file(path)
    whole = hashlib.sha256()
    for each in sorted(entry for entry in path.rglob("*") if entry.is_file()):
        whole.update(f"{each.relative_to(path).as_posix()}\0{hash_file(each)}\n".encode())
    return whole.hexdigest()

"""Names of a package whose rooms are opened when somebody asks for them."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazily(package: str, rooms: Mapping[str, str]) -> Callable[[str], object]:
    """
    Return the `__getattr__` of a package whose names live in modules that take long to load.

    Parameters
    ----------
    package
        Name of the package.
    rooms
        For each name the module where it lives.
    """

    def opened(name: str) -> object:
        if name not in rooms:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        found = getattr(import_module(rooms[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return opened


def publicly(package: str) -> Callable[[], list[str]]:
    """
    Return the `__dir__` of a package: its public names, and what every module has.

    Parameters
    ----------
    package
        Name of the package, which has `__all__`.
    """

    def listed() -> list[str]:
        names = vars(sys.modules[package])
        return sorted({*names["__all__"], *(name for name in names if name.startswith("__") and name.endswith("__"))})

    return listed

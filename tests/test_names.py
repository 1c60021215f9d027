"""The names that a package shows are those that it promises."""

from __future__ import annotations

from importlib import import_module

import pytest


@pytest.mark.parametrize("package", ["lastmile_net", "lastmile_net.write", "lastmile_net.read.osm"])
def test_a_package_lists_what_it_promises(package: str) -> None:
    """Who looks around with `dir` finds the public names, and no import or helper beside them."""
    module = import_module(package)
    shown = {name for name in dir(module) if not (name.startswith("__") and name.endswith("__"))}
    assert shown == set(module.__all__)
    assert {"__doc__", "__name__", "__all__"} <= set(dir(module))
    assert all(hasattr(module, name) for name in module.__all__)

"""What `pip install` gives: the wheel, and the packages it names, alone."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest


def run(*command: object, folder: Path) -> str:
    """Run a program without this checkout on its path, and return what it prints."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, cwd=folder, env=plain, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.timeout(1800)
def test_wheel_plans_the_demo_in_an_empty_venv(root: Path, tmp_path: Path) -> None:
    """Who installs the package has no checkout: its data and presets, and the names of all it needs, are inside."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, root, folder=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", "--no-compile", wheel, folder=tmp_path)
    told = run(programs / "lastmile", "demo", "--out", "run", folder=tmp_path)
    assert str(tmp_path / "run" / "map.html") in told
    assert "lower bound" in told
    run(programs / "python", "-m", "lastmile_net", "verify", "run", folder=tmp_path)
    found = run(programs / "python", "-c", "import lastmile_net; print(lastmile_net.__file__)", folder=tmp_path)
    assert Path(found.strip()).is_relative_to(tmp_path / "venv")

"""The documentation says what the code does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_data_formats_are_those_of_the_schema() -> None:
    """A column that is added to the schema must appear in the documentation."""
    script = "import runpy; print(runpy.run_path('scripts/make_data_formats.py')['text'](), end='')"
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert made.stdout == (ROOT / "docs" / "data-formats.md").read_text("utf-8"), "run scripts/make_data_formats.py"


def test_links_between_documents_lead_somewhere() -> None:
    """A reader who follows a link must not end in nothing."""
    import re

    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_what_the_quick_start_writes_is_not_committed() -> None:
    """Who tries the README in a checkout must not find a run of the demo among the files to commit."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert "lastmile-demo/" in ignored

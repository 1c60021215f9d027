"""The failure report in a real browser, as wide as a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lastmile_net.report import Section, html

if TYPE_CHECKING:
    from pathlib import Path

    from chromium import Chromium

REMEDY = "its street is not tied to the network: link it over 143.20 m from 11.57612345,48.13712345 (lon,lat)"
TABLE = pd.DataFrame(
    {
        "reason": ["street_island", "no_free_port"],
        "explained": ["its street is not tied to the backbone", "the access points it can reach have too few"],
        "customers": [41, 1599],
        "homes": [76, 2291],
        "example": [REMEDY, "add 1 port"],
        "code": ["street_island", "no_free_port"],
    }
)
INSIDE = """return [...document.querySelectorAll('td')].filter((cell) => cell.offsetWidth).map((cell) => {
  const box = cell.getBoundingClientRect(); return [cell.textContent, box.left, box.right]; })"""


@pytest.mark.parametrize("width", [320, 400])
def test_no_column_is_cut_off_on_a_phone(browser: Chromium, tmp_path: Path, width: int) -> None:
    """What would help is the last column but one: on a phone it lay beyond the rim, and nothing said so."""
    page = tmp_path / "report.html"
    page.write_text(html([Section("Who stays unserved, and why", "2 reasons.", TABLE, "EUR")]), encoding="utf-8")
    browser.resize(width)
    browser.page.get(page.as_uri())
    cells = browser.run(INSIDE)
    browser.resize(0)
    assert REMEDY in {text for text, _, _ in cells}
    assert all(left >= 0 and right <= width for _, left, right in cells)
    assert 'data-label="what would help, for example"' in page.read_text(encoding="utf-8")

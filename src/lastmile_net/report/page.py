"""The pages of a report: sections as Markdown and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lastmile_net.counts import percent
from lastmile_net.report.words import OUTCOMES, REASONS_IN_SHORT

if TYPE_CHECKING:
    from collections.abc import Sequence

TITLE = "Last-mile failure report"
MOST_ROWS = 50
_HEADINGS = {
    "access_point_id": "access point",
    "backbone_id": "line",
    "code": "code in gaps.csv",
    "cost_alone": "cost alone",
    "cost_per_home": "cost per home",
    "customer_id": "customer",
    "distance_m": "distance, m",
    "example": "what would help, for example",
    "explained": "",
    "fact": "",
    "figure": "",
    "housenumber": "number",
    "later": "alone",
    "length_m": "length, m",
    "outcome": "with the plan",
    "ports_free": "free ports",
    "reason": "why",
    "to_finish": "cost to finish",
}
"""Columns whose name is no word, or not the one that a reader needs."""
_IN_WORDS = {"outcome": OUTCOMES, "reason": REASONS_IN_SHORT}
"""Columns of codes, and what they mean."""
_MONEY = {"budget", "cost", "cost so far", "cost_alone", "cost_per_home", "later", "now", "saved", "to_finish"}
NARROW = "40rem"
"""Widest screen on which the cells of a row stand below each other, each with the heading of its column."""
_STACKED = (
    "thead{display:none}table,tbody,tr,td{display:block}tr{border-bottom:1px solid #ddd;padding:.4rem 0}"
    "td,td.number{border:0;padding:.1rem 0;text-align:left;overflow-wrap:anywhere}td:empty{display:none}"
    "td[data-label]:not(:empty){display:grid;grid-template-columns:7.5rem 1fr;column-gap:.7rem}"
    "td::before{content:attr(data-label);color:#666}"
)
_METRES = {"distance_m", "length_m", "trench m"}


@dataclass(frozen=True, eq=False)
class Section:
    """One part of the report: a title, a sentence, a table that may be empty, and the currency of its money."""

    title: str
    text: str
    table: pd.DataFrame
    currency: str = ""


def markdown(sections: Sequence[Section], title: str = TITLE, subtitle: str = "") -> str:
    """Return the report as Markdown; what comes from the data cannot break out of its cell."""
    parts = [f"# {_in_cell(title)}", *([_in_cell(subtitle)] if subtitle else [])]
    for section in sections:
        parts += [f"## {section.title}", section.text]
        if len(section.table):
            parts.append(_markdown_table(section))
    return "\n\n".join(parts) + "\n"


def html(sections: Sequence[Section], title: str = TITLE, subtitle: str = "") -> str:
    """Return the report as one HTML page that loads nothing; every text from the data is escaped."""
    body = "".join(
        f"<section><h2>{escape(section.title)}</h2><p>{escape(section.text)}</p>{_html_table(section)}</section>"
        for section in sections
    )
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
        "h1{margin-bottom:0}h1+p{margin-top:0;color:#666}section{overflow-x:auto}h2{margin:2rem 0 .3rem}"
        "table{border-collapse:collapse}th,td{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:left}"
        "th,td{vertical-align:top}th{vertical-align:bottom}"
        ".number{text-align:right;font-variant-numeric:tabular-nums}"
        "@media(min-width:50rem){section:first-of-type td:nth-child(-n+2){white-space:nowrap}}"
        "section:first-of-type td:nth-child(2){font-weight:600}"
        f"@media screen and (max-width:{NARROW}){{{_STACKED}}}"
        "@media print{body{margin:0;max-width:none;font-size:11px}tr,h2{break-inside:avoid}h2{break-after:avoid}}"
    )
    date = f"<p>{escape(subtitle)}</p>" if subtitle else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{style}</style></head><body><h1>{escape(title)}</h1>{date}{body}</body></html>\n"
    )


def _heading(name: str, currency: str) -> str:
    """Return the words above a column; money names its currency."""
    words = _HEADINGS.get(name, name)
    return f"{words}, {currency}" if currency and name in _MONEY else words


def _cell(name: str, value: object) -> str:
    """Return a value as it is read: shares in percent, money to the cent, metres to the decimetre."""
    if value is None or value is pd.NA or value != value:
        return ""
    if name in _IN_WORDS:
        return _IN_WORDS[name].get(str(value), str(value))
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, (bool, np.bool_)):
        return str(value)
    if name == "share":
        return percent(float(value))
    if name in _MONEY:
        return f"{value:,.2f}"
    return f"{value:,.1f}" if name in _METRES else f"{value:,.0f}"


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the columns that say nothing in any row."""
    return table.loc[:, [any(_cell(str(name), value) for value in table[name]) for name in table.columns]]


def _markdown_table(section: Section) -> str:
    table = _told(section.table)
    names = list(map(str, table.columns))
    rows = [
        [_in_cell(_cell(name, value)) for name, value in zip(names, row, strict=True)]
        for row in table.head(MOST_ROWS).itertuples(index=False)
    ]
    heads = [_in_cell(_heading(name, section.currency)) for name in names]
    lines = [heads, ["---"] * len(names), *rows]
    more = f"\n\n… and {len(table) - MOST_ROWS:,} more." if len(table) > MOST_ROWS else ""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + more


def _in_cell(text: str) -> str:
    flat = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#!~" else sign for sign in flat)


def _html_table(section: Section) -> str:
    table = _told(section.table)
    if not len(table):
        return ""
    names = list(map(str, table.columns))
    style = [" class=number" if pd.api.types.is_numeric_dtype(table[name]) else "" for name in table.columns]
    heads = [_heading(name, section.currency) for name in names]
    labels = [f' data-label="{escape(text)}"' if text else "" for text in heads]
    head = "".join(f"<th{each}>{escape(text)}</th>" for each, text in zip(style, heads, strict=True))
    head = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{each}{label}>{escape(_cell(name, value))}</td>"
            for name, each, label, value in zip(names, style, labels, row, strict=True)
        )
        + "</tr>"
        for row in table.head(MOST_ROWS).itertuples(index=False)
    )
    more = f"<p>… and {len(table) - MOST_ROWS:,} more.</p>" if len(table) > MOST_ROWS else ""
    return f"<table>{head}<tbody>{rows}</tbody></table>{more}"

"""The customers of the input file: counted and named by other means than those that read them for the run."""

from __future__ import annotations

import gzip
import io
import re
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lastmile_net.verify.files import Run

PRESETS = Path(__file__).parents[1] / "presets"
TEXT, PARQUET = (".csv", ".tsv", ".txt", ".psv"), (".parquet", ".geoparquet", ".pq")
DELIMITERS = ",;\t|"
FOLDED = "flat_ids"
"""Column of the customers that has the ids of all rows which became one customer."""


@dataclass(frozen=True)
class Given:
    """
    What an input file holds.

    Parameters
    ----------
    rows
        Rows that a preset does not leave out; where it says which, the others.
    ids
        Names of those that have one; None where no column is known to hold them.
    """

    rows: int
    ids: tuple[str, ...] | None


def read_given(run: Run, source: dict[str, str]) -> Given:
    """
    Read the customers of the file that a run was made from.

    Raises
    ------
    OSError, ValueError
        If the file, or its preset, cannot be read.
    """
    preset = _preset(run.setting("presets") or ())
    encoding = (run.setting("encoding") or {}).get("customers")
    table = _table(Path(source["path"]), source.get("layer") or None, encoding, preset.get("header", ()))
    for condition in preset.get("where", ()):
        table = table[_keeps(table, condition)]
    mapped = (run.setting("mapping") or {}).get("customers", {})
    # a mapping may be given either way round
    name = mapped.get("customer_id") or {old: new for new, old in mapped.items()}.get("customer_id") or "customer_id"
    rule = preset.get("columns", {}).get("customer_id", name)
    rule = rule if isinstance(rule, str) else rule["column"] if list(rule) == ["column"] else ""
    column = _find(table, rule)
    return Given(len(table), None if column is None else tuple(_texts(table[column])))


def held_ids(run: Run) -> list[str]:
    """Return the names of all rows that the customers of a run stand for."""
    customers = run.customers
    if FOLDED not in customers:
        return list(customers["customer_id"])
    folded = customers[FOLDED].where(customers[FOLDED].notna(), customers["customer_id"])
    return [name for names in folded for name in str(names).split(";")]


def _preset(names: Sequence[str]) -> dict[str, Any]:
    """Return the column preset of the customers as it is written, empty without one."""
    for name in names:
        packaged = PRESETS / f"columns-{name}.toml"
        path = packaged if packaged.is_file() else Path(name)
        preset = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        if preset.get("layer") == "customers":
            return preset
    return {}


def _table(path: Path, layer: str | None, encoding: str | None, header: Sequence[str]) -> pd.DataFrame:
    if path.suffix.lower() in PARQUET:
        return pd.DataFrame(pd.read_parquet(path))
    text = _text_in(path)
    if text is not None:
        return _text_table(text, encoding, list(header))
    options = {name: value for name, value in (("layer", layer), ("encoding", encoding)) if value}
    return pd.DataFrame(gpd.read_file(path, ignore_geometry=True, engine="pyogrio", **options))


def _text_in(path: Path) -> bytes | None:
    """Return the table of text that a file is, or that is packed in it alone; None if there is no such one."""
    suffix = path.suffix.lower()
    if suffix in TEXT:
        return path.read_bytes()
    if suffix == ".gz" and Path(path.stem).suffix.lower() in TEXT:
        return gzip.decompress(path.read_bytes())
    if suffix == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) == 1 and Path(names[0]).suffix.lower() in TEXT:
                return archive.read(names[0])
    return None


def _text_table(data: bytes, encoding: str | None, header: list[str]) -> pd.DataFrame:
    """Return a table of text, without empty rows; what is commonest in its first line stands between its cells."""
    text = _decoded(data, encoding)
    told = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    text = text[told.end() :] if told else text
    first = text.partition("\n")[0]
    delimiter = told[1] if told else max(DELIMITERS, key=first.count)
    width = max(line.count(delimiter) for line in text.splitlines()) + 1
    rows = pd.read_csv(io.StringIO(text), sep=delimiter, names=range(width), dtype=str, keep_default_na=False)
    rows = rows.fillna("")
    top = [name.strip() for name in rows.iloc[0]]
    named = not header or [name.casefold() for name in top[: len(header)]] == [name.casefold() for name in header]
    names = [name or str(number) for number, name in enumerate((header or top) + [""] * width)][:width]
    rows = rows.iloc[int(named) :].set_axis(names, axis=1)
    return rows[(rows != "").any(axis=1)]


def _decoded(data: bytes, encoding: str | None) -> str:
    """Return text in its encoding; if nobody tells it UTF-16 by its mark or zeros, else UTF-8, else Windows-1252."""
    if encoding is None and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif encoding is None and b"\x00" in data[:2]:
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    if encoding is not None:
        return data.decode(encoding).removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _keeps(table: pd.DataFrame, condition: dict[str, Any]) -> NDArray[np.bool_]:
    """Return which rows a condition of a preset keeps: blanks around a text and its case do not count."""
    column = _find(table, condition["column"])
    if column is None:
        return np.ones(len(table), bool)
    cells = table[column].astype(object).where(table[column].notna(), "").astype(str).str.strip().str.casefold()
    kept = np.ones(len(table), bool)
    if condition.get("equals"):
        kept &= cells.isin([str(value).casefold() for value in condition["equals"]]).to_numpy(bool)
    if condition.get("differs"):
        kept &= ~cells.isin([str(value).casefold() for value in condition["differs"]]).to_numpy(bool)
    if condition.get("matches"):
        kept &= cells.str.contains(condition["matches"], case=False, regex=True).to_numpy(bool)
    return kept


def _find(table: pd.DataFrame, name: str) -> str | None:
    """Return the column of a name, whatever its case."""
    same = [str(column) for column in table if str(column).casefold() == name.casefold()]
    return next((column for column in same if column == name), same[0] if same else None)


def _texts(values: pd.Series) -> list[str]:
    """Return ids as text, without empty ones; numbers that are whole are written as such."""
    values = values.dropna()
    if pd.api.types.is_float_dtype(values) and (values == values.round()).all():
        values = values.astype(np.int64)
    texts = values.astype(str).str.strip()
    texts = texts[texts != ""]
    return list(texts.str.partition(".")[0] if texts.str.fullmatch(r"\d+\.0+").all() else texts)

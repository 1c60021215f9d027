"""Judge whether everybody is in the output, once, with an outcome, and whether all files tell the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyogrio.errors

from lastmile_net.counts import counted, homes
from lastmile_net.schema import OUTCOMES, REASONS, STATUSES, TRENCHES
from lastmile_net.verify.given import held_ids, read_given
from lastmile_net.verify.seal import sha256
from lastmile_net.verify.verdict import Check, Skipped, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastmile_net.verify.files import Run


def inputs_are_all_there(run: Run) -> Iterator[Check | Skipped]:
    """Compare the customers with the rows of the input file, if it still lies where it lay."""
    source = run.seal.get("inputs", {}).get("customers")
    why = _why_not_read(source)
    if why:
        yield Skipped(f"that every customer of the input is in the run: {why}")
        return
    try:
        given = read_given(run, source)
    except (OSError, ValueError, ImportError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        why = f"{source['path']} cannot be read ({error})"
        yield Skipped(f"that every customer of the input is in the run: {why}")
        return
    held, broken = held_ids(run), []
    if given.ids is not None:
        wanted, found = set(given.ids), set(held)
        broken = [f"{each} (lost)" for each in sorted(wanted - found)]
        # who has no name in the file gets one in the run
        strange = sorted(found - wanted)
        broken += [f"{each} (new)" for each in strange] if len(strange) > given.rows - len(given.ids) else []
    if given.rows != len(held) and not broken:
        broken = [f"{given.rows} of the input, {len(held)} in the run"]
    right = f"{counted(given.rows, 'customer')} of the input, each in the run"
    right = right if given.ids is not None else f"{counted(given.rows, 'customer')} of the input, as many in the run"
    yield judge("inputs_are_all_there", right, "the customers are not those of the input", broken)


def customers_are_unique(run: Run) -> Iterator[Check]:
    """Every customer is there once, and has homes."""
    ids = run.customers["customer_id"]
    broken = sorted(
        set(ids[ids.duplicated() | ids.isna()].astype(str)) | set(ids[run.customers["units"] < 1].astype(str))
    )
    wrong = "customers appear twice, or have no name or no homes"
    yield judge("customers_are_unique", f"{counted(len(ids), 'customer')}, each once", wrong, broken)


def values_are_known(run: Run) -> Iterator[Check]:
    """Status, outcome, reason and kind of trench are among the declared ones, and fit each other."""
    table, trenches = run.customers, run.layers["trenches"]
    known = table["status"].isin(STATUSES) & table["outcome"].isin(OUTCOMES)
    reason = table["reason"].isna() | table["reason"].isin(REASONS)
    fits = (table["status"] == "connected") == (table["outcome"] == "existing")
    kinds = trenches["kind"].isin(TRENCHES["kind"].values)
    broken = [*table["customer_id"][~(known & reason & fits)], *trenches["trench_id"][~kinds]]
    right = "every status, outcome, reason and kind is a declared one"
    yield judge(
        "values_are_known", right, "a status, outcome, reason or kind is unknown or contradicts another", broken
    )


def summary_counts(run: Run) -> Iterator[Check]:
    """Compare customers, homes and reasons in `summary.json` with those of the table."""
    table = run.customers
    units = table["units"].to_numpy(np.int64)
    new = units - run.homes_now
    ones = np.ones(len(table), np.int64)
    held = {"customers": _count(table, ones, None), "units": _count(table, units, run.homes_now)}
    unserved = table[table["outcome"] == "unserved"]
    broken = [
        f"{what}.{key}: {run.summary.get(what, {}).get(key)} in the summary, {number} in the table"
        for what, numbers in held.items()
        for key, number in numbers.items()
        if run.summary.get(what, {}).get(key) != number
    ]
    reasons = {str(key): int(number) for key, number in unserved["reason"].value_counts().items()}
    told = {key: number for key, number in run.summary.get("reasons", {}).items() if number}
    broken += [f"reasons: {told} in the summary, {reasons} in the table"] if told != reasons else []
    most = run.summary.get("most_units")
    if most is not None and most < held["units"]["planned"]:
        broken.append(f"most_units: {most}, planned: {homes(held['units']['planned'])}")
    least, total = run.summary.get("least_cost_as_many", 0), run.summary.get("cost", {}).get("total", 0)
    broken += [f"least_cost_as_many: {least:,.2f}, the plan costs {total:,.2f}"] if least > total else []
    broken += _cost_per_unit(run, int(new[(table["outcome"] == "planned").to_numpy()].sum()))
    right = f"existing + planned + unserved = all: customers {_sum(held['customers'])}, homes {_sum(held['units'])}"
    yield judge("summary_counts", right, "summary.json does not tell what the tables hold", broken)


def unserved_have_reason_and_remedy(run: Run) -> Iterator[Check]:
    """Who stays unserved has a reason and a remedy; nobody else has a reason."""
    table = run.customers
    unserved = table["outcome"] == "unserved"
    told = table["reason"].notna() & _filled(table["remedy"]) & _filled(table["remedy_code"])
    broken = table["customer_id"][(unserved & ~told) | (~unserved & table["reason"].notna())]
    right = f"{counted(int(unserved.sum()), 'unserved customer')}, each with a reason and a remedy"
    yield judge("unserved_have_reason_and_remedy", right, "a reason or a remedy is missing, or out of place", broken)


def gaps_agree(run: Run) -> Iterator[Check]:
    """`gaps.csv` holds the customers not connected today, as the table tells of them."""
    columns = ["customer_id", "status", "outcome", "reason"]
    absent = [name for name in columns if name not in run.gaps]
    if absent:
        yield judge("gaps_agree", "", "gaps.csv lacks columns", absent)
        return
    table = run.customers[run.customers["status"] != "connected"]
    told, held = _lines(run.gaps[columns].apply(lambda cells: cells.str.removeprefix("'"))), _lines(table[columns])
    broken = sorted({line[0] for line in told ^ held}) + ["rows"] * (len(run.gaps) != len(table) and told == held)
    broken += _gaps_homes(run)
    right = f"gaps.csv tells of the same {counted(len(table), 'customer')}"
    yield judge("gaps_agree", right, "gaps.csv does not tell what the customers' table holds", broken)


def _gaps_homes(run: Run) -> list[str]:
    """Return what is wrong with the homes that `gaps.csv` adds up to; runs of earlier versions do not tell them."""
    if "units_without_line" not in run.gaps:
        return []
    told = pd.to_numeric(run.gaps["units_without_line"], errors="coerce").sum()
    held = (run.customers["units"].to_numpy(np.int64) - run.homes_now)[(run.customers["status"] != "connected")].sum()
    return [] if told == held else [f"units_without_line: {told:,.0f}, {held:,} in the table"]


def _count(table: pd.DataFrame, weight: np.ndarray, served: np.ndarray | None) -> dict[str, int]:
    """Count by status and outcome; `served` moves homes of partly connected premises to the connected ones."""
    status, outcome = table["status"].to_numpy(), table["outcome"].to_numpy()
    now = np.where(status == "connected", weight, 0) if served is None else served
    left = weight - now
    counts = {"total": weight.sum(), "connected": now.sum(), "existing": now.sum()}
    counts |= {each: left[status == each].sum() for each in ("passed", "unconnected")}
    counts |= {each: left[outcome == each].sum() for each in ("planned", "unserved")}
    return {key: int(number) for key, number in counts.items()}


def _cost_per_unit(run: Run, new: int) -> list[str]:
    told, total = run.summary.get("cost_per_unit"), run.summary["cost"]["total"]
    if not new:
        return [] if not told else [f"cost_per_unit: {told}, but no home is planned"]
    return (
        [] if told is not None and abs(told - total / new) <= 0.0051 else [f"cost_per_unit: {told}, not {total / new}"]
    )


def _sum(counts: dict[str, int]) -> str:
    return f"{counts['existing']:,} + {counts['planned']:,} + {counts['unserved']:,} = {counts['total']:,}"


def _filled(values: pd.Series) -> pd.Series:
    return values.notna() & (values.astype(object).fillna("").astype(str).str.strip() != "")


def _lines(table: pd.DataFrame) -> set[tuple[str, ...]]:
    plain = table.astype(object).where(table.notna(), "")
    plain["customer_id"] = plain["customer_id"].map(lambda cell: str(cell).removeprefix("'"))
    return {tuple(map(str, row)) for row in plain.itertuples(index=False)}


def _why_not_read(source: dict[str, Any] | None) -> str:
    if not source or not source.get("path"):
        return "the run names no file of them"
    if "://" in source["path"]:
        return f"{source['path']} is a database"
    if not Path(source["path"]).exists():
        return f"{source['path']} is not there any more"
    if source.get("sha256") and sha256(Path(source["path"])) != source["sha256"]:
        return f"{source['path']} has changed since"
    return ""

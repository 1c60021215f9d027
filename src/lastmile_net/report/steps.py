"""What to do, in which order: what the plan builds, and what would serve those it leaves out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from lastmile_net.counts import counted
from lastmile_net.coverage import new_homes
from lastmile_net.report.page import Section
from lastmile_net.report.words import CHANGES

if TYPE_CHECKING:
    from lastmile_net.plan.result import Plan

TITLE = "What to do, in this order"
SETTINGS = "settings"
SHARED = " A trench that homes of several phases use is shared among them here; in the phases, the first pays for it."
_AT = re.compile(r"@([^;]*)")


def to_do(plan: Plan) -> Section:
    """
    List what the plan builds by street, and what would serve the others; least money per home first, phase by phase.

    The others are grouped by what serves them, and by street; where most of them have none, by what is changed.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    """
    table = pd.DataFrame(plan.customers).assign(
        homes=new_homes(plan.customers), where=_streets(plan), phase=_phases(plan)
    )
    left = table[table["outcome"] == "unserved"].copy()
    by_street = bool(left["where"].notna().mean() > 0.5)
    left["what"] = _changes(left)
    left["where"] = left["where"] if by_street else _places(left)
    steps = [_built(table[table["outcome"] == "planned"]), _left(plan, left, "street" if by_street else "change")]
    found = pd.concat(steps, ignore_index=True)
    found["cost_per_home"] = (found["cost"] / found["homes"].clip(lower=1)).round(2)
    order = ["phase", "cost_per_home", "homes", "what", "where"]
    found = found.sort_values(order, ascending=[True, True, False, True, True], ignore_index=True)
    by_phase, shared = ("phase by phase, ", SHARED) if found["phase"].notna().any() else ("", "")
    many = (
        f"{len(found):,} steps to the last customer, {by_phase}least money per home first; where no price is known, at "
        f"the end. What is not in the plan is priced on top of it, each step by itself.{shared}"
    )
    none = "Nothing is left to do: every customer is connected."
    return Section(TITLE, {0: none, 1: "1 step to the last customer."}.get(len(found), many), found)


def _streets(plan: Plan) -> pd.Series:
    """Return each customer's street, else its planning area; None where it has neither."""
    table = plan.customers
    street = table["street"] if "street" in table else pd.Series(None, table.index, object)
    street = street.astype(object).where(street.notna() & (street != ""), table["area_id"].astype(object))
    return street.where(street.notna(), None)


def _phases(plan: Plan) -> pd.Series:
    """Return the phase in which each customer is connected; none where the plan, or an older one, has no phases."""
    table = plan.customers
    return table["phase"].astype("Int64") if "phase" in table else pd.Series(pd.NA, table.index, "Int64")


def _built(table: pd.DataFrame) -> pd.DataFrame:
    steps = table.assign(what="connect as planned", where=table["where"].fillna("(no street)"))
    grouped = steps.groupby(["what", "where", "phase"], dropna=False)
    return grouped.agg(homes=("homes", "sum"), cost=("cost_share", "sum")).reset_index()


def _left(plan: Plan, left: pd.DataFrame, scope: str) -> pd.DataFrame:
    """Group those left out; a step costs what its homes cost together, where the proposals tell, or it is for one."""
    told = plan.proposals[plan.proposals["scope"] == scope] if len(plan.proposals) else pd.DataFrame()
    joint = told.groupby(["change", "name"])["cost"].sum(min_count=1).to_dict() if len(told) else {}
    grouped = left.assign(where=left["where"].fillna("(no street)")).groupby(["what", "where"])
    steps = grouped.agg(homes=("homes", "sum"), cost=("remedy_cost", "first"), customers=("homes", "size"))
    alone = pd.to_numeric(steps["cost"]).where(steps["customers"] == 1)
    steps["cost"] = [float(joint.get(key, price)) for key, price in zip(steps.index, alone, strict=True)]
    of_ports = told[told["change"] == "add_ports"].groupby("name") if len(told) else ()
    ports = {name: _ports(rows) for name, rows in of_ports}
    steps = steps.drop(columns="customers").reset_index()
    return steps.assign(
        what=[
            ports[where] if codes == "add_ports" and where in ports else _words(codes)
            for codes, where in zip(steps["what"], steps["where"], strict=True)
        ]
    )


def _words(codes: str) -> str:
    return " and ".join(CHANGES.get(code, code) for code in codes.split("+"))


def _ports(told: pd.DataFrame) -> str:
    """Return how many ports are added at which access points, and by which devices of the price catalogue."""
    devices = told["devices"].fillna("").astype(str)
    each = [
        f"{counted(value, 'port')} at {at}" + (f" ({kinds})" if kinds else "")
        for value, at, kinds in zip(told["value"], told["at"], devices, strict=True)
    ]
    return f"add {', '.join(each)}"


def _changes(left: pd.DataFrame) -> list[str]:
    """Return the codes of what each remedy changes, joined as in the table of proposals."""
    codes = left["remedy_code"].astype(str)
    others = [re.sub(r"[=@][^;]*", "", also).split("; ") for also in _also(left)]
    return ["+".join([code, *filter(None, more)]) for code, more in zip(codes, others, strict=True)]


def _places(left: pd.DataFrame) -> list[str]:
    """Return what each remedy changes, joined as in the table of proposals; the settings where it names nothing."""
    at = left["remedy_at"] if "remedy_at" in left else pd.Series(None, left.index, object)
    found = zip(at.fillna("").tolist(), _also(left), strict=True)
    return ["; ".join(filter(None, [first, *_AT.findall(also)])) or SETTINGS for first, also in found]


def _also(left: pd.DataFrame) -> list[str]:
    also = left["remedy_also"] if "remedy_also" in left else pd.Series(None, left.index, object)
    return also.fillna("").astype(str).tolist()

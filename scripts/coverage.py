"""
Three files in, a coverage table and a gap map out.

    python scripts/coverage.py STREETS BACKBONE CUSTOMERS OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ != "__main__":
    # numba looks for the package of this name; from a script in this folder it would find this file instead
    message = "this is a script, not the package `coverage`"
    raise ImportError(message)

import pandas as pd

import lastmile_net as lm
from lastmile_net.coverage import homes_by
from lastmile_net.report import summary_text


def main() -> None:
    """Plan, write the run, and list the areas with most homes that stay unserved."""
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    streets, backbone, customers, out = sys.argv[1:]
    plan = lm.plan(streets, backbone, customers)
    lm.write_run(plan, out, overwrite=True)
    print(summary_text(plan))
    gaps = plan.customers[plan.customers["outcome"] == "unserved"]
    if gaps["area_id"].notna().any():
        print(pd.Series(homes_by(gaps, "area_id")).sort_values(ascending=False).head(10).to_string())
    print(f"map: {Path(out).resolve() / 'map.html'}")


if __name__ == "__main__":
    main()

"""Text columns of a layer as one compares them with words."""

from __future__ import annotations

import pandas as pd


def lower_text(frame: pd.DataFrame, column: str) -> pd.Series[str]:
    """Return a column in lower case and stripped; empty where it is missing or says nothing."""
    if column not in frame:
        return pd.Series("", index=frame.index, dtype=object)
    return frame[column].astype(object).where(frame[column].notna(), "").astype(str).str.strip().str.lower()

"""On which ground a street lies, as its tags tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.config.prices import SURFACES
from lastmile_net.network.columns import lower_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from lastmile_net.config.prices import CostModel


def surface_classes(streets: pd.DataFrame, model: CostModel) -> NDArray[np.object_]:
    """Return the class of ground of each street, from its `surface`, else its `highway`, else the model's default."""
    return _known_surfaces(streets, model).fillna(model.surface_otherwise).to_numpy(object)


def guessed_surfaces(streets: pd.DataFrame, model: CostModel) -> int:
    """Count the streets whose ground neither `surface` nor `highway` tells, where the price depends on it."""
    prices = {price.value for surface in SURFACES if (price := model.dig_price(surface)) is not None}
    return int(_known_surfaces(streets, model).isna().sum()) if len(prices) > 1 else 0


def _known_surfaces(streets: pd.DataFrame, model: CostModel) -> pd.Series:
    tag = lower_text(streets, "surface").str.replace(r"[;:].*$", "", regex=True).str.strip()
    by_class = lower_text(streets, "highway").map(model.surface_of_highway)
    return tag.map(model.surface_of_tag).fillna(by_class)

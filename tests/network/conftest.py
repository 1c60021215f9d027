"""Towns that one can draw on paper, with every column that the schema wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pytest

from lastmile_net import schema
from lastmile_net.read.files import read_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapely.geometry.base import BaseGeometry

    Draw = Callable[..., gpd.GeoDataFrame]

CRS = 25832


def _layer(layer: schema.Layer) -> Draw:
    """Return what makes a layer of shapes by id; lists in `columns` follow the order of the shapes."""

    def draw(shapes: dict[str, BaseGeometry], **columns: object) -> gpd.GeoDataFrame:
        table = {layer.key: list(shapes), **columns}
        return read_layer(gpd.GeoDataFrame(table, geometry=list(shapes.values()), crs=CRS), layer)

    return draw


@pytest.fixture
def streets() -> Draw:
    """Return what draws streets."""
    return _layer(schema.STREETS)


@pytest.fixture
def backbone() -> Draw:
    """Return what draws lines and points that exist."""
    return _layer(schema.BACKBONE)


@pytest.fixture
def customers() -> Draw:
    """Return what draws customers."""
    return _layer(schema.CUSTOMERS)

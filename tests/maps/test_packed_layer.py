"""`PackedLayer` by itself: on anybody's folium map, with anybody's columns."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from lastmile_net.errors import CrsError, DataError
from lastmile_net.maps import Derived, Field, PackedLayer, Style, offline_map, save_page
from lastmile_net.maps.coding import pack_ids

if TYPE_CHECKING:
    from pathlib import Path

    from chromium import Chromium

SIZE = 300


def _homes() -> gpd.GeoDataFrame:
    """Return points with columns of every kind, awkward values among them."""
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(11.25, 11.30, SIZE), rng.uniform(49.50, 49.53, SIZE)
    holes = rng.random(SIZE) < 0.3
    columns = {
        "osm_id": [f"way/{n}" for n in rng.choice(13_000_000_000, SIZE, replace=False)],
        "padded": [f"A{n:07d}" for n in range(SIZE)],
        "name": [None if n % 9 == 0 else f"Straße {n % 7}\nHof" for n in range(SIZE)],
        "number": [f"{n}b" for n in range(SIZE)],
        "share": np.where(holes, np.nan, rng.normal(0, 1e5, SIZE).round(2)),
        "rank": pd.array(np.where(holes, None, np.arange(SIZE)), dtype="Int64"),
        "homes": rng.integers(0, 5, SIZE),
        "huge": 10.0 ** rng.integers(-30, 300, SIZE),
        "open": rng.random(SIZE) < 0.5,
        "kind": pd.Categorical(rng.choice(["old", "new"], SIZE)),
        "day": pd.to_datetime("2025-01-01") + pd.to_timedelta(np.arange(SIZE), "D"),
    }
    return gpd.GeoDataFrame(columns, geometry=shapely.points(lon, lat), crs=4326)


def _shown(browser: Chromium, layer: str, column: str) -> dict[str, object]:
    """Return what the page holds in a column, by the osm id of the row."""
    told = browser.run_async(
        """const layer = lastmile.layers.get(arguments[0]);
           Promise.all([layer.columns.get('osm_id'), layer.columns.get(arguments[1])]).then(([ids, values]) =>
             done(Array.from({length: layer.size}, (_, row) => [ids.at(row), values.at(row)])));""",
        layer,
        column,
    )
    return dict(told)


@pytest.mark.parametrize(("crs", "west", "east"), [(32760, 179.99, 180.01), (32701, 179.99, 180.01), (4326, -180, 180)])
def test_places_across_the_date_line_are_neighbours(crs: int, west: float, east: float) -> None:
    """Which side of the 180th meridian comes first is known from the CRS, so that all layers of a page agree."""
    places = gpd.GeoSeries(shapely.points([179.99, -179.99], [-17, -17]), crs=4326).to_crs(crs)
    layer = PackedLayer(gpd.GeoDataFrame(geometry=places))
    (_, left), (_, right) = layer._get_self_bounds()
    assert (left, right) == pytest.approx((west, east), abs=0.011)


@pytest.mark.browser
def test_every_kind_of_column_arrives_in_the_browser(browser: Chromium, tmp_path: Path) -> None:
    """Packing must not bend a value: each row's numbers and texts are the table's, whatever their kind or holes."""
    homes = _homes()
    layer = PackedLayer(
        homes,
        colour="kind",
        popup=[name for name in homes.columns if name != "geometry"],
        extra={
            "per_home": Derived("ratio", ("share", "homes")),
            "address": Derived("join", ("name", "number"), "osm_id"),
        },
    )
    page = offline_map()
    layer.add_to(page)
    browser.open(save_page(page, tmp_path / "map.html"))
    texts = homes[["osm_id", "padded", "number", "kind"]].astype(str)
    texts["name"] = homes["name"].astype(object).where(homes["name"].notna(), "").str.replace("\n", " ")
    texts["address"] = (texts["name"] + " " + texts["number"]).str.strip()
    texts["day"], texts["huge"] = homes["day"].astype(str), homes["huge"].astype(str)
    texts["open"] = homes["open"].astype(str)
    for name in texts:
        assert _shown(browser, layer.get_name(), name) == dict(zip(homes["osm_id"], texts[name], strict=True)), name
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (homes["share"] / homes["homes"]).replace([np.inf, -np.inf], np.nan)
    for name, values in {"share": homes["share"], "rank": homes["rank"], "per_home": ratio}.items():
        shown = pd.Series(_shown(browser, layer.get_name(), name)).reindex(homes["osm_id"]).astype(float)
        np.testing.assert_allclose(shown.to_numpy(), values.to_numpy(float, na_value=np.nan), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("texts", "fit"),
    [
        (["way/12", "way/0", "way/70000000000000"], True),
        (["way/12", "way/123456789012345"], True),
        (["5", "17"], True),
        (["Straße 3", "Straße 12"], True),
        (["way/12", "way/012"], False),
        (["way/12", "way/12"], False),
        (["way/12", "way/-3"], False),
        (["way/12", "way/"], False),
        (["way/12", "node/3"], False),
        (["way/12", "way/3\n4"], False),
        (["way/12", "way/٣"], False),
        (["way/12", "way/993456789012345"], False),
        (["100000000000000000001", "7"], False),
        (["way/12", None], False),
        (["way/12", 12], False),
    ],
)
def test_ids_are_packed_as_numbers_only_where_each_comes_back(texts: list[object], fit: bool) -> None:
    """An id that comes back without its nought, or as its neighbour's, leads a planner to the wrong house."""
    packed = pack_ids(pd.Series(texts, dtype=object), np.arange(len(texts))[::-1])
    assert (packed is not None) == fit
    if packed:
        prefix, numbers = packed
        raw, size = numbers.stream.raw, numbers.stream.size
        stored = [int.from_bytes(raw[row::size], "little") for row in range(size)]
        if numbers.stream.delta:
            steps = [-(step + 1) // 2 if step % 2 else step // 2 for step in stored]
            stored = list(itertools.accumulate(steps))
        assert [f"{prefix}{value + numbers.least}" for value in stored] == texts[::-1]


@pytest.mark.browser
def test_works_on_a_plain_folium_map_among_other_layers(browser: Chromium, tmp_path: Path) -> None:
    """Others use the layer on their own maps: it must draw, be switched by folium's control and open its popup."""
    homes = _homes()
    page = offline_map()
    layer = PackedLayer(homes, colour="kind", popup=["number", Field("share", "Share", "EUR")], name="Homes")
    layer.add_to(page)
    folium.PolyLine([(49.50, 11.25), (49.53, 11.30)]).add_to(page)
    folium.LayerControl(collapsed=False).add_to(page)
    page.fit_bounds(page.get_bounds())
    browser.open(save_page(page, tmp_path / "map.html"))
    switch = browser.run("return document.querySelector('.leaflet-control-layers-overlays').textContent;")
    assert "Homes" in switch
    before = browser.page.get_screenshot_as_base64()
    browser.run("document.querySelector('.leaflet-control-layers-overlays input').click();")
    browser.drawn()
    assert browser.page.get_screenshot_as_base64() != before
    assert browser.complaints() == []
    assert browser.requests() == []


def test_lines_polygons_and_gaps_are_taken_as_they_come() -> None:
    """Real layers mix geometry types and lack some: what can be drawn is drawn, what cannot is left out."""
    shapes = [
        shapely.Point(11, 49),
        shapely.LineString([(11, 49), (11.1, 49.1)]),
        shapely.MultiLineString([[(11, 49), (11.1, 49)], [(11.2, 49), (11.3, 49)]]),
        shapely.box(11, 49, 11.1, 49.1),
        shapely.Point(),
        None,
    ]
    layer = PackedLayer(gpd.GeoDataFrame({"a": range(6)}, geometry=shapes, crs=4326), popup=["a"])
    assert layer.size == 5
    (south, west), (north, east) = layer.get_bounds()
    np.testing.assert_allclose([south, west, north, east], [49, 11, 49.1, 11.3], atol=1e-6)


def test_one_place_far_away_does_not_make_the_town_small() -> None:
    """A slip in one address once showed a whole country with the town as a dot in it."""
    shapes = [shapely.Point(11 + i / 1000, 49 + i / 2000) for i in range(100)]
    near = PackedLayer(gpd.GeoDataFrame({"a": range(100)}, geometry=shapes, crs=4326), popup=["a"])
    far = PackedLayer(gpd.GeoDataFrame({"a": range(101)}, geometry=[*shapes, shapely.Point(13, 52)], crs=4326))
    assert far.size == 101
    assert far.get_bounds() == near.get_bounds()


def test_an_empty_layer_is_a_layer() -> None:
    """A run without gaps has nothing to draw, and that must not break its map."""
    nothing = gpd.GeoDataFrame({"kind": []}, geometry=[], crs=4326)
    page = offline_map()
    layer = PackedLayer(nothing, colour="kind", popup=["kind"]).add_to(page)
    assert layer.size == 0
    assert layer.get_name() in page.get_root().render()


def test_row_order_does_not_change_the_page() -> None:
    """The same homes in another order must give the same bytes, or maps cannot be compared."""
    homes = _homes()
    pages = []
    for table in (homes, homes.sample(frac=1, random_state=1)):
        page = offline_map()
        layer = PackedLayer(table, colour="kind", popup=["name", "share"])
        layer._id = "homes"
        layer.add_to(page)
        pages.append(page.get_root().render())
    assert pages[0] == pages[1]


def test_data_are_not_changed() -> None:
    """A layer is a picture of a table; drawing must leave the table alone."""
    homes = _homes()
    before = homes.copy(deep=True)
    PackedLayer(homes, colour="kind", popup=["name"], style=Style(label="number"))
    pd.testing.assert_frame_equal(homes, before)


def test_all_missing_columns_are_named_at_once() -> None:
    """Whoever misspells three columns should hear of three."""
    with pytest.raises(DataError, match=re.compile("'a'.*'b'.*'c'.*'d'", re.DOTALL)):
        PackedLayer(
            _homes(),
            colour=["a"],
            popup=["b"],
            style=Style(label="c"),
            extra={"ratio": Derived("ratio", ("d", "homes"))},
        )


def test_layer_without_crs_is_refused() -> None:
    """Without a CRS nobody knows where a point is; guessing would put a town into the sea."""
    with pytest.raises(CrsError, match="no CRS"):
        PackedLayer(_homes().set_crs(None, allow_override=True))


def test_colouring_by_an_id_is_refused() -> None:
    """Three hundred colours tell nothing apart."""
    with pytest.raises(DataError, match="too many"):
        PackedLayer(_homes(), colour="osm_id")

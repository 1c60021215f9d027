"""Extracts on disk: every format, any order, cut ways, each address once."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import geopandas as gpd
import osmium
import pytest
import shapely

from lastmile_net import schema
from lastmile_net.errors import ConfigError, DataError, MissingFileError
from lastmile_net.read.osm import OsmLayers, layers_from_pbf

if TYPE_CHECKING:
    from pathlib import Path

NODES = {
    1: (10.0, 50.0),
    2: (10.001, 50.0),
    3: (10.002, 50.0),
    4: (10.002, 50.001),
    11: (10.0002, 50.0002),
    12: (10.0004, 50.0002),
    13: (10.0004, 50.0003),
    14: (10.0002, 50.0003),
}


def node(ident: int, place: tuple[float, float] | None = None, **tags: str) -> str:
    """Write a node in XML."""
    lon, lat = place or NODES[ident]
    return f'<node id="{ident}" version="1" lat="{lat}" lon="{lon}">{_tags(tags)}</node>'


def way(ident: int, refs: list[int], **tags: str) -> str:
    """Write a way in XML."""
    return f'<way id="{ident}" version="1">' + "".join(f'<nd ref="{r}"/>' for r in refs) + _tags(tags) + "</way>"


def relation(ident: int, outer: list[int], **tags: str) -> str:
    """Write a multipolygon in XML."""
    members = "".join(f'<member type="way" ref="{r}" role="outer"/>' for r in outer)
    return f'<relation id="{ident}" version="1">{members}{_tags({"type": "multipolygon", **tags})}</relation>'


def _tags(tags: dict[str, str]) -> str:
    # A double underscore in a keyword stands for a colon.
    return "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in tags.items())


def nodes() -> list[str]:
    """Return all nodes without tags."""
    return [node(ident) for ident in NODES]


def house(ident: int = 20, **tags: str) -> str:
    """Return a square building."""
    return way(ident, [11, 12, 13, 14, 11], building="house", **tags)


def read(folder: Path, *objects: str, customers: str = "addresses") -> OsmLayers:
    """Write objects to a file and read them."""
    path = folder / "town.osm"
    path.write_text(f'<osm version="0.6" generator="test">{"".join(objects)}</osm>', encoding="utf-8")
    return layers_from_pbf(path, customers=customers)  # type: ignore[arg-type]


ADDRESS = {"addr__street": "Main Street", "addr__housenumber": "1"}


def test_street_columns_and_line(tmp_path: Path) -> None:
    """Price, level and matching hang on these columns; the line must be the way's, in its order."""
    layers = read(tmp_path, *nodes(), way(7, [1, 2, 3], highway="track", name="Main Street", bridge="yes", layer="1"))
    street = layers.streets.iloc[0]
    assert street["street_id"] == "w7"
    assert (street["name"], street["highway"], street["bridge"], street["layer"]) == (
        "Main Street",
        "track",
        "yes",
        "1",
    )
    assert shapely.get_coordinates(street.geometry).tolist() == [list(NODES[i]) for i in (1, 2, 3)]
    assert layers.streets.crs.to_epsg() == 4326


def test_unsorted_file(tmp_path: Path) -> None:
    """Editors write ways before nodes and ids in any order; nothing may get lost by it."""
    objects = [*nodes(), way(7, [1, 2, 3], highway="service"), house(**ADDRESS), node(99, (10.1, 50.1), **ADDRESS)]
    there, back = read(tmp_path, *objects), read(tmp_path, *objects[::-1])
    assert there.streets.equals(back.streets)
    assert there.customers.equals(back.customers)


@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm", ".osm.gz", ".osm.bz2", ".OSM.PBF"])
def test_every_format(tmp_path: Path, suffix: str) -> None:
    """Whatever the extract is packed in, the layers are the same."""
    plain = read(tmp_path, *nodes(), way(7, [1, 2, 3], highway="service"), house(**ADDRESS))
    packed = tmp_path / f"packed{suffix.lower()}"
    with osmium.SimpleWriter(str(packed)) as writer:
        osmium.apply(str(tmp_path / "town.osm"), writer)
    packed = packed.rename(tmp_path / f"again{suffix}")
    again = layers_from_pbf(packed)
    assert again.streets.equals(plain.streets)
    assert again.customers.equals(plain.customers)


def test_a_part_of_an_extract(tmp_path: Path) -> None:
    """Of a state one village is wanted: whatever reaches into it, whole, and nothing else."""
    far = {90: (10.02, 50.02), 91: (10.0201, 50.02), 92: (10.0201, 50.0201)}
    objects = [
        *nodes(),
        *(node(ident, place) for ident, place in far.items()),
        node(95, (10.0203, 50.02), addr__street="Far Lane", addr__housenumber="2"),
        node(96, (10.0001, 50.0001), addr__street="Main Street", addr__housenumber="2"),
        way(7, [1, 2, 3, 4], highway="service"),
        way(8, [90, 91], highway="service"),
        house(**ADDRESS),
        way(30, [11, 12, 13, 14, 11]),
        relation(9, [30], building="yes", addr__street="Main Street", addr__housenumber="3"),
        way(31, [90, 91, 92, 90]),
        relation(10, [31], building="yes", addr__street="Far Lane", addr__housenumber="3"),
    ]
    whole = read(tmp_path, *objects)
    assert (len(whole.streets), len(whole.customers)) == (2, 5)
    box = (9.9999, 49.9999, 10.0005, 50.0005)
    part = layers_from_pbf(tmp_path / "town.osm", bbox=box)
    assert part.streets["street_id"].tolist() == ["w7"]
    assert part.streets.geometry.iloc[0].equals(whole.streets.geometry.iloc[0])
    assert set(part.customers["street"]) == {"Main Street"}
    assert len(part.customers) == 3
    area = gpd.GeoDataFrame(geometry=[shapely.box(*box)], crs=4326).to_crs(25832)
    same = layers_from_pbf(tmp_path / "town.osm", polygon=area)
    assert same.streets.equals(part.streets)
    assert same.customers.equals(part.customers)


def test_a_way_that_crosses_an_area_between_its_nodes(tmp_path: Path) -> None:
    """A straight road may have no node in a small area that it leads through."""
    read(tmp_path, *nodes(), way(7, [1, 3], highway="service"), way(8, [3, 4], highway="service"))
    part = layers_from_pbf(tmp_path / "town.osm", bbox=(10.0008, 49.9999, 10.0009, 50.0001))
    assert part.streets["street_id"].tolist() == ["w7"]


@pytest.mark.parametrize(
    "area", [{"bbox": (10.0, 50.0, 9.0, 51.0)}, {"bbox": (9, 49, 10, 51), "polygon": shapely.box(9, 49, 10, 51)}]
)
def test_a_part_that_is_none_is_refused(tmp_path: Path, area: dict[str, object]) -> None:
    """A box whose sides are swapped must not read as an empty town."""
    read(tmp_path, *nodes())
    with pytest.raises(ConfigError):
        layers_from_pbf(tmp_path / "town.osm", **area)  # type: ignore[arg-type]


def test_cut_way_is_not_bridged(tmp_path: Path) -> None:
    """A clipped extract lacks nodes; a straight line over the hole would be a street that is not there."""
    known = [node(i) for i in (1, 2, 3, 4)]
    layers = read(tmp_path, *known, way(7, [1, 2, 777, 3, 4, 778], highway="service"))
    parts = shapely.get_parts(layers.streets.geometry.iloc[0])
    ends = [shapely.get_coordinates(part).tolist() for part in parts]
    assert ends == [[list(NODES[1]), list(NODES[2])], [list(NODES[3]), list(NODES[4])]]
    assert any(note.startswith("1 way leads out of the extract: it ends") for note in layers.notes)


def test_way_without_two_places_is_told(tmp_path: Path) -> None:
    """A street that cannot be drawn is counted in a note, not lost in silence."""
    layers = read(tmp_path, node(1), way(7, [1, 777], highway="service"), way(8, [1, 1], highway="service"))
    assert layers.streets.empty
    assert any(note.startswith("2 streets") for note in layers.notes)


def test_address_on_node_and_building_counts_once(tmp_path: Path) -> None:
    """One address on an entrance and on its house is one customer, with the larger number of homes."""
    entrance = node(30, (10.0003, 50.0002), **ADDRESS)
    layers = read(tmp_path, *nodes(), entrance, house(building__flats="4", **ADDRESS))
    assert layers.customers["customer_id"].tolist() == ["n30"]
    assert layers.customers["units"].tolist() == [4]
    assert any("1 repeated mentions" in note for note in layers.notes)


def test_address_is_compared_without_case_and_spaces(tmp_path: Path) -> None:
    """`MAIN  street` and `Main Street` are one street to the postman."""
    other = {"addr__street": "MAIN  street", "addr__housenumber": "1 "}
    layers = read(tmp_path, node(1, **ADDRESS), node(2, **other))
    assert len(layers.customers) == 1


def test_same_address_in_two_villages_stays_two(tmp_path: Path) -> None:
    """Village streets share names; whoever lives in the second village must not vanish."""
    layers = read(tmp_path, node(1, **ADDRESS), node(30, (10.05, 50.0), **ADDRESS))
    assert layers.customers["customer_id"].tolist() == ["n1", "n30"]


def test_postcodes_tell_addresses_apart(tmp_path: Path) -> None:
    """Two postcodes are two addresses, however near."""
    layers = read(tmp_path, node(1, **ADDRESS, addr__postcode="10000"), node(2, **ADDRESS, addr__postcode="20000"))
    assert len(layers.customers) == 2


def test_flats_of_one_address_add_up(tmp_path: Path) -> None:
    """Three doors of one house are one customer with three homes."""
    doors = [node(i, **ADDRESS, addr__unit=name) for i, name in ((1, "A"), (2, "B"), (3, "b"))]
    more = node(4, **ADDRESS, addr__flats="1-2")
    layers = read(tmp_path, *doors, more)
    assert layers.customers["units"].tolist() == [4]


def test_flats_of_a_building_go_to_the_addresses_inside(tmp_path: Path) -> None:
    """The outline tells the flats, the entrances carry the address: each entrance gets its part."""
    first = node(30, (10.00025, 50.00025), addr__street="Main Street", addr__housenumber="1")
    second = node(31, (10.00035, 50.00025), addr__street="Main Street", addr__housenumber="3")
    layers = read(tmp_path, *nodes(), first, second, house(building__flats="5"))
    assert dict(zip(layers.customers["customer_id"], layers.customers["units"], strict=True)) == {"n30": 3, "n31": 2}


def test_number_range_stays_one(tmp_path: Path) -> None:
    """`3-5` is one customer with two homes."""
    layers = read(tmp_path, node(1, addr__street="Main Street", addr__housenumber="3-5"))
    assert layers.customers[["housenumber", "units"]].to_numpy().tolist() == [["3-5", 2]]


@pytest.mark.parametrize(
    ("customers", "ids"),
    [("addresses", ["n30"]), ("buildings", ["w20", "w21"]), ("both", ["n30", "w21"])],
)
def test_what_stands_for_a_customer(tmp_path: Path, customers: str, ids: list[str]) -> None:
    """An address inside a house is that house, in every mode once; barns and garages are nobody."""
    inside = node(30, (10.0003, 50.00025), **ADDRESS)
    other = way(21, [1, 2, 4, 1], building="detached")
    barn = way(22, [2, 3, 4, 2], building="barn")
    layers = read(tmp_path, *nodes(), inside, house(), other, barn, customers=customers)
    assert layers.customers["customer_id"].tolist() == ids


def test_building_takes_the_address_inside(tmp_path: Path) -> None:
    """In `buildings` mode the address still says which street comes first."""
    inside = node(30, (10.0003, 50.00025), **ADDRESS)
    layers = read(tmp_path, *nodes(), inside, house(), customers="buildings")
    assert layers.customers[["street", "housenumber"]].to_numpy().tolist() == [["Main Street", "1"]]


def test_building_mapped_as_relation(tmp_path: Path) -> None:
    """Houses with a courtyard are relations whose ways carry no tags; they must come out, inside their walls."""
    layers = read(
        tmp_path,
        *nodes(),
        way(40, [11, 12, 13]),
        way(41, [13, 14, 11]),
        relation(50, [40, 41], building="apartments", **ADDRESS),
    )
    assert layers.customers["customer_id"].tolist() == ["r50"]
    walls = shapely.Polygon([NODES[i] for i in (11, 12, 13, 14)])
    assert walls.contains(layers.customers.geometry.iloc[0])


def test_point_lies_inside_a_bent_house(tmp_path: Path) -> None:
    """The centre of an L-shaped house is in the garden; the drop must end in the house."""
    corners = {61: (0.0, 0.0), 62: (0.001, 0.0), 63: (0.001, 0.0001), 64: (0.0001, 0.0001), 65: (0.0001, 0.001)}
    corners[66] = (0.0, 0.001)
    bent = way(60, [*corners, 61], building="house", **ADDRESS)
    layers = read(tmp_path, *(node(i, place) for i, place in corners.items()), bent)
    assert shapely.Polygon(corners.values()).contains(layers.customers.geometry.iloc[0])


def test_backbone_features(tmp_path: Path) -> None:
    """Mapped telecom features come out with roles of the schema, areas as points, lines as lines."""
    exchange = way(70, [11, 12, 13, 14, 11], building="yes", telecom="exchange")
    line = way(71, [1, 2, 3], communication="line")
    loop = way(72, [1, 2, 4, 1], communication="line", location="overhead")
    cabinet = node(80, (10.0, 50.01), man_made="street_cabinet", street_cabinet="telecom")
    pole = node(81, (10.0, 50.02), power="pole")
    backbone = read(tmp_path, *nodes(), exchange, line, loop, cabinet, pole).backbone
    kinds = dict(zip(backbone["backbone_id"], zip(backbone["role"], backbone.geom_type, strict=True), strict=True))
    assert kinds == {
        "n80": ("cabinet", "Point"),
        "n81": ("pole", "Point"),
        "w70": ("pop", "Point"),
        "w71": ("feeder", "LineString"),
        "w72": ("aerial", "LineString"),
    }
    assert set(schema.BACKBONE.names) <= set(backbone.columns)


def test_empty_backbone_says_what_to_do(tmp_path: Path) -> None:
    """Where nothing is mapped the layer is empty but has its columns, and the way on is told."""
    layers = read(tmp_path, *nodes(), way(7, [1, 2], highway="service"))
    assert layers.backbone.empty
    assert set(schema.BACKBONE.names) <= set(layers.backbone.columns)
    assert any("--pop LON,LAT" in note for note in layers.notes)


def test_deleted_objects_stay_away(tmp_path: Path) -> None:
    """A file with history still carries what has been deleted."""
    gone = way(7, [1, 2], highway="service").replace('version="1"', 'version="2" visible="false"')
    assert read(tmp_path, *nodes(), gone).streets.empty


def test_empty_extract(tmp_path: Path) -> None:
    """An empty area gives empty layers and says so; it is no crash."""
    layers = read(tmp_path)
    assert layers.streets.empty
    assert layers.customers.empty
    assert list(layers.customers.columns)[:3] == ["customer_id", "street", "housenumber"]
    assert any("no street" in note for note in layers.notes)


def test_missing_file(tmp_path: Path) -> None:
    """A wrong path is the commonest mistake of all."""
    with pytest.raises(MissingFileError, match="no such file"):
        layers_from_pbf(tmp_path / "nowhere.osm.pbf")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("town.osm.pbf", b"this is no PBF"),
        ("town.osm.pbf", b""),
        ("town.osm", b"<osm version='0.6'><node id='1' lat="),
        ("town.osm", b"<html><body>not found</body></html>"),
        ("town.osm.bz2", b"BZh9 broken"),
        ("town.osm.gz", b"\x1f\x8b broken"),
        ("town.geojson", b"{}"),
    ],
)
def test_broken_file_is_explained(tmp_path: Path, name: str, content: bytes) -> None:
    """A broken download ends in a sentence that names the file."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=name) as said:
        layers_from_pbf(path)
    assert str(said.value).count(name) == 1


def test_xml_entities_are_refused(tmp_path: Path) -> None:
    """A file must not be able to read other files or blow up in memory."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    path = tmp_path / "evil.osm"
    path.write_text(
        dedent(f"""\
        <?xml version="1.0"?><!DOCTYPE osm [<!ENTITY x SYSTEM "file://{secret}">]>
        <osm version="0.6"><node id="1" version="1" lat="50" lon="10">
        <tag k="addr:housenumber" v="1"/><tag k="addr:street" v="&x;"/></node></osm>"""),
        encoding="utf-8",
    )
    with pytest.raises(DataError):
        layers_from_pbf(path)


@pytest.mark.towns
@pytest.mark.parametrize(
    ("town", "extract", "customers"),
    [
        ("lauf", "lauf.osm.pbf", "addresses"),
        ("copenhagen", "copenhagen.osm.pbf", "addresses"),
        ("nassau", "nassau.osm.pbf", "buildings"),
        ("neubrandenburg", "neubrandenburg.osm.bz2", "addresses"),
    ],
)
def test_real_towns(towns: Path, town: str, extract: str, customers: str) -> None:
    """Counts of real extracts stay within 1 % of what an independent reading found."""
    facts = json.loads((towns / town / "case.json").read_text(encoding="utf-8"))
    layers = layers_from_pbf(towns / town / extract, customers=customers)  # type: ignore[arg-type]
    streets = layers.streets.to_crs(f"EPSG:{facts['metric_crs']}")
    assert len(layers.customers) == pytest.approx(facts["customers"], rel=0.01)
    assert len(streets) == pytest.approx(facts["streets"], rel=0.01)
    assert streets.length.sum() / 1000 == pytest.approx(facts["street_km"], rel=0.01)
    assert layers.customers["customer_id"].is_unique
    assert layers.streets["street_id"].is_unique
    assert not layers.customers.geometry.is_empty.any()

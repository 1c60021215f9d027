"""Column presets: each register's own file becomes a layer, and a plan; a planner's own preset works the same way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pytest
import shapely

import lastmile_net as lm
from lastmile_net.errors import ConfigError, CrsError, DataError, MissingFileError
from lastmile_net.read.files import ReadOptions, read
from lastmile_net.read.presets import LAYERS, by_layer, column_preset, column_preset_names
from lastmile_net.schema import BACKBONE, CUSTOMERS

if TYPE_CHECKING:
    from lastmile_net.config import PlanConfig

REGISTERS = Path(__file__).with_name("registers")
TABLES = {"availability": str(REGISTERS / "fcc-bdc-availability.csv")}
EGLISE, PEARL = "Rue de l'Église", "PEARL ST"
OWN = """
title = "The water works' meters"
source = "the water works"
layer = "customers"
crs = "EPSG:25832"
location = { x = "east", y = "north" }
where = [{ column = "kind", equals = ["House"] }, { column = "meter", matches = '^M-' }]

[columns]
customer_id = "meter"
street = { column = "address", regexp = '^(.*) \\d', otherwise = "?" }
housenumber = { column = "address", regexp = '(\\d+\\w?)$' }
units = { column = "size", values = { "small" = 1, "large" = 12 } }
signed = { constant = true }
"""
METERS = """Meter;kind;address;size;east;north
M-007;house;Am Markt 3a;small;661234,1;5486321,4
M-7; HOUSE ;Am Markt;LARGE;661254,1;5486321,4
X-8;house;Am Markt 5;small;661274,1;5486321,4
M-9;shed;Am Markt 7;small;661294,1;5486321,4
"""

# name of the sample, then id, street, number, homes, connected of each row that is read
ROWS: dict[str, list[tuple[str, str | None, str | None, int, bool]]] = {
    "arcep-immeubles.csv": [
        ("IMB/01001/C/0007", "RUE DE L'ÉGLISE", "3", 1, True),
        ("IMB/01001/C/0008", "RUE DE L'ÉGLISE", "3bis", 12, False),
        ("IMB/01001/C/0009", "RUE DE L'ÉGLISE", "10", 2, False),
    ],
    "ban.csv": [
        ("01001_0123_00003", EGLISE, "3", 1, False),
        ("01001_0123_00003_bis", EGLISE, "3bis", 1, False),
        ("01001_0123_00010", EGLISE, "10", 1, False),
    ],
    "fcc-bdc.csv": [
        ("0001000001", "W Main St", "12", 1, True),
        ("1000000002", "W Main St", "14B", 8, False),
        ("1000000003", None, None, 1, False),
    ],
    "g-naf.psv": [
        ("GAWA_146611183", "SEARIPPLE ROAD", "7", 1, False),
        ("GAWA_146611184", "SEARIPPLE ROAD", "9A", 2, False),
    ],
    "hauskoordinaten.txt": [
        ("0EBYvAAAAAAAAA03", "Marktplätzchen", "11", 1, False),
        ("DEBYvAAAAAAAAA01", "Marktplatz", "7", 1, False),
        ("DEBYvAAAAAAAAA02", "Marktplatz", "9a", 1, False),
    ],
    "interop-fibre-ipe.csv": [
        ("IMB/01001/X/01", "RUE DE L'EGLISE", "3", 1, True),
        ("IMB/01001/X/02", "RUE DE L'EGLISE", "3B", 14, False),
        ("IMB/01001/X/03", "RUE DE L'EGLISE", "10", 1, False),
    ],
    "nbn.geojson": [
        ("LOC000012345678", None, None, 1, False),
        ("LOC000012345679", None, None, 1, True),
        ("LOC000012345680", None, None, 1, False),
    ],
    "openaddresses.csv": [
        ("000000000000001e", PEARL, "1005 1/2", 1, False),
        ("00b2c3d4e5f60712", PEARL, "1003", 1, False),
        ("0a1b2c3d4e5f6071", PEARL, "1001", 1, False),
    ],
    "os-open-uprn.csv": [
        ("100023336956", None, None, 1, False),
        ("10033544614", None, None, 1, False),
        ("5030", None, None, 1, False),
    ],
    "us-nad.txt": [
        ("{AAAAAAAA-0000-0000-0000-000000000001}", "West Broad Street", "90", 1, False),
        ("{AAAAAAAA-0000-0000-0000-000000000002}", "West Broad Street", "50", 2, False),
        ("{AAAAAAAA-0000-0000-0000-000000000003}", "West Broad Street", "45A", 1, False),
    ],
}
ROWS["openaddresses.geojson"] = ROWS["openaddresses.csv"]
ROLES = {"node-1": "pop", "node-2": "cabinet", "3": "handhole", "span-1": "duct", "span-2": "aerial"}


def options(sample: str) -> ReadOptions:
    """Return how a sample is read: by the preset that it is called after."""
    preset = column_preset(Path(sample).stem)
    return ReadOptions(preset=preset, tables=TABLES if preset.tables else None)


def settings(sample: str) -> PlanConfig:
    """Return the same as settings of a plan, on prices in metres."""
    preset = column_preset(Path(sample).stem)
    tables = TABLES if preset.tables else {}
    return lm.read_config(presets=(preset.name,), tables=tables, prices="metres", rounds=1)


def street_beside(places: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return a street 12 m north of all places, and a cabinet at its west end."""
    there = places.to_crs(places.estimate_utm_crs())
    west, _, east, north = there.total_bounds
    line = shapely.LineString([(west - 30, north + 12), (east + 30, north + 12)])
    ways = gpd.GeoDataFrame({"street_id": ["s"]}, geometry=[line], crs=there.crs)
    cabinet = gpd.GeoDataFrame({"role": ["cabinet"]}, geometry=[shapely.Point(line.coords[0])], crs=there.crs)
    return ways, cabinet


def own(folder: Path, text: str = OWN) -> str:
    """Write a planner's own preset, and return its path."""
    path = folder / "meters.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def meters(folder: Path, text: str = METERS) -> Path:
    """Write the file that the planner's own preset is for."""
    path = folder / "meters.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("sample", sorted(ROWS))
def test_rows_of_a_register(sample: str) -> None:
    """Ids stay text, zeros and all; streets, numbers, homes and who has fibre come out as the register means them."""
    frame = read(REGISTERS / sample, CUSTOMERS, options(sample)).frame
    columns = ["customer_id", "street", "housenumber", "units", "connected"]
    assert list(frame[columns].itertuples(index=False, name=None)) == ROWS[sample]
    assert frame.crs is not None
    assert np.isfinite(frame.to_crs(4326).total_bounds).all()


@pytest.mark.parametrize("sample", sorted(ROWS))
def test_plan_from_a_register(sample: str) -> None:
    """A register's file is enough for a plan: nobody is lost, who has fibre is not dug for again."""
    streets, cabinet = street_beside(read(REGISTERS / sample, CUSTOMERS, options(sample)).frame)
    plan = lm.plan(streets, cabinet, REGISTERS / sample, config=settings(sample))
    told = plan.customers.set_index("customer_id")["outcome"].to_dict()
    assert told == {row[0]: "existing" if row[4] else "planned" for row in ROWS[sample]}


@pytest.mark.parametrize("sample", ["ofds.json", "ofds"])
def test_plan_from_an_ofds_network(sample: str) -> None:
    """A network in the Open Fibre Data Standard is a backbone: what is only planned is not connected to."""
    backbone = read(REGISTERS / sample, BACKBONE, options(sample)).frame
    assert backbone.set_index("backbone_id")["role"].to_dict() == ROLES
    streets, _ = street_beside(backbone)
    homes = gpd.GeoDataFrame({"customer_id": ["a"]}, geometry=[shapely.Point(-0.1727, 5.6262)], crs=4326)
    plan = lm.plan(streets, str(REGISTERS / sample), homes, config=settings(sample))
    assert plan.customers["outcome"].tolist() == ["planned"]
    assert plan.customers["access_point_id"].iloc[0] in ("node-1", "node-2")


def test_every_preset_has_a_sample() -> None:
    """A preset that nobody has tried on a file is a guess."""
    assert {Path(sample).stem for sample in ROWS} | {"ofds"} == set(column_preset_names())


@pytest.mark.parametrize("name", column_preset_names())
def test_presets_tell_their_source(name: str) -> None:
    """A planner must be able to look up what the columns mean."""
    preset = column_preset(name)
    assert preset.title
    assert "https://" in preset.source
    assert LAYERS[preset.layer].key in preset.columns


def test_without_the_second_table_nobody_is_connected() -> None:
    """Locations without availability are a customer list; that nobody counts as connected is said."""
    reading = read(REGISTERS / "fcc-bdc.csv", CUSTOMERS, ReadOptions(preset="fcc-bdc"))
    assert not reading.frame["connected"].any()
    assert any("no table 'availability'" in note and "--table" in note for note in reading.notes)


FLATS = """id;street;nr;flat;town;fibre;lon;lat
b;High Street;5;2;Ayr;yes;-4.6300;55.4600
a;HIGH  street;5;1;Ayr;no;-4.6300;55.4600
c;High Street;5;;Ayr;no;-4.6301;55.4600
d;High Street;5;1;Ayr;no;-4.6300;55.4600
e;High Street;5;1;Troon;no;-4.6300;55.4600
f;High Street;5;1;Ayr;no;-4.6300;55.4800
g;High Street;7;;Ayr;yes;-4.6303;55.4600
h;High Street;7;;Ayr;no;-4.6303;55.4600
i;High Street;;1;Ayr;no;-4.6305;55.4600
j;High Street;;2;Ayr;no;-4.6305;55.4600
"""
FLATS_PRESET = """
title = "Flats"
source = "the town"
layer = "customers"
crs = "EPSG:4326"
flats = { named = ["flat"], within = ["town"] }
location = { x = "lon", y = "lat" }
[columns]
customer_id = "id"
street = "street"
housenumber = "nr"
connected = { column = "fibre", equals = ["yes"] }
"""


@pytest.mark.parametrize("backwards", [False, True])
def test_flats_of_one_address_are_one_customer(tmp_path: Path, backwards: bool) -> None:
    """A house of three flats is dug for once, and counts three homes; its neighbours and namesakes stay themselves."""
    head, *rows = FLATS.splitlines()
    path = meters(tmp_path, "\n".join([head, *(rows[::-1] if backwards else rows)]) + "\n")
    reading = read(path, CUSTOMERS, ReadOptions(preset=own(tmp_path, FLATS_PRESET)))
    frame = reading.frame
    assert frame["customer_id"].tolist() == ["a", "e", "f", "g", "h", "i", "j"]
    assert frame["units"].tolist() == [2, 1, 1, 1, 1, 1, 1]  # flats 1 and 2; the row without one is the house
    assert frame["connected"].tolist() == [False, False, False, True, False, False, False]
    assert frame["units_connected"].iloc[0] == 1
    assert frame["flat_ids"].iloc[0] == "a;b;c;d"
    assert frame["flat_ids"].iloc[1:].isna().all()
    assert not {"(flat)", "(area)"} & set(frame.columns)
    assert any("4 rows are flats" in note for note in reading.notes)


def test_flats_need_an_address(tmp_path: Path) -> None:
    """Without street and house number nothing tells which flats belong together."""
    with pytest.raises(ConfigError, match="flats need"):
        column_preset(own(tmp_path, FLATS_PRESET.replace('housenumber = "nr"\n', "")))


def test_own_preset(tmp_path: Path) -> None:
    """Filter, rename, constant, regexp, translation and CRS work in a file of the planner's own."""
    reading = read(meters(tmp_path), CUSTOMERS, ReadOptions(preset=own(tmp_path)))
    columns = ["customer_id", "street", "housenumber", "units", "signed"]
    assert reading.frame[columns].to_numpy().tolist() == [
        ["M-007", "Am Markt", "3a", 1, True],
        ["M-7", "?", None, 12, True],
    ]
    assert reading.frame.crs == 25832
    assert any("2 of 4 rows are left out" in note for note in reading.notes)
    assert "address" in reading.frame


def test_paths_in_a_config_start_from_its_folder(tmp_path: Path) -> None:
    """A project folder works from wherever the command is run."""
    own(tmp_path)
    shutil.copy(TABLES["availability"], tmp_path / "bdc.csv")
    config = tmp_path / "lastmile.toml"
    config.write_text('presets = ["meters.toml", "ofds"]\n[tables]\navailability = "bdc.csv"\n')
    found = lm.read_config(config)
    assert found.presets == (str(tmp_path / "meters.toml"), "ofds")
    assert found.tables == {"availability": str(tmp_path / "bdc.csv")}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('layer = "customers"', 'layer = "homes"', ["no layer 'homes'", "customers"]),
        ('customer_id = "meter"', 'nummer = "meter"', ["no column nummer", "customer_id"]),
        (
            'customer_id = "meter"',
            'customer_id = { colunm = "meter" }',
            ["customer_id.colunm'", "Did you mean 'column'"],
        ),
        ("'^M-'", "'(M-'", ["where.matches'", "entry 2", "no regular expression"]),
        ("regexp = '(\\\\d+\\\\w?)$'", "regexp = '\\\\d+'", ["columns.housenumber", "does not fit"]),
        ("{ constant = true }", "{ constant = true, column = 'x' }", ["columns.signed", "exactly one of"]),
        ("{ constant = true }", '{ found_in = "bills" }', ["no table called bills"]),
        ('title = "', "title = ", ["not valid TOML"]),
        ('title = "The water works\' meters"', "", ["title", "is missing"]),
    ],
)
def test_faults_of_a_preset(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    """A typing error in a preset is named with its place; it never silently gives defaults."""
    text = OWN.replace(old.replace("\\\\", "\\"), new.replace("\\\\", "\\"))
    assert text != OWN
    with pytest.raises(ConfigError) as caught:
        column_preset(own(tmp_path, text))
    for word in words:
        assert word in str(caught.value)


def test_all_missing_columns_at_once(tmp_path: Path) -> None:
    """The wrong file for a preset shows at once: what it lacks, and what it has instead."""
    path = meters(tmp_path, "nr;kind\n1;house\n")
    with pytest.raises(DataError) as caught:
        read(path, CUSTOMERS, ReadOptions(preset=own(tmp_path)))
    for word in ("meter, address, size, east, north", "nr, kind"):
        assert word in str(caught.value)


def test_unknown_words_are_faults(tmp_path: Path) -> None:
    """A size that the preset does not know must not become one home."""
    path = meters(tmp_path, METERS.replace("LARGE", "huge"))
    with pytest.raises(DataError, match="does not know 'huge'"):
        read(path, CUSTOMERS, ReadOptions(preset=own(tmp_path)))


def test_rows_keep_their_numbers(tmp_path: Path) -> None:
    """A message names the row of the file, not of what a filter left."""
    path = meters(tmp_path, METERS.replace("M-7; HOUSE", "; HOUSE").replace("M-007;house", "M-007;shed"))
    path.write_text(path.read_text().replace("661254,1", "here").replace("X-8", "M-8"))
    text = OWN.replace(", { column = \"meter\", matches = '^M-' }", "")
    with pytest.raises(DataError, match=r"column 'east': is no coordinate: 'here' \(rows 2\)"):
        read(path, CUSTOMERS, ReadOptions(preset=own(tmp_path, text)))


def test_two_zones_in_one_file(tmp_path: Path) -> None:
    """Coordinates of two zones in one column cannot be one layer."""
    text = (REGISTERS / "hauskoordinaten.txt").read_text().replace("32661290,003", "33261290,003")
    (tmp_path / "homes.txt").write_text(text)
    with pytest.raises(CrsError, match="in 2 CRS: EPSG:4647, EPSG:5650"):
        read(tmp_path / "homes.txt", CUSTOMERS, ReadOptions(preset="hauskoordinaten"))


def test_a_file_with_the_header_that_it_should_not_have(tmp_path: Path) -> None:
    """Some offices put the names in front: that line is no house."""
    names = ";".join(column_preset("hauskoordinaten").header)
    (tmp_path / "homes.txt").write_text(names + "\n" + (REGISTERS / "hauskoordinaten.txt").read_text())
    frame = read(tmp_path / "homes.txt", CUSTOMERS, ReadOptions(preset="hauskoordinaten")).frame
    assert len(frame) == 3


@pytest.mark.parametrize("content", ["[]", "{", '{"nodes": 3}', '{"features": [1, {"properties": 4}]}', "[" * 100_000])
def test_broken_networks(tmp_path: Path, content: str) -> None:
    """What is no OFDS network is refused with its name."""
    (tmp_path / "net.json").write_text(content)
    with pytest.raises(DataError, match=r"net\.json"):
        read(tmp_path / "net.json", BACKBONE, ReadOptions(preset="ofds"))


def test_presets_must_fit_together(tmp_path: Path) -> None:
    """Two presets for one layer, a table nobody asks for, a preset that is not there: each is named."""
    with pytest.raises(ConfigError, match="both for the layer customers"):
        by_layer(["ban", "nbn"])
    with pytest.raises(ConfigError, match="no preset asks for a table 'bills'"):
        by_layer(["fcc-bdc"], ["bills"])
    with pytest.raises(MissingFileError, match="no column preset 'bna'"):
        by_layer(["bna"])
    streets, cabinet = street_beside(read(REGISTERS / "ban.csv", CUSTOMERS, options("ban.csv")).frame)
    with pytest.raises(DataError, match="ofds has no backbone to read"):
        lm.plan(streets, None, REGISTERS / "ban.csv", config=lm.read_config(presets=("ban", "ofds"), pop=(4.9, 46.1)))
    assert own(tmp_path) and len(cabinet) == 1

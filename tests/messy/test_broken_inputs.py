"""Seventy small broken inputs: each gives its exact fault, or its exact finding, and never a traceback."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from .town import CABINET, CROSS, HOMES, LONG, Town, features, line, point

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOO_FEW_HOMES = "homes.csv, column 'units': is below 1 (rows h2). Write 1 or more; leave the cell empty where the value is not known."
ENTITY = '<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
KML = f'<?xml version="1.0"?>{ENTITY}<kml><Placemark><name>&x;</name></Placemark></kml>'
SOURCE = "<SrcDataSource>/etc/passwd</SrcDataSource>"
VRT = f'<OGRVRTDataSource><OGRVRTLayer name="homes">{SOURCE}</OGRVRTLayer></OGRVRTDataSource>'


def zipped(name: str, content: str) -> bytes:
    """Return an archive with one file."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return held.getvalue()


# by name: a town with one thing wrong, and the faults that stop it, or the findings (code: rows) if it can be read
CASES: dict[str, tuple[Callable[[], Town], list[str]]] = {
    "clean": (lambda: Town(), []),
    "missing_file": (lambda: Town().named("customers", "nobody.csv"), ["nobody.csv: no such file. Check the path."]),
    "empty_file": (
        lambda: Town().with_file("customers", "homes.csv", ""),
        ["homes.csv: the file is empty. Check that it is the right one."],
    ),
    "header_only": (
        lambda: Town().with_file("customers", "homes.csv", HOMES.split("\n")[0] + "\n"),
        ["homes.csv: has no rows. Check that it is the right file and layer."],
    ),
    "no_id_column": (
        lambda: Town().homes("customer_id", "nr"),
        [
            "homes.csv, column 'customer_id': required column is missing. Name the column that holds it in lastmile.toml (--config), under [mapping.customers]; there are: housenumber, lat, lon, nr, street, units."
        ],
    ),
    "no_coordinates": (
        lambda: Town().homes("lon,lat", "a,b"),
        [
            "homes.csv: has no geometry and no columns of coordinates. Call them lon and lat, x and y, or wkt; there are: customer_id, a, b, units, street, housenumber."
        ],
    ),
    "name_twice": (
        lambda: Town().homes("units", "lon"),
        ["homes.csv, column 'lon': the name occurs twice in the header. Rename one of them."],
    ),
    "nameless_column": (
        lambda: Town().homes("units", ""),
        ["homes.csv: a column has no name. Give each column a name in the first line."],
    ),
    "long_rows": (
        lambda: Town().homes("h2,11.282123", "h2,9,11.282123"),
        [
            "homes.csv: 1 row has more cells than the header has names (6) (rows 2). Put cells that hold the delimiter in quotation marks."
        ],
    ),
    "open_quote": (
        lambda: Town().homes("h2,", '"h2,'),
        [
            "homes.csv: line 3 is no table row: unexpected end of data. Mend the line; a quotation mark that is never closed is the usual cause."
        ],
    ),
    "duplicate_ids": (
        lambda: Town().homes("h2,", "h1,"),
        [
            "homes.csv, column 'customer_id': one id occurs more than once (rows h1). Give each row its own id, or name another column in the mapping."
        ],
    ),
    "ids_cut_by_a_spreadsheet": (
        lambda: Town().homes("h2,", "1.23457E+15,"),
        [
            "homes.csv, column 'customer_id': ids have lost their digits in a spreadsheet (rows 1.23457E+15). Format the column as text and take it from the source again."
        ],
    ),
    "text_for_a_number": (
        lambda: Town().homes("4,Long", "many,Long"),
        [
            "homes.csv, column 'units': is no whole number: 'many' (rows h2). Write whole numbers only; leave the cell empty where the value is not known."
        ],
    ),
    "half_a_home": (
        lambda: Town().homes("4,Long", "1.5,Long"),
        [
            "homes.csv, column 'units': is no whole number: '1.5' (rows h2). Write whole numbers only; leave the cell empty where the value is not known."
        ],
    ),
    "perhaps_connected": (
        lambda: Town().homes("units", "connected").homes("4,Long", "perhaps,Long"),
        [
            "homes.csv, column 'connected': is no yes or no: 'perhaps' (rows h2). Write yes or no, true or false, 1 or 0; an empty cell is the default."
        ],
    ),
    "text_for_a_coordinate": (
        lambda: Town().homes("11.282123", "east"),
        [
            "homes.csv, column 'lon': is no coordinate: 'east' (rows h2). Write plain numbers, or set on_bad_rows = \"quarantine\" to go on without them."
        ],
    ),
    "coordinate_missing": (
        lambda: Town().homes("11.282123", ""),
        [
            "homes.csv, column 'geometry': is missing or empty (rows h2). Give these rows a location, or set on_bad_rows = \"quarantine\" to go on without them."
        ],
    ),
    "coordinate_infinite": (
        lambda: Town().homes("11.282123", "inf"),
        [
            "homes.csv, column 'geometry': has a coordinate that is not a number (rows h2). Correct these rows, or set on_bad_rows = \"quarantine\" to go on without them."
        ],
    ),
    "beyond_the_pole": (
        lambda: Town().homes("49.510212", "149.510212"),
        [
            "homes.csv, column 'geometry': is beyond the poles or the date line (rows h2). Correct these rows, or set on_bad_rows = \"quarantine\" to go on without them."
        ],
    ),
    "null_island": (lambda: Town().homes("11.282123,49.510212", "0,0"), ["null_island: h2", "far_from_street: h2"]),
    "one_swapped_row": (
        lambda: Town().homes("11.282123,49.510212", "49.510212,11.282123"),
        [
            'homes.csv: latitude and longitude are swapped in some rows (rows h2). Swap them there, or set on_bad_rows = "quarantine" to go on without them.'
        ],
    ),
    "all_swapped": (
        lambda: Town().homes("lon,lat", "lat,lon"),
        [
            "homes.csv: latitude and longitude are swapped: with x and y exchanged it lies where the other layers do. Swap them: x is longitude, y is latitude."
        ],
    ),
    "far_away_row": (
        lambda: Town().homes("11.282123,49.510212", "11.382123,49.510212"),
        ["outside_extent: h2", "far_from_street: h2"],
    ),
    "far_from_street": (lambda: Town().homes("49.510212", "49.512312"), ["far_from_street: h2"]),
    "coarse": (lambda: Town().homes("11.283123,49.510213", "11.28,49.51"), ["coarse_coordinates: h3"]),
    "zero_homes": (lambda: Town().homes("4,Long", "0,Long"), [TOO_FEW_HOMES]),
    "absurd_homes": (lambda: Town().homes("4,Long", "40000,Long"), ["units_absurd: h2"]),
    "negative_homes": (lambda: Town().homes("4,Long", "-4,Long"), [TOO_FEW_HOMES]),
    "one_spot": (lambda: Town().homes("11.282123,49.510212", "11.281123,49.510211"), ["one_spot: h1, h2"]),
    "address_twice": (lambda: Town().homes("Long Street,2", "long  street,1"), ["address_twice: h1, h2"]),
    "other_street": (lambda: Town().homes("Long Street,2", "Cross Street,2"), ["street_not_here: h2"]),
    "unknown_street": (lambda: Town().homes("Long Street,2", "Lomg Street,2"), ["street_not_here: h2"]),
    "decimal_commas": (
        lambda: Town().with_file("customers", "homes.csv", HOMES.replace(",", ";").replace(".", ",")),
        [],
    ),
    "delimiter_told": (
        lambda: Town().with_file("customers", "homes.csv", "sep=;\r\n" + HOMES.replace(",", ";")),
        [],
    ),
    "utf16_without_mark": (lambda: Town().with_file("customers", "homes.csv", HOMES.encode("utf-16-be")), []),
    "utf16": (lambda: Town().with_file("customers", "homes.csv", HOMES.encode("utf-16")), []),
    "latin1": (
        lambda: Town().with_file(
            "customers", "homes.csv", HOMES.replace("Cross Street", "Kreuzstra\u00dfe").encode("latin-1")
        ),
        ["street_not_here: h4, h5, h6"],
    ),
    "nul_bytes": (lambda: Town().homes("h2,", "h\x002,"), []),
    "metres_without_crs": (
        lambda: Town().with_file(
            "customers", "homes.csv", "customer_id,x,y\na,664869.1,5486571.4\nb,664941.5,5486573.9\n"
        ),
        ["far_from_street: a", "far_from_street: b", "crs_guessed:"],
    ),
    "metres_nowhere": (
        lambda: Town().with_file("customers", "homes.csv", "customer_id,x,y\na,12.5,9000000.4\nb,13.5,9000001.9\n"),
        [
            "homes.csv: has no CRS, its values are not degrees, and no CRS puts it where the other layers lie. Say which one it is in, for example --crs EPSG:25832."
        ],
    ),
    "wkt_broken": (
        lambda: Town().with_file(
            "customers", "homes.csv", "customer_id,wkt\na,POINT (11.281 49.5102)\nb,POINT (11.281\n"
        ),
        [
            "homes.csv, column 'wkt': is no WKT, WKB or GeoJSON geometry (rows b). Correct these cells, or set on_bad_rows = \"quarantine\" to go on without them."
        ],
    ),
    "entities": (
        lambda: Town().with_file("customers", "homes.kml", KML),
        [
            "homes.kml: the file points to something outside of itself (<!DOCTYPE): it is not opened. Convert it to a GeoPackage with a tool you trust, and name that."
        ],
    ),
    "entities_behind_a_long_comment": (
        lambda: Town().with_file(
            "customers", "homes.kml", KML.replace("<!DOCTYPE", "<!--" + "x" * 100000 + "--><!DOCTYPE")
        ),
        [
            "homes.kml: the file points to something outside of itself (<!DOCTYPE): it is not opened. Convert it to a GeoPackage with a tool you trust, and name that."
        ],
    ),
    "virtual_file": (
        lambda: Town().with_file("customers", "homes.vrt", VRT),
        [
            "homes.vrt: the file points to something outside of itself (<OGRVRTDataSource): it is not opened. Convert it to a GeoPackage with a tool you trust, and name that."
        ],
    ),
    "network_path": (
        lambda: Town().named("customers", "/vsicurl/http://127.0.0.1/homes.gpkg"),
        [
            "/vsicurl/http://127.0.0.1/homes.gpkg: only files on disk and PostgreSQL databases are read. Download it, and name the file; for a database write postgresql://user@host/name with a table."
        ],
    ),
    "archive_with_a_way_out": (
        lambda: Town().with_file("customers", "homes.zip", zipped("../homes.csv", HOMES)),
        ["homes.zip: the archive holds a path out of itself: ../homes.csv. Do not use it."],
    ),
    "bomb": (
        lambda: Town().with_file("customers", "homes.csv.gz", gzip.compress(b"0" * 30_000_000)),
        ["homes.csv.gz: unpacked it would be too big to be a map. Unpack it by hand, and look what it is."],
    ),
    "garbage": (
        lambda: Town().with_file("customers", "homes.gpkg", b"\x00\x01garbage" * 40),
        ["homes.gpkg: cannot be read: ..."],
    ),
    "no_feature": (
        lambda: Town().with_file(
            "streets", "streets.geojson", features(LONG, CROSS).replace('"Feature"', '"feature"', 1)
        ),
        [
            'streets.geojson: some members of `features` are no features, and would be left out (rows 1). Give each of them "type": "Feature".'
        ],
    ),
    "half_a_json": (
        lambda: Town().with_file("streets", "streets.geojson", features(LONG, CROSS)[:200]),
        ["streets.geojson: cannot be read: ..."],
    ),
    "points_for_streets": (
        lambda: Town().with_streets((point(1, 0), {"street_id": "p"}), LONG),
        [
            "streets.geojson, column 'geometry': is Point, not LineString (rows p). Check that this is the right layer, take these rows out, or set on_bad_rows = \"quarantine\" to go on without them."
        ],
    ),
    "street_without_shape": (
        lambda: Town().with_streets((None, {"street_id": "n"}), LONG, CROSS),
        [
            "streets.geojson, column 'geometry': is missing or empty (rows n). Give these rows a location, or set on_bad_rows = \"quarantine\" to go on without them."
        ],
    ),
    "street_without_length": (
        lambda: Town().with_streets(LONG, CROSS, (line((6, 1), (6, 1)), {"street_id": "z"})),
        ["no_length: z"],
    ),
    "near_miss": (
        lambda: Town().with_streets(LONG, (line((5.013, 0.021), (5.013, 4.011)), CROSS[1])),
        ["near_miss: cross, long", "island: cross"],
    ),
    "island": (lambda: Town().with_streets(LONG, (line((5.013, 0.211), (5.013, 4.011)), CROSS[1])), ["island: cross"]),
    "crossing_without_node": (
        lambda: Town().with_streets(
            LONG, (line((5.013, -1), (5.013, 4.011)), CROSS[1]), (line((3.3, -1), (3.4, 1)), {"street_id": "x"})
        ),
        ["crossing_without_node: cross, long", "crossing_without_node: long, x"],
    ),
    "street_of_one_place": (
        lambda: Town().with_streets(LONG, CROSS, (line((1, 1)), {"street_id": "stub"})),
        [
            "streets.geojson, column 'geometry': is missing or empty (rows stub). Give these rows a location, or set on_bad_rows = \"quarantine\" to go on without them."
        ],
    ),
    "overlap": (
        lambda: Town().with_streets(LONG, CROSS, (line((5.013, 0.011), (9.013, 0.011)), {"street_id": "twin"})),
        ["overlap: long, twin"],
    ),
    "self_crossing": (
        lambda: Town().with_streets(
            LONG, CROSS, (line((5.013, 4.011), (6, 5), (6, 6), (5.2, 5), (6.5, 5)), {"street_id": "knot"})
        ),
        ["self_crossing: knot"],
    ),
    "bridge_words": (
        lambda: Town().with_streets((LONG[0], {**LONG[1], "bridge": "F"}), (CROSS[0], {**CROSS[1], "bridge": "0"})),
        [],
    ),
    "no_backbone": (
        lambda: Town().named("backbone", ""),
        [
            "backbone: there is no backbone to connect to. Name a backbone file, or give the place to start from with --pop LON,LAT."
        ],
    ),
    "empty_backbone": (
        lambda: Town().with_backbone(),
        [
            "backbone.geojson: has no rows. Check that it is the right file and layer. Or give the place to start from with --pop LON,LAT."
        ],
    ),
    "role_that_is_none": (
        lambda: Town().with_backbone((CABINET[0], {"backbone_id": "k", "role": "antenna"})),
        [
            "backbone.geojson, column 'role': unknown value 'antenna' (rows k). Known are: feeder, distribution, duct, drop, aerial, pop, cabinet, splitter, closure, handhole, pole."
        ],
    ),
    "role_of_a_line": (
        lambda: Town().with_backbone((CABINET[0], {"backbone_id": "k", "role": "feeder"})),
        [
            "backbone.geojson, column 'role': a point cannot be: feeder (rows k). A point is one of: pop, cabinet, splitter, closure, handhole, pole."
        ],
    ),
    "few_ports": (lambda: Town().with_backbone((CABINET[0], {**CABINET[1], "ports_free": 4})), ["ports_short:"]),
    "negative_ports": (
        lambda: Town().with_backbone((CABINET[0], {**CABINET[1], "ports_free": -3})),
        [
            "backbone.geojson, column 'ports_free': is below 0 (rows k). Write 0 or more; leave the cell empty where the value is not known."
        ],
    ),
    "more_ports_than_homes_on_earth": (
        lambda: Town().with_backbone((CABINET[0], {**CABINET[1], "ports_free": 1e30})),
        [
            "backbone.geojson, column 'ports_free': is above 1e+12 (rows k). Write 1e+12 or less; leave the cell empty where there is no limit."
        ],
    ),
    "gold_plated_street": (
        lambda: Town().with_streets((LONG[0], {**LONG[1], "cost_factor": 1e300}), CROSS),
        [
            "streets.geojson, column 'cost_factor': is above 1e+06 (rows long). Write 1e+06 or less; leave the cell empty where the value is not known."
        ],
    ),
    "off_street": (
        lambda: Town().with_backbone(
            CABINET, (line((0.013, 0.011), (0.013, 3)), {"backbone_id": "w", "role": "distribution"})
        ),
        ["off_street: w"],
    ),
    "backbone_elsewhere": (
        lambda: Town().with_backbone((point(100, 100), CABINET[1])),
        ["no_overlap:", "island: cross, long", "off_street: k", "coarse_coordinates: k"],
    ),
    "pop_nowhere": (
        lambda: Town().set(pop=(200.0, 95.0)),
        ["--pop: 200.0,95.0 is no place on earth. Give longitude first, then latitude, in degrees: --pop 11.28,49.51."],
    ),
    "crs_unknown": (
        lambda: Town().set(crs="EPSG:99999"),
        [
            "--crs: 'EPSG:99999' is not a known CRS. Give it as EPSG:number, for example EPSG:25832; https://epsg.org lists them."
        ],
    ),
    "crs_of_the_web": (
        lambda: Town().set(crs="EPSG:3857"),
        [
            "WGS 84 / Pseudo-Mercator is a map of the world: its metres grow towards the poles. Give a projected CRS in metres with --crs, for example the UTM zone, or leave it out to have one chosen."
        ],
    ),
    "crs_of_elsewhere": (
        lambda: Town().set(crs="EPSG:32755"),
        [
            "lengths in WGS 84 / UTM zone 55S are off by 12.2 % where the layers lie. Give a projected CRS in metres with --crs, for example the UTM zone, or leave it out to have one chosen."
        ],
    ),
    "mapping_misspelt": (
        lambda: Town().set(mapping={"customers": {"units": "flast"}, "roads": {}}),
        [
            "[mapping]: there is no layer 'roads'. Layers are: streets, backbone, customers, barriers, excluded, rail_water.",
            "homes.csv, column 'flast': the mapping takes 'units' from a column that is not there. There are: customer_id, housenumber, lat, lon, street, units.",
        ],
    ),
    "everything_wrong": (
        lambda: (
            Town()
            .with_file("streets", "streets.geojson", "{")
            .homes("4,Long", "many,Long")
            .homes("11.283123", "east")
            .with_backbone((CABINET[0], {**CABINET[1], "role": "antenna"}))
        ),
        [
            "streets.geojson: cannot be read: ...",
            "backbone.geojson, column 'role': unknown value 'antenna' (rows k). Known are: feeder, distribution, duct, drop, aerial, pop, cabinet, splitter, closure, handhole, pole.",
            "homes.csv, column 'lon': is no coordinate: 'east' (rows h3). Write plain numbers, or set on_bad_rows = \"quarantine\" to go on without them.",
            "homes.csv, column 'units': is no whole number: 'many' (rows h2). Write whole numbers only; leave the cell empty where the value is not known.",
        ],
    ),
    "quarantined": (
        lambda: (
            Town()
            .set(on_bad_rows="quarantine")
            .homes("11.282123,49.510212", "0,0")
            .homes("11.283123", "east")
            .homes("11.285213,49.511123", "49.511123,11.285213")
            .homes("11.285214", "")
        ),
        ["invalid_location: h3", "invalid_location: h5", "swapped_axes: h4", "null_island: h2"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_says_exactly_this(tmp_path: Path, name: str) -> None:
    """A planner who is told something vague, or something else, mends the wrong thing."""
    make, expected = CASES[name]
    said = make().says(tmp_path)
    assert [text.partition("cannot be read: ")[0] for text in said] == [
        text.partition("cannot be read: ")[0] for text in expected
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Reading from a pipe into which nobody writes, or from /dev/zero, would never end."""
    os.mkfifo(tmp_path / "pipe.csv")
    said = Town().named("customers", "pipe.csv").says(tmp_path)
    assert said == ["pipe.csv: is neither a file nor a folder. Save its content in a file."]
    said = Town().named("customers", "/dev/zero").says(tmp_path)
    assert said == ["/dev/zero: is neither a file nor a folder. Save its content in a file."]


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    """A folder may carry the name of a file."""
    (tmp_path / "rows.csv").mkdir()
    said = Town().named("customers", "rows.csv").says(tmp_path)
    assert said == ["rows.csv: is a folder, not a file. Name a file in it."]


def test_there_are_enough_of_them() -> None:
    """Forty ways to break a file are the least that a planner's first week holds."""
    assert len(CASES) >= 40


def test_nobody_is_lost_in_quarantine(tmp_path: Path) -> None:
    """Four bad rows of six: all six are customers, and the four are told with their reasons, as they came."""
    layers, _ = CASES["quarantined"][0]().read(tmp_path)
    assert layers.customers["customer_id"].tolist() == ["h1", "h2", "h3", "h4", "h5", "h6"]
    assert layers.customers["customer_id"][layers.customers.geometry.isna()].tolist() == ["h2", "h3", "h4", "h5"]
    rejected = layers.rejected["customers"].set_index("customer_id")
    assert rejected["code"].to_dict() == {
        "h2": "null_island",
        "h3": "invalid_location",
        "h4": "swapped_axes",
        "h5": "invalid_location",
    }
    assert rejected.loc["h3", "lon"] == "east"

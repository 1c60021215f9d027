"""Any planner's file: what is read, what is refused, and that each refusal names rows and cure."""

from __future__ import annotations

import gzip
import json
import zipfile
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from lastmile_net.errors import CrsError, DataError, LastMileError, MissingFileError
from lastmile_net.read.files import ReadOptions, read, read_layer
from lastmile_net.schema import BACKBONE, BARRIERS, CUSTOMERS, RAIL_WATER, STREETS

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.read.files import Reading

DRIVERS = {"kml": "LIBKML", "sqlite": "SQLite", "tab": "MapInfo File"}
HOME = shapely.Point(11.28, 49.51)


def homes(count: int = 3, **columns: list[object]) -> gpd.GeoDataFrame:
    """Return a few good customers."""
    ids = [f"{number:03}" for number in range(1, count + 1)]
    places = [shapely.Point(11.28 + number / 1000, 49.51) for number in range(count)]
    return gpd.GeoDataFrame({"customer_id": ids, **columns}, geometry=places, crs=4326)


def ways(**columns: list[object]) -> gpd.GeoDataFrame:
    """Return three streets, the second of them drawn against the first."""
    lines = [
        shapely.LineString([(0, 0), (1000, 10)]),
        shapely.LineString([(1000, 10), (0, 0)]),
        shapely.MultiLineString([[(1, 1), (2, 1)], [(3, 3), (4000, 4)]]),
    ]
    return gpd.GeoDataFrame({"name": ["x", "y", "z"], **columns}, geometry=lines, crs=25832)


def table(folder: Path, content: str | bytes, name: str = "homes.csv") -> Path:
    """Write a file as it is."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def faults(source: object, layer: object = CUSTOMERS, **options: object) -> list[str]:
    """Return the messages of the one error that reading raises."""
    with pytest.raises(DataError) as caught:
        read_layer(source, layer, **options)
    assert all(fault.cure for fault in caught.value.faults)
    return [str(fault) for fault in caught.value.faults]


class TestColumns:
    """The schema's columns, typed, with their defaults, whatever the source holds."""

    def test_all_columns_in_their_order(self) -> None:
        """The network reads columns by name and type: none may be missing, the planner's own stay behind them."""
        frame = read_layer(homes(colour=["red", None, "blue"]), CUSTOMERS)
        assert tuple(frame.columns) == (*CUSTOMERS.names, "colour", "geometry")
        assert frame["units"].dtype == np.int64
        assert frame["units"].tolist() == [1, 1, 1]
        assert frame["connected"].dtype == bool
        assert frame["units_connected"].dtype == "Int64"
        assert frame["street"].tolist() == [None, None, None]
        assert frame["revenue"].isna().all()

    def test_a_missing_column_is_looked_for_among_those_of_the_file(self, tmp_path: Path) -> None:
        """Whoever must name a column needs those of the file, not what reading has made of them."""
        given = table(tmp_path, "nr,lon,lat,homes,include_,Street\n7,11.2,49,3,1,Way\n")
        (message,) = faults(given)
        assert message.endswith("under [mapping.customers]; there are: Street, homes, include_, lat, lon, nr.")

    def test_does_not_change_its_argument(self) -> None:
        """A library caller goes on with its own table."""
        given = homes(units=["2", "", "3"])
        before = given.copy(deep=True)
        read_layer(given, CUSTOMERS)
        pd.testing.assert_frame_equal(given, before)

    @pytest.mark.parametrize("crs", [None, "EPSG:4326"])
    def test_leading_zeros_stay(self, tmp_path: Path, crs: str | None) -> None:
        """A register's key is text: 007 and 7 are two customers."""
        frame = read_layer(table(tmp_path, "customer_id,lon,lat\n007,11.2,49\n7,11.3,49\n"), CUSTOMERS, crs=crs)
        assert frame["customer_id"].tolist() == ["007", "7"]

    @pytest.mark.parametrize("ids", [[1.0, 2.0, 30.0], ["1.0", "2.0", "30.0"]])
    def test_ids_from_a_spreadsheet(self, ids: list[object]) -> None:
        """`0123.0` matches nothing in the register any more: the tail goes, and the planner is told."""
        reading = read(homes().assign(customer_id=ids), CUSTOMERS)
        assert reading.frame["customer_id"].tolist() == ["1", "2", "30"]
        assert "spreadsheet" in reading.notes[0]

    def test_ids_that_a_spreadsheet_has_cut(self) -> None:
        """Digits that are lost cannot be brought back: refused with the rows."""
        (message,) = faults(homes().assign(customer_id=["1.23457E+15", "a", "b"]))
        assert "lost their digits" in message
        assert "1.23457E+15" in message

    @pytest.mark.parametrize(
        ("cells", "answers"),
        [
            ([1, 0, None], [True, False, False]),
            (["ja", "Nein", ""], [True, False, False]),
            (["YES", "no", "n/a"], [True, False, False]),
            (["wahr", "0.0", " x "], [True, False, True]),
            ([True, False, None], [True, False, False]),
        ],
    )
    def test_yes_and_no(self, cells: list[object], answers: list[bool]) -> None:
        """A flag that is read the wrong way plans trenches to who is served already."""
        assert read_layer(homes(connected=cells), CUSTOMERS)["connected"].tolist() == answers

    def test_wrong_cells_are_named(self) -> None:
        """One message for all columns, with the ids of the rows."""
        messages = faults(
            homes(units=["many", "1.5", "2"], connected=["perhaps", "1", "0"], revenue=["-inf", "1", "2"])
        )
        assert len(messages) == 3
        assert "column 'units'" in messages[0]
        assert "(rows 001, 002)" in messages[0]
        assert "'perhaps'" in messages[1]
        assert "column 'revenue'" in messages[2]

    def test_unlimited_ports(self) -> None:
        """`inf` in a column where empty is unlimited says the same."""
        points = gpd.GeoDataFrame(
            {"ports_free": ["inf", "12", ""]}, geometry=[HOME, shapely.Point(11, 49), shapely.Point(11, 50)], crs=4326
        )
        ports = read_layer(points, BACKBONE)["ports_free"]
        assert sorted(ports.dropna()) == [12.0]

    def test_mapping_wins(self) -> None:
        """The planner's word stands over a column that happens to have the name."""
        given = homes(units=[1, 1, 1], flats=[4, 5, 6], nr=["c", "b", "a"])
        frame = read_layer(given, CUSTOMERS, mapping={"units": "flats", "customer_id": "nr"})
        assert frame["units"].tolist() == [6, 5, 4]
        assert frame["customer_id_"].tolist() == ["003", "002", "001"]

    def test_mapping_with_errors(self) -> None:
        """A typing error in a mapping must not silently give defaults."""
        messages = faults(homes(), mapping={"units": "flast", "homes": "units"})
        assert any("'flast'" in message and "customer_id" in message for message in messages)
        assert any("'homes'" in message for message in messages)

    def test_messages_name_the_column_of_the_file(self) -> None:
        """Whoever mends a file looks for its own heading: `units` stands nowhere in it."""
        given = homes(WE=["many", "1", "2"], Paid=[1, 5, 1], Nr=["a", "b", "b"]).drop(columns="customer_id")
        told = faults(given, mapping={"units": "WE", "customer_id": "Nr", "units_connected": "Paid"})
        assert [message[: message.index(":", 12)] for message in told] == [
            "customers, column 'WE'",
            "customers, column 'Paid'",
            "customers, column 'Nr'",
        ]
        assert "is above the row's `WE`. Write `WE` or less" in told[1].replace(" (rows b)", "")

    def test_names_of_shapefiles(self, tmp_path: Path) -> None:
        """A shapefile cuts names after ten letters and shouts: the columns are still known."""
        homes(housenumber=["1", "2a", "3"], connected=[1, 0, 0]).rename(columns=str.upper).rename(
            columns={"GEOMETRY": "geometry"}
        ).set_geometry("geometry").rename(columns={"CUSTOMER_ID": "CUSTOMER_I", "HOUSENUMBER": "HOUSENUMBE"}).to_file(
            tmp_path / "homes.shp"
        )
        frame = read_layer(tmp_path / "homes.shp", CUSTOMERS)
        assert frame["customer_id"].tolist() == ["001", "002", "003"]
        assert frame["housenumber"].tolist() == ["1", "2a", "3"]
        assert frame["connected"].tolist() == [True, False, False]

    def test_required_column(self) -> None:
        """Customers without ids cannot be found again in the register: the columns there are get listed."""
        messages = faults(homes().rename(columns={"customer_id": "nummer"}))
        assert "customer_id" in messages[0]
        assert "nummer" in messages[0]

    def test_id_under_another_name_is_noted(self) -> None:
        """A guess is only good if the planner sees it."""
        reading = read(homes().rename(columns={"customer_id": "GID"}), CUSTOMERS)
        assert reading.frame["customer_id"].tolist() == ["001", "002", "003"]
        assert "'GID' is taken for customer_id" in reading.notes[0]

    def test_lists_become_text(self) -> None:
        """Osmnx hands over lists, which no GeoPackage holds."""
        frame = read_layer(ways(osmid=[1, [2, 3], 4], lanes=[["1", "2"], None, "3"]), STREETS)
        assert sorted(frame["street_id"]) == ["1", "2;3", "4"]
        assert set(frame["lanes"].dropna()) == {"1;2", "3"}

    def test_levels_of_other_programs(self) -> None:
        """Geofabrik writes bridge = F: taken for a bridge, every crossing would be cut."""
        assert read_layer(ways(bridge=["F", "T", True]), STREETS).set_index("name")["bridge"].to_dict() == {
            "x": "no",
            "y": "yes",
            "z": "yes",
        }


def besides_units(reading: Reading) -> list[str]:
    """Return what is noted of a source, other than that it has no column `units`."""
    return [str(note) for note in reading.notes if "no column `units`" not in note]


class TestIds:
    """Names that do not depend on the order of rows."""

    def test_row_order_changes_nothing(self) -> None:
        """The same town twice must give the same plan, in whatever order it came."""
        one, other = read_layer(ways(), STREETS), read_layer(ways()[::-1], STREETS)
        pd.testing.assert_frame_equal(one, other)

    def test_direction_changes_nothing(self) -> None:
        """A line drawn the other way is the same street; the two get one name and a number."""
        names = read_layer(ways(), STREETS).set_index("name")["street_id"]
        assert names["y"] == names["x"] + "-2"
        assert names["z"] != names["x"]

    def test_shared_street_ids_are_numbered(self) -> None:
        """A way cut at its junctions comes as several rows of one id, which is no error."""
        reading = read(ways(street_id=["7", "7", "7-2"]), STREETS)
        assert sorted(reading.frame["street_id"]) == ["7", "7-2", "7-3"]
        assert "share their street_id" in reading.notes[0]

    @pytest.mark.parametrize("layer", [CUSTOMERS, BACKBONE])
    def test_duplicate_ids(self, layer: object) -> None:
        """Two premises of one id would be one row in every result: refused."""
        (message,) = faults(homes().assign(customer_id="1", backbone_id="1"), layer)
        assert "more than once" in message
        assert "(rows 1)" in message

    def test_rows_that_repeat_another_in_everything_are_told_as_such(self) -> None:
        """A table that was pasted twice needs no new ids: its repeats are to go, and the planner is told so."""
        twice = pd.concat([homes(), homes().iloc[:2]])
        (message,) = faults(twice)
        assert "2 ids occur more than once, in rows that are alike in everything (rows 001, 002)" in message
        assert message.endswith("Keep one row of each.")
        (message,) = faults(twice.assign(units=[1, 1, 1, 1, 2]))
        assert message.endswith("Give each row its own id, or name another column in the mapping.")

    def test_empty_ids(self) -> None:
        """A row without id is kept, under a name that any order of rows gives it."""
        reading = read(homes().assign(customer_id=["b", None, " "]), CUSTOMERS)
        assert reading.frame["customer_id"].str.match(r"b|c-[0-9a-f]{12}").all()
        (said,) = besides_units(reading)
        assert "2 rows without a customer_id are named after their geometry" in said
        (said,) = besides_units(read(homes().assign(customer_id=["b", None, "c"]), CUSTOMERS))
        assert "1 row without a customer_id is named after its geometry" in said

    def test_sorted_by_id(self) -> None:
        """One canonical order."""
        assert read_layer(homes()[::-1], CUSTOMERS)["customer_id"].tolist() == ["001", "002", "003"]


class TestTables:
    """CSV as it comes."""

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
    def test_delimiters_and_encodings(self, tmp_path: Path, delimiter: str, encoding: str) -> None:
        """Excel alone writes four of these."""
        lines = [("customer_id", "street", "lon", "lat"), ("1", "Große Straße", "11.28", "49.51")]
        content = "\r\n".join(delimiter.join(line) for line in lines).encode(encoding)
        frame = read_layer(table(tmp_path, content), CUSTOMERS)
        assert frame["street"].tolist() == ["Große Straße"]
        assert frame.geometry.iloc[0] == HOME

    @pytest.mark.parametrize(("encoding", "read_as"), [("utf-8", "Náměstí"), ("cp1250", "Námìstí")])
    def test_letters_that_had_to_be_guessed_are_shown(self, tmp_path: Path, encoding: str, read_as: str) -> None:
        """A register from Prague, saved by Excel, is read as Windows-1252: nothing but its letters tells that."""
        content = "customer_id;street;lon;lat\n1;Náměstí;11.28;49.51\n".encode(encoding)
        reading = read(table(tmp_path, content), CUSTOMERS)
        assert reading.frame["street"].tolist() == [read_as]
        assert [f"'{read_as}'" in note for note in besides_units(reading)] == ([] if encoding == "utf-8" else [True])

    @pytest.mark.parametrize(("encoding", "read_as"), [("utf-8", "Náměstí"), ("cp1250", "Námìstí")])
    def test_shapefiles_without_a_code_page(self, tmp_path: Path, encoding: str, read_as: str) -> None:
        """Who sends a shapefile forgets the .cpg: UTF-8 came out with two letters for one, and nothing was said."""
        homes(1, street=["Náměstí"]).rename(columns={"customer_id": "customer_i"}).to_file(
            tmp_path / "homes.shp", encoding=encoding
        )
        (tmp_path / "homes.cpg").unlink()
        reading = read(tmp_path / "homes.shp", CUSTOMERS, ReadOptions(mapping={"customer_id": "customer_i"}))
        assert reading.frame["street"].tolist() == [read_as]
        assert [f"'{read_as}'" in note for note in besides_units(reading)] == ([] if encoding == "utf-8" else [True])

    @pytest.mark.parametrize("name", ["homes.csv", "homes.csv.gz", "homes.zip", "homes.shp"])
    def test_the_encoding_of_text_can_be_named(self, tmp_path: Path, name: str) -> None:
        """Who sees `Námìstí` in a note must be able to say what the letters are, in whatever the text comes."""
        content = "customer_i;street;lon;lat\n1;Náměstí;11.28;49.51\n".encode("cp1250")
        (tmp_path / "homes.csv").write_bytes(content)
        with gzip.open(tmp_path / "homes.csv.gz", "wb") as file:
            file.write(content)
        with zipfile.ZipFile(tmp_path / "homes.zip", "w") as archive:
            archive.writestr("homes.csv", content)
        frame = homes(1, street=["Náměstí"]).rename(columns={"customer_id": "customer_i"})
        frame.to_file(tmp_path / "homes.shp", encoding="cp1250")
        (tmp_path / "homes.cpg").write_text("ISO-8859-1")  # what it tells wrongly is overruled, too
        mapping = {"customer_id": "customer_i"}
        reading = read(tmp_path / name, CUSTOMERS, ReadOptions(mapping=mapping, encodings={"customers": "cp1250"}))
        assert reading.frame["street"].tolist() == ["Náměstí"]
        assert besides_units(reading) == []
        with pytest.raises(DataError, match="its text is not in utf-8, the encoding given for it"):
            read(tmp_path / name, CUSTOMERS, ReadOptions(mapping=mapping, encodings={"customers": "utf-8"}))

    def test_an_encoding_for_what_tells_its_own_is_refused(self, tmp_path: Path) -> None:
        """A setting that changes nothing must not be taken without a word."""
        homes(1).to_file(tmp_path / "homes.gpkg", engine="pyogrio")
        homes(1).to_parquet(tmp_path / "homes.parquet")
        for source in (homes(1), tmp_path / "homes.gpkg", tmp_path / "homes.parquet"):
            with pytest.raises(DataError, match="only tables of text and shapefiles may have any"):
                read(source, CUSTOMERS, ReadOptions(encodings={"customers": "cp1250"}))

    def test_decimal_comma(self, tmp_path: Path) -> None:
        """Half of Europe writes 11,28."""
        content = "customer_id;lon;lat;revenue\n1;11,28;49,51;1.234,50\n2;11,3;49;7\n"
        frame = read_layer(table(tmp_path, content), CUSTOMERS)
        assert frame.geometry.iloc[0] == HOME
        assert frame["revenue"].tolist() == [1234.5, 7.0]

    @pytest.mark.parametrize(
        "content",
        [
            'customer_id,lon,lat,units\n1,11.28,49.51,"1,024"\n2,11.3,49,7\n',
            'customer_id,lon,lat,units\n1,11,49,"1,024"\n2,11,50,7\n',
            "customer_id;lon;lat;units\n1;11.28;49.51;1,024\n2;11.3;49;7\n",
            "customer_id;lon;lat;revenue\n1;11;49;1,024\n2;11;50;7.5\n",
        ],
    )
    def test_thousands_or_decimals(self, tmp_path: Path, content: str) -> None:
        """A thousand ports must not become one: what can be read in two ways is asked about."""
        (message,) = faults(table(tmp_path, content))
        assert "is no clear number, thousands or three decimals: '1,024' (rows 1)" in message
        assert "Write 1024 or 1.024, whichever is meant." in message

    @pytest.mark.parametrize(
        ("content", "revenue"),
        [
            ("customer_id;lon;lat;revenue\n1;11,28;49,51;1,024\n2;11,3;49;7\n", 1.024),
            ('customer_id,lon,lat,revenue\n1,11.28,49.51,"1,024"\n2,11.3,49,"0,5"\n', 1.024),
            ('customer_id,lon,lat,revenue\n1,11.28,49.51,"1,024"\n2,11.3,49,"2,024.5"\n', 1024),
        ],
    )
    def test_commas_that_are_clear(self, tmp_path: Path, content: str, revenue: float) -> None:
        """Nobody is asked where the table, or the column, says itself what its commas are."""
        assert read_layer(table(tmp_path, content), CUSTOMERS)["revenue"].iloc[0] == revenue

    @pytest.mark.parametrize(
        "header",
        ["longitude,latitude", "LON,LAT", "lng,lat", "Länge,Breite", "longitud,latitud", "geo_lon,geo_lat", "X,Y"],
    )
    def test_names_of_coordinates(self, tmp_path: Path, header: str) -> None:
        """Columns are recognised in several languages."""
        reading = read(table(tmp_path, f"customer_id,{header}\n1,11.28,49.51\n"), CUSTOMERS)
        assert reading.frame.geometry.iloc[0] == HOME
        assert reading.frame.crs == 4326
        assert bool(besides_units(reading)) == (header == "X,Y")

    @pytest.mark.parametrize(
        "cell",
        [
            "POINT (11.28 49.51)",
            "SRID=4326;POINT(11.28 49.51)",
            shapely.to_wkb(HOME, hex=True),
            shapely.to_geojson(HOME),
        ],
    )
    def test_shapes_in_a_column(self, tmp_path: Path, cell: str) -> None:
        """Databases export geometries as text of several kinds."""
        path = table(tmp_path, "")
        pd.DataFrame({"customer_id": ["1"], "geom": [cell]}).to_csv(path, index=False)
        assert read_layer(path, CUSTOMERS, crs="EPSG:4326").geometry.iloc[0] == HOME

    def test_coordinates_that_are_none(self, tmp_path: Path) -> None:
        """Each row that has no place is named, once, with its own reason."""
        content = "customer_id,lon,lat\na,11,49\nb,abc,49\nc,,49\nd,11,95\ne,nan,nan\n"
        messages = faults(table(tmp_path, content))
        assert len(messages) == 3
        assert "'abc'" in messages[0]
        assert "(rows b)" in messages[0]
        assert "(rows c, e)" in messages[1]
        assert "(rows d)" in messages[2]

    def test_quarantine_loses_nobody(self, tmp_path: Path) -> None:
        """Bad rows stay as customers without a location, each told once."""
        content = "customer_id,lon,lat\na,11,49\nb,abc,49\nc,,49\nd,11,95\ne,nan,nan\n"
        reading = read(table(tmp_path, content), CUSTOMERS, ReadOptions(on_bad_rows="quarantine"))
        assert reading.frame["customer_id"].tolist() == ["a", "b", "c", "d", "e"]
        assert reading.frame.geometry.isna().tolist() == [False, True, True, True, True]
        assert len(besides_units(reading)) == 3
        assert any("1 row is in quarantine, as its" in note for note in reading.notes)

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            ("", "empty"),
            ("\n\n", "empty"),
            ("customer_id,lon,lat\n", "no rows"),
            ("a,b\n1,2\n", "no columns of coordinates"),
            ("customer_id,lon,lat\n1,11,49,7\n", "more cells"),
            ("customer_id,lon,lon,lat\n1,11,49,7\n", "twice in the header"),
            ("customer_id,,lon,lat\n1,5,11,49\n", "no name"),
            ("customer_id,x,y\n1,4400000,5480000\n", "no CRS"),
            ("customer_id,wkt\n1,POINT(1\n2,POINT(1 2)\n", "no WKT"),
        ],
    )
    def test_broken_tables(self, tmp_path: Path, content: str, word: str) -> None:
        """Each kind of damage has its own message."""
        assert any(word in message for message in faults(table(tmp_path, content)))

    def test_given_crs(self, tmp_path: Path) -> None:
        """Metres are read in the CRS that is given."""
        frame = read_layer(table(tmp_path, "customer_id,x,y\n1,4400000,5480000\n"), CUSTOMERS, crs="EPSG:31468")
        assert frame.crs == 31468

    def test_unknown_given_crs(self, tmp_path: Path) -> None:
        """A typing error in --crs is an error of its own."""
        with pytest.raises(CrsError, match="'EPSG:99' is not a known CRS"):
            read_layer(table(tmp_path, "customer_id,x,y\n1,4400000,5480000\n"), CUSTOMERS, crs="EPSG:99")


class TestFormats:
    """The same homes in every format."""

    @pytest.mark.parametrize("suffix", ["gpkg", "geojson", "fgb", "shp", "gml", "kml", "parquet", "sqlite", "tab"])
    def test_format(self, tmp_path: Path, suffix: str) -> None:
        """Whatever GDAL reads is an input."""
        path = tmp_path / f"a.{suffix}"
        given = homes().rename(columns={"customer_id": "cid"})
        if suffix == "parquet":
            given.to_parquet(path)
        else:
            pyogrio.write_dataframe(given, path, driver=DRIVERS.get(suffix))
        frame = read_layer(path, CUSTOMERS, mapping={"customer_id": "cid"})
        assert frame["customer_id"].tolist() == ["001", "002", "003"]
        assert shapely.equals_exact(frame.geometry.iloc[0], HOME, 1e-6)

    @pytest.mark.parametrize("suffix", [".geojson.gz", ".csv.gz", ".kmz", ".csv.zip", ".shp.zip"])
    def test_archives(self, tmp_path: Path, suffix: str) -> None:
        """Registers are sent packed."""
        inner = tmp_path / f"a{suffix.rpartition('.')[0] or '.kml'}"
        given = homes().rename(columns={"customer_id": "cid"})
        if inner.suffix == ".csv":
            inner.write_text("cid,lon,lat\n001,11.28,49.51\n")
        else:
            pyogrio.write_dataframe(given, inner, driver=DRIVERS.get(inner.suffix[1:]))
        path = tmp_path / f"b{suffix}"
        if suffix.endswith(".gz"):
            path.write_bytes(gzip.compress(inner.read_bytes()))
        else:
            with zipfile.ZipFile(path, "w") as archive:
                for each in sorted(tmp_path.glob("a.*")):
                    archive.write(each, "doc.kml" if suffix == ".kmz" else each.name)
        frame = read_layer(path, CUSTOMERS, mapping={"customer_id": "cid"})
        assert frame["customer_id"].iloc[0] == "001"
        assert shapely.equals_exact(frame.geometry.iloc[0], HOME, 1e-6)

    def test_layer_of_a_file(self, tmp_path: Path) -> None:
        """A GeoPackage of several layers: the named one, else the one that can be meant, else a list."""
        path = tmp_path / "town.gpkg"
        pyogrio.write_dataframe(homes(1), path, layer="new")
        pyogrio.write_dataframe(homes(2), path, layer="old", append=True)
        assert len(read_layer(f"{path}:old", CUSTOMERS)) == 2
        assert len(read_layer(path, CUSTOMERS, layer_name="new")) == 1
        assert f"{path}:new, or as {path}:new,old if they belong together; it has: new, old" in faults(path)[0]
        assert "has no layer 'odl'. It has: new, old." in faults(f"{path}:odl")[0]
        pyogrio.write_dataframe(homes(3), path, layer="Customers", append=True)
        assert len(read_layer(path, CUSTOMERS)) == 3

    def test_lines_and_points_of_a_backbone(self, tmp_path: Path) -> None:
        """A run's own file holds the backbone in two layers: both are read."""
        path = tmp_path / "plan.gpkg"
        lines = ways().to_crs(4326)
        pyogrio.write_dataframe(lines.assign(backbone_id=["a", "b", "c"]), path, layer="backbone_lines")
        points = homes().rename(columns={"customer_id": "backbone_id"}).to_crs(32632)
        pyogrio.write_dataframe(points, path, layer="backbone_points", append=True)
        frame = read_layer(path, BACKBONE)
        assert frame["backbone_id"].tolist() == ["001", "002", "003", "a", "b", "c"]
        assert frame["role"].tolist() == ["cabinet"] * 3 + ["distribution"] * 3
        assert shapely.distance(frame.geometry.iloc[0], HOME) < 1e-6

    @pytest.mark.parametrize(
        "content", [b"\x00" * 500, b"{", b'{"type":"FeatureCollection","features":[', b"PK\x03\x04x"]
    )
    def test_garbage(self, tmp_path: Path, content: bytes) -> None:
        """A broken file is a message, not a traceback."""
        for name in ("a.gpkg", "a.geojson", "a.zip", "a.parquet", "a.gz", "a.xyz"):
            assert "cannot be read" in faults(table(tmp_path, content, name))[0]

    @pytest.mark.parametrize("source", ["nope.gpkg", "", "nope.gpkg:layer", "a\x00b", "x" * 5000])
    def test_missing(self, source: str) -> None:
        """A missing file is said to be missing, also when its name can be no name."""
        with pytest.raises(MissingFileError, match="no such file"):
            read_layer(source, CUSTOMERS)


class TestOutward:
    """Nothing that a file contains can reach out of it."""

    @pytest.mark.parametrize(
        "content",
        [
            "<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>",
            "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><kml>&e;</kml>",
            '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read /etc/passwd"}',
            "<OGRWFSDataSource><URL>http://127.0.0.1:9/</URL></OGRWFSDataSource>",
        ],
    )
    @pytest.mark.parametrize("name", ["a.vrt", "a.gpkg", "a.kml", "a.geojson", "a.json"])
    def test_content(self, tmp_path: Path, content: str, name: str) -> None:
        """GDAL knows a format by its content: a harmless ending must not open another file."""
        assert "outside of itself" in faults(table(tmp_path, content, name))[0]

    @pytest.mark.parametrize("source", ["/vsicurl/http://127.0.0.1:9/a.gpkg", "http://127.0.0.1:9/a", "PG:dbname=x"])
    def test_addresses(self, source: str) -> None:
        """A name is a file on disk; nothing is fetched."""
        assert "only files on disk" in faults(source)[0]

    def test_archive_with_a_way_out(self, tmp_path: Path) -> None:
        """An archive that holds `../x`, or a pointer to elsewhere, is left alone."""
        for name, content in (("../x.geojson", "{}"), ("a.vrt", "<OGRVRTDataSource>"), ("/etc/x.geojson", "{}")):
            path = tmp_path / "a.zip"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(name, content)
            assert any(word in faults(path)[0] for word in ("out of itself", "outside of itself"))

    @pytest.mark.parametrize("method", [None, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    def test_damaged_archives(self, tmp_path: Path, method: int | None) -> None:
        """Each way to pack complains in its own words when bytes were lost on the way; none may end in a traceback."""
        text = "customer_id,lon,lat\n" + "".join(f"c{i},{i / 1000},{i / 999}\n" for i in range(3000))
        path = tmp_path / ("a.csv.gz" if method is None else "a.zip")
        if method is None:
            path.write_bytes(gzip.compress(text.encode()))
        else:
            with zipfile.ZipFile(path, "w", method) as archive:
                archive.writestr("a.csv", text)
        whole = path.read_bytes()
        for first in (60, 100, 1000):
            path.write_bytes(
                whole[:first] + bytes((7 * b + 13) % 256 for b in whole[first : first + 200]) + whole[first + 200 :]
            )
            assert "cannot be read" in faults(path)[0]

    @pytest.mark.parametrize("name", ["a.zip", "a.geojson.gz"])
    def test_bomb(self, tmp_path: Path, name: str) -> None:
        """Ten kilobytes that unpack to ten megabytes of blanks are no map."""
        path, blanks = tmp_path / name, b" " * 20_000_000
        if name.endswith("gz"):
            path.write_bytes(gzip.compress(blanks))
        else:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("a.geojson", blanks)
        assert "too big" in faults(path)[0]


class TestShapes:
    """Geometries that fit the layer."""

    def test_areas_become_points_inside(self) -> None:
        """A building stands for a point in it, also where it is crossed or U-shaped."""
        shape = shapely.Polygon(
            [(0, 0), (0.3, 0), (0.3, 0.3), (0.2, 0.3), (0.2, 0.1), (0.1, 0.1), (0.1, 0.3), (0, 0.3)]
        )
        bow = shapely.Polygon([(5, 5), (6, 6), (6, 5), (5, 6)])
        frame = read_layer(homes(2).set_geometry([shape, bow], crs=4326), CUSTOMERS)
        assert set(frame.geom_type) == {"Point"}
        assert shapely.within(frame.geometry.iloc[0], shape)
        assert shapely.within(frame.geometry.iloc[1], shapely.make_valid(bow))

    def test_single_parts_and_heights(self) -> None:
        """A multi-point of one point, and a point with a height, are points."""
        shapes = [shapely.MultiPoint([(11, 49)]), shapely.Point(11, 49, 300), shapely.GeometryCollection([HOME])]
        frame = read_layer(homes().set_geometry(shapes, crs=4326), CUSTOMERS)
        assert [shape.wkt for shape in frame.geometry] == ["POINT (11 49)", "POINT (11 49)", HOME.wkt]

    def test_multi_lines_stay(self) -> None:
        """A street of two parts is one street."""
        assert "MultiLineString" in set(read_layer(ways(), STREETS).geom_type)

    def test_wrong_kind(self) -> None:
        """Two files in each other's place: each row is named, with what was expected."""
        assert "is LineString, MultiLineString, not Point or Polygon" in faults(ways(customer_id=["1", "2", "3"]))[0]
        assert "is Point, not LineString" in faults(homes(), STREETS)[0]

    def test_bad_streets_are_left_out_in_quarantine(self) -> None:
        """A street without geometry cannot be dug along; it is told."""
        given = ways().set_geometry([*ways().geometry[:2], None], crs=25832)
        assert "(rows 3)" in faults(given, STREETS)[0]
        reading = read(given, STREETS, ReadOptions(on_bad_rows="quarantine"))
        assert len(reading.frame) == 2
        assert "quarantine" in reading.notes[0]

    def test_streets_without_length(self) -> None:
        """A line from a point to itself is no street, and no error either."""
        dot = shapely.LineString([(5, 5), (5, 5)])
        reading = read(ways().set_geometry([*ways().geometry[:2], dot], crs=25832), STREETS)
        assert len(reading.frame) == 2
        assert "no length" in reading.notes[0]

    def test_nothing_usable(self) -> None:
        """A layer whose rows are all in quarantine is no layer."""
        given = ways().set_geometry([None, None, shapely.LineString()], crs=25832)
        assert any(
            "no row with a usable geometry" in message for message in faults(given, STREETS, on_bad_rows="quarantine")
        )

    def test_optional_layers(self) -> None:
        """Barriers and waters have no ids; their order must still not depend on the rows'."""
        one, other = read_layer(ways(), BARRIERS), read_layer(ways()[::-1], BARRIERS)
        pd.testing.assert_frame_equal(one, other)
        assert read_layer(ways(kind=["rail", None, "Water"]), RAIL_WATER)["kind"].isin(["rail", "water"]).all()
        assert "Known are: rail, water" in faults(ways(kind=["rail", None, "tree"]), RAIL_WATER)[0]


class TestCrs:
    """Values and CRS that do not belong together."""

    def test_swapped(self) -> None:
        """Latitudes beyond the poles show that the axes are swapped."""
        swapped = [shapely.Point(-33.4, 151.2), shapely.Point(-33.5, 151.3), shapely.Point(-33.5, 151.4)]
        (message,) = faults(homes().set_geometry(swapped, crs=4326))
        assert "latitude and longitude are swapped" in message

    def test_metres_said_to_be_degrees(self, tmp_path: Path) -> None:
        """GeoJSON in a national grid: refused, or read in the CRS that is given."""
        feature = {"type": "Feature", "properties": {"customer_id": "1"}}
        feature["geometry"] = {"type": "Point", "coordinates": [4400000, 5480000]}
        path = table(tmp_path, json.dumps({"type": "FeatureCollection", "features": [feature]}), "a.geojson")
        assert "no degrees" in faults(path)[0]
        reading = read(path, CUSTOMERS, ReadOptions(crs="EPSG:31468"))
        assert reading.frame.crs == 31468
        assert "as given" in reading.notes[0]

    def test_degrees_said_to_be_metres(self) -> None:
        """A wrong set_crs would make a town of 0.1 m."""
        assert "are degrees" in faults(homes().set_crs(25832, allow_override=True))[0]

    def test_table_without_geometry_or_crs(self) -> None:
        """A frame that never got a geometry is a message."""
        assert "no geometry" in faults(gpd.GeoDataFrame({"customer_id": ["1"]}))[0]
        no_crs = gpd.GeoDataFrame({"customer_id": ["1"]}, geometry=[shapely.Point(4e6, 5e6)])
        assert "--crs" in faults(no_crs)[0]


class TestRoles:
    """What the backbone is made of."""

    def test_words_of_the_field(self) -> None:
        """Planners write FDH and NAP."""
        given = homes(role=["FDH", "nap", "OLT"]).drop(columns="customer_id")
        assert set(read_layer(given, BACKBONE)["role"]) == {"cabinet", "closure", "pop"}

    def test_roles_must_fit(self) -> None:
        """A line cannot be a cabinet: all such rows are named at once."""
        lines = faults(ways(role=["pop", "feeder", "tree"]), BACKBONE)
        assert any("unknown value 'tree'" in message for message in lines)
        assert any("a line cannot be: pop" in message for message in lines)
        assert "a point cannot be: duct" in faults(homes(role=["duct", "pop", None]), BACKBONE)[0]


def test_every_error_is_ours(tmp_path: Path) -> None:
    """Whatever bytes come under whatever ending, the outcome is a layer or our own error."""
    rng = np.random.default_rng(7)
    good = b"customer_id,lon,lat,units\n1,11.2,49.5,2\n2,11.3,49.6,1\n"
    for number in range(200):
        bytes_ = bytearray(good)
        for place in rng.integers(0, len(bytes_), 3):
            bytes_[place] = rng.integers(0, 256)
        try:
            frame = read_layer(table(tmp_path, bytes(bytes_), f"{number}.csv"), CUSTOMERS, on_bad_rows="quarantine")
        except LastMileError:
            continue
        assert len(frame) >= 1

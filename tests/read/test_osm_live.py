"""The live path: osmnx's own POST queries, answered by a small server on this machine, failures and all."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlparse

import geopandas as gpd
import osmium
import osmnx
import pytest
import shapely

from lastmile_net.errors import ConfigError, CrsError, DataError
from lastmile_net.read.osm import OsmLayers, Retry, layers_from_osmnx, layers_from_pbf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOX = (9.99, 49.99, 10.02, 50.02)
PLACE = {"boundingbox": ["49.99", "50.02", "9.99", "10.02"], "lat": "50", "lon": "10", "importance": 0.5}
QUICK = Retry(attempts=3, pause_s=0.01)

TOWN = """<osm version="0.6">
<node id="1" version="1" lon="10.000" lat="50.000"/><node id="2" version="1" lon="10.001" lat="50.000"/>
<node id="3" version="1" lon="10.002" lat="50.000"/><node id="4" version="1" lon="10.002" lat="50.001"/>
<node id="5" version="1" lon="10.010" lat="50.010"/><node id="6" version="1" lon="10.011" lat="50.010"/>
<node id="7" version="1" lon="10.0005" lat="50.0001"><tag k="addr:street" v="High Street"/>
<tag k="addr:housenumber" v="1"/></node>
<node id="8" version="1" lon="10.0105" lat="50.0101"><tag k="man_made" v="street_cabinet"/></node>
<node id="11" version="1" lon="10.0015" lat="50.0005"/><node id="12" version="1" lon="10.0017" lat="50.0005"/>
<node id="13" version="1" lon="10.0017" lat="50.0006"/>
<way id="20" version="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/>
<tag k="highway" v="residential"/><tag k="name" v="High Street"/></way>
<way id="21" version="1"><nd ref="2"/><nd ref="4"/><tag k="highway" v="service"/>
<tag k="service" v="driveway"/><tag k="access" v="private"/></way>
<way id="22" version="1"><nd ref="5"/><nd ref="6"/><tag k="highway" v="track"/></way>
<way id="23" version="1"><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="2"/>
<tag k="highway" v="residential"/><tag k="junction" v="roundabout"/></way>
<way id="24" version="1"><nd ref="1"/><nd ref="4"/><tag k="highway" v="footway"/></way>
<way id="25" version="1"><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="2"/>
<tag k="highway" v="pedestrian"/><tag k="area" v="yes"/></way>
<way id="26" version="1"><nd ref="3"/><nd ref="4"/><nd ref="5"/><nd ref="3"/>
<tag k="highway" v="service"/><tag k="landuse" v="retail"/></way>
<way id="30" version="1"><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="11"/><tag k="building" v="house"/></way>
</osm>"""


def elements_of(extract: Path) -> list[dict[str, object]]:
    """Return all objects of an extract as Overpass writes them; ways that lead out of it are left away."""
    known: set[int] = set()
    elements: list[dict[str, object]] = []
    for each in osmium.FileProcessor(str(extract)):
        tags = {tag.k: tag.v for tag in each.tags}
        element: dict[str, object] = {"type": "relation", "id": each.id, "tags": tags, "members": []}
        if each.is_node():
            known.add(each.id)
            element = {"type": "node", "id": each.id, "lon": each.lon, "lat": each.lat, "tags": tags}
        elif each.is_way():
            refs = [n.ref for n in each.nodes]
            if not known.issuperset(refs):
                continue
            element = {"type": "way", "id": each.id, "nodes": refs, "tags": tags}
        else:
            continue
        if not tags:
            del element["tags"]
        elements.append(element)
    return elements


class Overpass(ThreadingHTTPServer):
    """Answers Overpass and Nominatim queries; `failures` are handed out first, one for each POST."""

    def __init__(self, elements: list[dict[str, object]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.elements = elements
        self.failures: list[str] = []
        self.queries: list[str] = []
        self.place: list[dict[str, object]] = []

    @property
    def url(self) -> str:
        """Address to ask at."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Keep quiet: connections are cut on purpose here."""


class _Handler(BaseHTTPRequestHandler):
    server: Overpass

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """Answer the status page and the geocoder."""
        if self.path.endswith("/status"):
            self.say(200, "a\nb\nc\nd\n2 slots available now.\n")
        else:
            self.server.queries.append(parse_qs(urlparse(self.path).query).get("q", [""])[0])
            self.say(200, json.dumps(self.server.place))

    def do_POST(self) -> None:
        """Answer a query with everything there is: osmnx picks out what it asked for."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.queries.append(parse_qs(body)["data"][0])
        failure = self.server.failures.pop(0) if self.server.failures else ""
        if failure == "cut":
            self.close_connection = True
            self.connection.shutdown(2)
        elif failure == "timeout":
            threading.Event().wait(1.5)
        elif failure == "remark":
            self.say(200, json.dumps({"elements": [], "remark": 'runtime error: Query timed out in "query"'}))
        elif failure == "html":
            self.say(200, "<html>Error: runtime error: rate_limited</html>")
        elif failure:
            self.say(int(failure), "<html>no</html>", {"Retry-After": "0"})
        else:
            self.say(200, json.dumps({"elements": self.server.elements}))

    def say(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        """Send one answer."""
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    """Return the small town as a file."""
    path = tmp_path / "town.osm"
    path.write_text(TOWN, encoding="utf-8")
    return path


@pytest.fixture
def server(extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Overpass]:
    """Run the server, with osmnx pointed at it and an empty cache."""
    server = Overpass(elements_of(extract))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(osmnx.settings, "overpass_url", server.url)
    monkeypatch.setattr(osmnx.settings, "nominatim_url", server.url)
    monkeypatch.setattr(osmnx.settings, "cache_folder", tmp_path / "cache")
    monkeypatch.setattr(osmnx.settings, "requests_timeout", 1)
    yield server
    server.shutdown()
    server.server_close()


def assert_same_streets(live: OsmLayers, stored: OsmLayers) -> None:
    """Compare ids, columns and coordinates."""
    assert live.streets.drop(columns="geometry").equals(stored.streets.drop(columns="geometry"))
    for ours, theirs in zip(live.streets.geometry, stored.streets.geometry, strict=True):
        assert shapely.equals(shapely.normalize(ours), shapely.normalize(theirs))


def test_same_as_the_extract(server: Overpass, extract: Path) -> None:
    """One town must not depend on the way it was fetched: islands, driveways, tracks and loops included."""
    live = layers_from_osmnx(bbox=BOX, customers="both", retry=QUICK)
    stored = layers_from_pbf(extract, customers="both")
    assert live.streets["street_id"].tolist() == ["w20", "w21", "w22", "w23", "w26"]
    assert_same_streets(live, stored)
    assert live.customers.equals(stored.customers)
    assert live.backbone.equals(stored.backbone)


def test_query_asks_for_what_is_needed_only(server: Overpass) -> None:
    """Public servers are shared: buildings are asked for only where they are customers."""
    layers_from_osmnx(bbox=BOX, customers="addresses", retry=QUICK)
    (query,) = server.queries
    assert "'highway'='service'" in query
    assert "'highway'='track'" in query
    assert "'highway'='motorway'" not in query
    assert not re.search(r"\['building'", query)


def test_second_time_comes_from_the_cache(server: Overpass) -> None:
    """What was fetched once is not fetched again."""
    first = layers_from_osmnx(bbox=BOX, retry=QUICK)
    again = layers_from_osmnx(bbox=BOX, retry=QUICK)
    assert len(server.queries) == 1
    assert first.streets.equals(again.streets)


@pytest.mark.parametrize("failure", ["429", "504", "503", "timeout", "remark", "html", "cut"])
def test_busy_server_is_asked_again(server: Overpass, failure: str) -> None:
    """Each way in which Overpass says `later` leads to a second try, and half an answer is never taken."""
    server.failures = [failure]
    layers = layers_from_osmnx(bbox=BOX, retry=QUICK)
    assert len(server.queries) == 2
    assert len(layers.streets) == 5


@pytest.mark.parametrize(
    ("failure", "word"), [("429", "too many requests"), ("504", "too busy"), ("timeout", "no answer")]
)
def test_busy_server_is_explained_in_the_end(server: Overpass, failure: str, word: str) -> None:
    """After the last try the planner learns what happened and what else can be done."""
    server.failures = [failure] * 9
    with pytest.raises(DataError, match=word) as error:
        layers_from_osmnx(bbox=BOX, retry=QUICK)
    assert len(server.queries) == QUICK.attempts
    assert "--pbf" in str(error.value)
    assert "3 times" in str(error.value)


def test_progress_renews_patience(server: Overpass, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large area is asked for in parts; a server that answers one part between refusals must not be given up."""
    monkeypatch.setattr(osmnx.settings, "max_query_area_size", 1_000_000)
    layers_from_osmnx(bbox=BOX, retry=QUICK)
    parts = len(server.queries)
    assert parts >= 4
    monkeypatch.setattr(osmnx.settings, "cache_folder", osmnx.settings.cache_folder / "fresh")
    server.failures = ["429", "429", ""] * parts
    layers = layers_from_osmnx(bbox=BOX, retry=QUICK)
    assert layers.streets["street_id"].is_unique
    assert len(layers.streets) == 5
    assert len(server.queries) == 4 * parts


def test_refusal_is_not_repeated(server: Overpass) -> None:
    """A request that the server calls wrong stays wrong; asking again only costs it time."""
    server.failures = ["400"] * 9
    with pytest.raises(DataError, match="400"):
        layers_from_osmnx(bbox=BOX, retry=QUICK)
    assert len(server.queries) == 1


def test_no_server_at_all(server: Overpass) -> None:
    """Without a network the error says so at once."""
    with pytest.raises(DataError, match="cannot be reached"):
        layers_from_osmnx(bbox=BOX, retry=QUICK, overpass_url="http://127.0.0.1:9")


def test_settings_of_osmnx_are_put_back(server: Overpass, tmp_path: Path) -> None:
    """Settings are shared with the planner's own osmnx session; ours must not stay behind, even after errors."""
    before = {name: getattr(osmnx.settings, name) for name in ("overpass_url", "cache_folder", "requests_kwargs")}
    server.failures = ["400"]
    with pytest.raises(DataError):
        layers_from_osmnx(bbox=BOX, retry=QUICK, cache_folder=tmp_path / "other")
    assert before == {name: getattr(osmnx.settings, name) for name in before}


def test_empty_area(server: Overpass) -> None:
    """The open sea gives empty layers and says so."""
    server.elements = []
    layers = layers_from_osmnx(bbox=BOX, retry=QUICK)
    assert layers.streets.empty
    assert any("nothing of interest" in note for note in layers.notes)


def test_polygon_layer_in_any_crs(server: Overpass) -> None:
    """A planning area usually comes in the national grid; ways that only touch it come whole."""
    area = gpd.GeoDataFrame(geometry=[shapely.box(9.9999, 49.9999, 10.0005, 50.0002)], crs=4326).to_crs(32632)
    layers = layers_from_osmnx(polygon=area, retry=QUICK)
    assert layers.streets["street_id"].tolist() == ["w20"]
    assert shapely.get_num_points(layers.streets.geometry.iloc[0]) == 3


def test_place(server: Overpass) -> None:
    """A name goes to the geocoder first; its outline is the area."""
    ring = [[9.99, 49.99], [10.02, 49.99], [10.02, 50.02], [9.99, 50.02], [9.99, 49.99]]
    server.place = [{**PLACE, "geojson": {"type": "Polygon", "coordinates": [ring]}}]
    assert len(layers_from_osmnx(place="Smalltown", retry=QUICK).streets) == 5
    assert server.queries[0] == "Smalltown"


@pytest.mark.parametrize("answer", [[], [{**PLACE, "geojson": {"type": "Point", "coordinates": [10, 50]}}]])
def test_unknown_place(server: Overpass, answer: list[dict[str, object]]) -> None:
    """A misspelt name, or one that is a mere point, is explained."""
    server.place = answer
    with pytest.raises(DataError, match="Nowhere"):
        layers_from_osmnx(place="Nowhere", retry=QUICK)


@pytest.mark.parametrize(
    "area",
    [
        {},
        {"place": "x", "bbox": BOX},
        {"bbox": (10.0, 50.0, 9.0, 51.0)},
        {"bbox": (10.0, 51.0, 11.0, 50.0)},
        {"bbox": (500000.0, 5500000.0, 500100.0, 5500100.0)},
    ],
)
def test_wrong_area_is_refused_before_asking(server: Overpass, area: dict[str, object]) -> None:
    """A wrong box must not cost a request."""
    with pytest.raises(ConfigError):
        layers_from_osmnx(retry=QUICK, **area)  # type: ignore[arg-type]
    assert server.queries == []


def test_polygon_without_crs_or_area(server: Overpass) -> None:
    """Metres taken for degrees would ask for the wrong end of the world."""
    with pytest.raises(CrsError):
        layers_from_osmnx(polygon=gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)]), retry=QUICK)
    for wrong in (shapely.box(500000, 5500000, 500100, 5500100), shapely.Polygon()):
        with pytest.raises(DataError, match="polygon"):
            layers_from_osmnx(polygon=wrong, retry=QUICK)


def test_pauses_double_up_to_the_cap() -> None:
    """Backing off means waiting longer each time, as long as the server asks, and never for ever."""
    retry = Retry(attempts=9, pause_s=5, longest_s=60)
    assert [retry.pause(attempt, 0) for attempt in (1, 2, 3, 4, 5)] == [5, 10, 20, 40, 60]
    assert retry.pause(1, 30) == 30
    assert retry.pause(1, 3600) == 60


@pytest.mark.towns
def test_real_town_both_ways(towns: Path, server: Overpass, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real town, live and stored streets are the same: ids, columns, every vertex."""
    monkeypatch.setattr(osmnx.settings, "max_query_area_size", 1e13)
    path = towns / "lauf" / "lauf.osm.pbf"
    server.elements = elements_of(path)
    whole = {f"w{each['id']}" for each in server.elements if each["type"] == "way"}
    stored = layers_from_pbf(path)
    west, south, east, north = stored.streets.total_bounds
    live = layers_from_osmnx(bbox=(west - 0.5, south - 0.5, east + 0.5, north + 0.5), retry=QUICK)
    ours = stored.streets[stored.streets["street_id"].isin(whole)].reset_index(drop=True)
    assert len(ours) > 1800
    assert_same_streets(live, OsmLayers(ours, stored.customers, stored.backbone, ()))

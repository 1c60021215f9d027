"""A folium page that needs nothing but itself: Leaflet inside, no connection allowed."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import os
import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import xstatic.pkg.leaflet
from branca.element import Figure
from folium import Map, TileLayer

from lastmile_net.errors import DataError, Fault
from lastmile_net.maps.elements import Verbatim, figure_of
from lastmile_net.maps.words import words

LEAFLET = Path(xstatic.pkg.leaflet.BASE_DIR)
OSM_TILES = "https://tile.openstreetmap.org/{z}/{x}/{y}.png"
MAX_ZOOM = 20
SCRIPTS = "'sha256-of-each-script'"
"""Stands in the policy for the hashes of the page's scripts until all of them are known."""

__all__ = ["LEAFLET", "Map", "offline_map", "save_page", "tile_address", "write_whole"]


def offline_map(tiles: str | None = None, *, language: str = "en", title: str = "") -> Map:
    """
    Return an empty map whose page opens from disk without asking the network for anything.

    Parameters
    ----------
    tiles
        `osm`, or the address of a tile server with `{z}`, `{x}`, `{y}`: the only connection that the page may
        then make. None forbids every connection.
    language
        Language of the page.
    title
        Title of the page.

    Raises
    ------
    DataError
        If `tiles` is neither.
    """
    address = tile_address(tiles)
    page = Map(
        tiles=None,
        zoom_control=False,
        max_zoom=MAX_ZOOM,
        attribution_control=False,
        fade_animation=False,
        zoom_snap=1 if address else 0.25,
        zoom_delta=1 if address else 0.5,
    )
    page._id = "plan"
    _SealedFigure().add_child(page)
    page.default_js, page.default_css = [], []
    figure = figure_of(page)
    head = [
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(address)}">',
        '<meta name="referrer" content="strict-origin-when-cross-origin">' if address else "",
        f"<style>\n{_leaflet_css()}</style>",
        f"<script>\n{_leaflet_js()}\nL_NO_TOUCH = false; L_DISABLE_3D = false;\n</script>",
        f"<script>document.documentElement.lang = {language!r};</script>",
    ]
    figure.header.add_child(Verbatim("\n".join(part for part in head if part)), name="offline")
    figure.title = _html(title)
    if address:
        credit = words(language)["osm"] if address == OSM_TILES else urlsplit(address).netloc
        layer = TileLayer(address, attr=_html(credit), max_zoom=MAX_ZOOM, max_native_zoom=19, name="tiles")
        layer._id = "plan"
        layer.add_to(page)
    return page


class _SealedFigure(Figure):
    """A page whose policy lets its own scripts run and nothing else: no handler in an attribute, nothing from data."""

    def render(self, **kwargs: object) -> str:
        """Return the page, with the hash of each script in its policy."""
        html = str(super().render(**kwargs))
        hashes = dict.fromkeys(_hash(text) for text in re.findall(r"<script>(.*?)</script>", html, re.DOTALL))
        return html.replace(SCRIPTS, " ".join(hashes), 1)


def _hash(script: str) -> str:
    """Return the hash of a script as a policy names it; browsers read every end of line as a line feed."""
    text = script.replace("\r\n", "\n").replace("\r", "\n")
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def save_page(page: Map, path: Path | str) -> Path:
    """
    Write a map's page to `path`: either all of it, or nothing.

    Returns
    -------
    path
        Where it lies.
    """
    return write_whole(path, figure_of(page).render().encode("utf-8"))


def write_whole(path: Path | str, content: bytes) -> Path:
    """Write `content` to `path`, either all of it or nothing, and return where it lies."""
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        draft.chmod(0o644)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return target


def tile_address(tiles: str | None) -> str | None:
    """
    Return the address of the tiles that were asked for, None if there are to be none.

    Raises
    ------
    DataError
        If it is neither a known name nor an https address with a place for zoom, column and row.
    """
    if tiles is None or tiles == "osm":
        return OSM_TILES if tiles else None
    parts = urlsplit(tiles)
    fits = parts.scheme in {"https", "http"} and re.fullmatch(r"(\{s\}\.)?[A-Za-z0-9.-]+(:\d+)?", parts.netloc)
    if not fits or not all(f"{{{key}}}" in tiles for key in "zxy") or re.search(r"[\s\"'<>;,]", tiles):
        cure = "Give 'osm', or an address such as https://tiles.example.org/{z}/{x}/{y}.png."
        raise DataError([Fault(f"no tiles at '{tiles}'", cure, setting="tiles")])
    return tiles


def _policy(address: str | None) -> str:
    host = ""
    if address:
        parts = urlsplit(address)
        host = f" {parts.scheme}://{parts.netloc.replace('{s}', '*')}"
    return (
        f"default-src 'none'; script-src {SCRIPTS}; style-src 'unsafe-inline'; "
        f"img-src data: blob:{host}; connect-src 'none'; form-action 'none'; base-uri 'none'"
    )


def _leaflet_js() -> str:
    text = (LEAFLET / "leaflet.js").read_text(encoding="utf-8")
    return re.sub(r"//# sourceMappingURL=.*", "", text)


def _leaflet_css() -> str:
    text = (LEAFLET / "leaflet.css").read_text(encoding="utf-8")
    return re.sub(r"url\((['\"]?)([^)'\"#]+)\1\)", lambda match: f"url({_data_uri(match[2])})", text)


def _data_uri(name: str) -> str:
    path = LEAFLET / name
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")

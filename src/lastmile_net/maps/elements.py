"""What every element of a page needs: a place for code, a place for data, and JSON that cannot break out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from branca.element import Element, Figure
from folium.template import Template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ASSETS = Path(__file__).parent / "assets"


class Verbatim(Element):
    """Text that goes into the page as it is, never read as a template."""

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self._name = "Verbatim"
        self.text = text


def figure_of(element: Element) -> Figure:
    """
    Return the page that an element has been added to.

    Raises
    ------
    RuntimeError
        If it has not been added to any.
    """
    root = element.get_root()
    if not isinstance(root, Figure):
        message = "add the layer to a folium.Map before rendering it"
        raise RuntimeError(message)
    return root


def put_in_head(element: Element, key: str, names: Sequence[str]) -> None:
    """Put style sheets and scripts of this package into the head of the element's page, once for each `key`."""
    parts = []
    for name in names:
        tag = "script" if name.endswith(".js") else "style"
        parts.append(f"<{tag}>\n{(ASSETS / name).read_text(encoding='utf-8')}</{tag}>")
    figure_of(element).header.add_child(Verbatim("\n".join(parts)), name=key)


def put_in_body(element: Element, key: str, texts: Mapping[str, str]) -> None:
    """Put data into the body of the element's page: JSON or base64, each in an element with its id."""
    parts = [f'<script type="text/plain" id="{name}">{text}</script>' for name, text in texts.items()]
    figure_of(element).html.add_child(Verbatim("\n".join(parts)), name=f"{key}_data")


def script_json(value: object) -> str:
    r"""
    Return `value` as JSON that is safe inside a script element.

    Examples
    --------
    >>> script_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

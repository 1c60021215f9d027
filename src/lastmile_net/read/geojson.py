"""What GDAL passes over in a GeoJSON file without a word."""

from __future__ import annotations

import json

from lastmile_net.errors import DataError, Fault

SUFFIXES = frozenset({".geojson", ".json"})


def check_features(content: bytes, source: str) -> None:
    """
    Refuse a collection in which GDAL would leave features out: it skips whatever does not call itself a `Feature`.

    Parameters
    ----------
    content
        The file. What is no JSON, or no collection of features, is left to GDAL.
    source
        How to name the file.

    Raises
    ------
    DataError
        If there are such members; it names them by their number.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list):
        return
    lost = [
        str(number)
        for number, each in enumerate(features, start=1)
        if not isinstance(each, dict) or each.get("type") != "Feature"
    ]
    if lost:
        what = "some members of `features` are no features, and would be left out"
        raise DataError([Fault(what, 'Give each of them "type": "Feature".', source, rows=tuple(lost))])

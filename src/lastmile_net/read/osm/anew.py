"""
Parse an extract in any form that pyosmium reads, and write it as plain PBF.

    python anew.py GIVEN FORM TARGET

It runs in a process of its own: a spoilt file has made the parser crash, and must not take a plan with it.
"""

from __future__ import annotations

import sys

import osmium


def main() -> None:
    """Write the file anew; what goes wrong is the last line on stderr."""
    given, form, target = sys.argv[1:]
    everything = osmium.osm.NODE | osmium.osm.WAY | osmium.osm.RELATION
    plain = osmium.io.File(target, "osh.pbf,pbf_compression=none")  # osh: deleted stays deleted
    try:
        with (
            osmium.io.Reader(osmium.io.File(given, form), everything) as reader,
            osmium.SimpleWriter(plain) as writer,
        ):
            osmium.apply(reader, writer)
    except (RuntimeError, UnicodeDecodeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

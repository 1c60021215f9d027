"""
Extracts in PBF, read a block at a time into arrays.

pyosmium makes a Python object of everything that is met; asking 50,000 of them for their tags takes two
seconds. Here all objects of a block are read at once. What is packed in another way than everyday extracts raises
`UnusualError`; pyosmium reads that, and writes it anew.

References
----------
https://wiki.openstreetmap.org/wiki/PBF_Format
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from lastmile_net.read.osm.columns import NONE, Pool, Tags
from lastmile_net.read.osm.protobuf import (
    BYTES,
    ONE_BYTE,
    Messages,
    UnreadableError,
    deltas,
    fields,
    heads,
    signed,
    varint,
    varints,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

Kind = Literal["n", "w", "r"]
KNOWN_FEATURES = {b"OsmSchema-V0.6", b"DenseNodes", b"HistoricalInformation"}
SMALL_BYTES = 16 * 1024 * 1024
"""Up to this size it is quicker to unpack a file once and keep all of it, some 50 MB."""
MAX_HEADER, MAX_BLOB = 64 * 1024, 32 * 1024 * 1024
_GROUP_FIELDS: dict[int, Kind] = {1: "n", 2: "n", 3: "w", 4: "r"}
_NODES, _DENSE, _WAYS, _RELATIONS = 1, 2, 3, 4
TEXT = 1 << 3 | BYTES
_MIXED = "a group of mixed objects"
_NANO = 100
"""Places are held in ten millionths of a degree, as OpenStreetMap does: so many nanodegrees each."""


class UnusualError(Exception):
    """The file is built in a way that is allowed, but not read here."""


@dataclass(frozen=True, eq=False)
class Objects:
    """
    Nodes, ways or relations of one block.

    Parameters
    ----------
    number
        Ids.
    here
        Whether each exists: a file with history tells what was deleted, too.
    owner, key, value
        Tags: the row each belongs to, and the places of its texts in the block.
    place
        Longitude and latitude of nodes, in ten millionths of a degree.
    messages
        What ways and relations refer to.
    """

    number: Ints
    here: NDArray[np.bool_]
    owner: Ints
    key: Ints
    value: Ints
    place: Ints
    messages: Messages | None = None

    def references(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return the nodes that some ways lead along: the place in `rows` of each, and its id."""
        if self.messages is None:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return _running(self.messages, 8, rows)

    def members(self, rows: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Return the members of some relations: the place in `rows`, id, type (1: way), place of the role's text."""
        if self.messages is None:
            nothing = np.empty(0, np.int64)
            return nothing, nothing, nothing, nothing
        owner, number = _running(self.messages, 9, rows)
        role, kind = (self.messages.values[self.messages.span(field).take(rows).places()[1]] for field in (8, 10))
        if not len(owner) == len(role) == len(kind):
            message = "members without a role or a type"
            raise UnreadableError(message)
        return owner, number, kind, role


class Block:
    """Objects that are stored together, with their texts."""

    def __init__(self, data: bytes, *, history: bool) -> None:
        self._data, self._history = data, history
        self._groups: list[tuple[int, int]] = []
        self._scale: dict[int, int] = {17: _NANO, 19: 0, 20: 0}
        self._table = (0, 0)
        self._heads: list[int] | None = None
        for field, first, second in fields(data, 0, len(data)):
            if field == 1:
                self._table = (first, second)
            elif field == 2:
                self._groups.append((first, second))
            elif field in self._scale:
                self._scale[field] = first - (1 << 64) if first >> 63 else first

    @property
    def kinds(self) -> set[Kind]:
        """What there is in the block."""
        firsts = {varint(self._data, begin)[0] >> 3 for begin, end in self._groups if end > begin}
        return {_GROUP_FIELDS[each] for each in firsts if each in _GROUP_FIELDS}

    def objects(self, kind: Kind) -> Iterator[Objects]:
        """Return the nodes, ways or relations."""
        for begin, end in self._groups:
            field = varint(self._data, begin)[0] >> 3 if end > begin else 0
            if _GROUP_FIELDS.get(field) != kind:
                continue
            if field == _DENSE:
                for each, first, second in fields(self._data, begin, end):
                    if each != _DENSE:
                        raise UnreadableError(_MIXED)
                    yield self._dense(first, second)
            else:
                yield self._plain(field, begin, end)

    def text(self, place: int) -> str:
        """Return one of the texts."""
        return self.texts([place])[0]

    def texts(self, places: Iterable[int]) -> list[str]:
        """Return some of the texts."""
        if self._heads is None:
            self._heads = heads(self._data, *self._table, TEXT)
        data, found = self._data, []
        for at in map(self._heads.__getitem__, places):
            size, begin = (data[at], at + 1) if data[at] < ONE_BYTE else varint(data, at)
            found.append(data[begin : begin + size].decode())
        return found

    def select(self, objects: Objects, kept: Mapping[str, bool], pool: Pool) -> tuple[Ints, Tags]:
        """
        Find the objects with tags that matter.

        Parameters
        ----------
        objects
            Objects of this block.
        kept
            Keys to return; whether an object with the key matters.
        pool
            Takes in the texts.

        Returns
        -------
        rows, tags
            Places of the objects that exist and have any key that matters, and their tags.
        """
        if not len(objects.key):
            return np.empty(0, np.int64), Tags(0, {}, pool)
        places = _distinct(objects.key)
        names = dict(zip(places, self.texts(places), strict=True))
        known = {place: name for place, name in names.items() if name in kept}
        ours = np.zeros(max(names, default=0) + 1, np.int8)
        for place, name in known.items():
            ours[place] = 2 if kept[name] else 1
        rank = ours[objects.key]
        counts = np.zeros(len(objects.number), dtype=bool)
        counts[objects.owner[rank == 2]] = True
        counts &= objects.here
        keep = (rank > 0) & counts[objects.owner]
        rows = np.flatnonzero(counts)
        owner, key = (np.cumsum(counts) - 1)[objects.owner[keep]], objects.key[keep]
        code = self._codes(objects.value[keep], pool)
        columns: dict[str, NDArray[np.int32]] = {}
        for place, name in known.items():
            tagged = key == place
            columns[name] = np.full(len(rows), NONE, np.int32)
            columns[name][owner[tagged]] = code[tagged]
        return rows, Tags(len(rows), columns, pool)

    def _codes(self, places: Ints, pool: Pool) -> NDArray[np.int32]:
        code = np.full(int(places.max(initial=-1)) + 1, NONE, np.int32)
        distinct = _distinct(places)
        code[distinct] = list(map(pool.code, self.texts(distinct)))
        return np.asarray(code[places])

    def _plain(self, field: int, begin: int, end: int) -> Objects:
        """Read nodes, ways or relations that are stored one by one."""
        messages = Messages(self._data, begin, end, field << 3 | BYTES)
        owner, key_place = messages.span(2).places()
        owner_, value_place = messages.span(3).places()
        if not np.array_equal(owner, owner_):
            message = "keys without values"
            raise UnreadableError(message)
        number = messages.numbers(1)
        parts = (self._alive(messages), owner, messages.values[key_place], messages.values[value_place])
        if field != _NODES:
            return Objects(number, *parts, np.empty((0, 2), np.int64), messages)
        return Objects(signed(number), *parts, self._place(signed(messages.numbers(9)), signed(messages.numbers(8))))

    def _alive(self, messages: Messages) -> NDArray[np.bool_]:
        here = np.ones(len(messages), dtype=bool)
        if self._history:
            owner, place = messages.span(4).places()
            number = messages.values[place]
            gone = np.flatnonzero((number[:-1] == 6 << 3) & (number[1:] == 0) & (owner[:-1] == owner[1:]))
            first = messages.span(4).low[owner[gone]]
            here[owner[gone[(place[gone] - first) % 2 == 0]]] = False
        return here

    def _dense(self, begin: int, end: int) -> Objects:
        """Read nodes that are stored column by column."""
        raw = np.frombuffer(self._data, np.uint8)
        nothing = (begin, begin)
        found = {field: (first, second) for field, first, second in fields(self._data, begin, end)}
        number, lat, lon = (deltas(raw[slice(*found.get(field, nothing))]) for field in (1, 8, 9))
        if not len(number) == len(lat) == len(lon):
            message = "nodes without a place"
            raise UnreadableError(message)
        here = np.ones(len(number), dtype=bool)
        if self._history and 5 in found:
            visible = {field: (first, second) for field, first, second in fields(self._data, *found[5])}.get(6)
            here = raw[slice(*visible)] != 0 if visible else here
        if len(here) != len(number):
            message = "nodes without information"
            raise UnreadableError(message)
        tags = _dense_tags(varints(raw[slice(*found.get(10, nothing))])[0], len(number))
        return Objects(number, here, *tags, self._place(lon, lat))

    def _place(self, lon: Ints, lat: Ints) -> Ints:
        place = np.column_stack([lon, lat])
        if self._scale == {17: _NANO, 19: 0, 20: 0}:
            return place
        nano = place * self._scale[17] + np.array([self._scale[20], self._scale[19]])
        return np.asarray(np.sign(nano) * (np.abs(nano) // _NANO))


def _distinct(places: Ints) -> list[int]:
    """Return the places of texts that occur; there are never many texts in a block."""
    if places.min(initial=0) < 0 or places.max(initial=0) >= MAX_BLOB:
        message = "a text that is not there"
        raise UnreadableError(message)
    occur = np.zeros(int(places.max(initial=-1)) + 1, dtype=bool)
    occur[places] = True
    return np.flatnonzero(occur).tolist()


def _dense_tags(numbers: Ints, nodes: int) -> tuple[Ints, Ints, Ints]:
    """Take apart `key value key value 0 0 key value 0`: the tags of each node, up to a zero."""
    if not numbers.any():
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    stop = numbers == 0
    if int(stop.sum()) != nodes:
        message = "tags without a node"
        raise UnreadableError(message)
    owner = np.cumsum(stop) - stop
    begin = np.append(0, np.flatnonzero(stop) + 1)
    odd = (np.arange(len(numbers)) - begin[owner]) % 2 == 1
    if (stop & odd).any():
        message = "a key without a value"
        raise UnreadableError(message)
    key = np.flatnonzero(~stop & ~odd)
    return owner[key], numbers[key], numbers[key + 1]


def _running(messages: Messages, field: int, rows: Ints) -> tuple[Ints, Ints]:
    """Return packed differences of some messages as what they add up to."""
    span = messages.span(field).take(rows)
    owner, place = span.places()
    step = signed(messages.values[place])
    total = np.cumsum(step)
    some = span.counts > 0
    first = (np.cumsum(span.counts) - span.counts)[some]
    before = np.zeros(len(rows), np.int64)
    before[some] = total[first] - step[first]
    return owner, total - before[owner]


class PbfFile:
    """
    An extract on disk.

    Parameters
    ----------
    path
        File in PBF.

    Raises
    ------
    UnreadableError
        If it is no such file.
    UnusualError
        If it is built in a way that is not read here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blobs: list[tuple[int, int]] = []
        self._kinds: dict[tuple[int, int], set[Kind]] = {}
        self._history = False
        size = path.stat().st_size
        self._kept: dict[tuple[int, int], Block] | None = {} if size <= SMALL_BYTES else None
        with path.open("rb") as file:
            self._index(file, size)

    def blocks(self, kind: Kind) -> Iterator[Block]:
        """Return the blocks that hold objects of a kind; in a large file each is forgotten when the next is read."""
        with self._path.open("rb") as file:
            for place in self._blobs:
                if kind not in self._kinds.get(place, kind):
                    continue
                block = (self._kept or {}).get(place)
                if block is None:
                    block = Block(_unpacked(_bytes(file, *place)), history=self._history)
                    self._kinds[place] = block.kinds
                if self._kept is not None:
                    self._kept[place] = block
                if kind in block.kinds:
                    yield block

    def _index(self, file: BinaryIO, end: int) -> None:
        """Note where the blocks are, and read the header of the file."""
        at = 0
        while at < end:
            size = int.from_bytes(_bytes(file, at, 4))
            if not 0 < size <= MAX_HEADER:
                message = "no header of a block"
                raise UnreadableError(message)
            header = _bytes(file, at + 4, size)
            told = {field: (first, second) for field, first, second in fields(header, 0, size)}
            kind, length = header[slice(*told.get(1, (0, 0)))], told.get(3, (0, 0))[0]
            at += 4 + size
            if not 0 <= length <= MAX_BLOB:
                message = "a block too large"
                raise UnreadableError(message)
            if kind == b"OSMHeader":
                self._check_header(_unpacked(_bytes(file, at, length)))
            elif kind == b"OSMData":
                self._blobs.append((at, length))
            at += length
        if at != end or not at:
            message = "the file ends too early"
            raise UnreadableError(message)

    def _check_header(self, header: bytes) -> None:
        wanted = {header[first:second] for field, first, second in fields(header, 0, len(header)) if field == 4}
        self._history |= b"HistoricalInformation" in wanted
        if wanted - KNOWN_FEATURES:
            message = "a file with features of its own"
            raise UnusualError(message)


def _bytes(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    data = file.read(size)
    if len(data) != size:
        message = "the file ends too early"
        raise UnreadableError(message)
    return data


def _unpacked(blob: bytes) -> bytes:
    """Unpack a block; never more than a block may hold."""
    packings = set()
    for field, first, second in fields(blob, 0, len(blob)):
        packings.add(field)
        if field == 1:
            return blob[first:second]
        if field == 3:
            unpack = zlib.decompressobj()
            data = unpack.decompress(blob[first:second], MAX_BLOB)
            if not unpack.eof:
                message = "a block too large, or cut"
                raise UnreadableError(message)
            return data
    if packings & {4, 6, 7}:
        message = "packed in a way that is not read here"
        raise UnusualError(message)
    message = "an empty block"
    raise UnreadableError(message)

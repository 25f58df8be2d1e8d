"""Zip archives, read with limits: what is broken is told, and what can be read of it is given.

Python's own `zipfile` reads the list of entries; their contents are unpacked here, because it knows
Zstandard (method 93) only from Python 3.14 on, and gives up a whole entry for one wrong byte. Where the
list is broken the entries are found by the headers that stand before each. Names are never paths.
"""

import bisect
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from workbench.trajectories.model import Json
from workbench.trajectories.sources.documents import Document

MAX_ENTRIES = 2_000_000
"""More than any log holds; each takes some hundred bytes of memory."""

_LOCAL = struct.Struct("<4s5H3L2H")
_SIGNATURE = re.compile(rb"PK(?:\x03\x04|\x07\x08|\x01\x02|\x05\x06)")
_BROKEN = (
    zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, OverflowError, EOFError,
)  # fmt: skip
_STORED, _DEFLATE, _ZSTD = 0, 8, 93
_BLOCK = 2**16
# Every entry may grow this much, whatever the limit on its ratio.
_FREE = 2**20
# An entry's own header may bear more than the list says of it, and a descriptor may follow.
_SLACK = 512


class Entry(NamedTuple):
    """Where an entry stands.

    `offset` is that of its local header; `packed` and `size` are numbers of bytes, None where only
    the end of the data tells; `crc` is its checksum.
    """

    name: str
    offset: int
    method: int
    packed: int | None
    size: int | None
    crc: int | None
    encrypted: bool = False


@dataclass
class Archive:
    """The entries of a zip archive, each read when it is asked for.

    Parameters
    ----------
    document : Document
        The archive; what is wrong with it becomes notices of the document.

    Examples
    --------
    >>> from pathlib import Path
    >>> packed = io.BytesIO()
    >>> with zipfile.ZipFile(packed, "w") as file:
    ...     file.writestr("a.json", '{"b": 1}')
    >>> archive = Archive(Document(Path("x"), "x", data=packed.getvalue()))
    >>> archive.names, archive.json("a.json")
    (['a.json'], {'b': 1})
    """

    document: Document
    _spent: int = field(default=0, repr=False)
    # what came out of an entry, by its offset
    _passed: dict[int, int] = field(default_factory=dict, repr=False)

    @cached_property
    def names(self) -> list[str]:
        """The names of the entries in the order of the archive, each once."""
        return list(self._entries)

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        listed = self._listed()
        entries = list(self._found()) if listed is None else listed
        if listed is None:
            self._say(
                "", f"its list of entries is broken; {len(entries)} were found by their headers"
            )
        found: dict[str, Entry] = {}
        for entry in entries[:MAX_ENTRIES]:
            if entry.name in found:
                self._say(
                    entry.name, "an entry of the same name stands before; the last one counts"
                )
                # the last keeps its place
                del found[entry.name]
            found[entry.name] = entry
        if len(entries) > MAX_ENTRIES:
            self._say("", f"only the first {MAX_ENTRIES:,} of {len(entries):,} entries are read")
        return found

    def _say(self, name: str, reason: str) -> None:
        self.document.notice("unreadable", f"{name}!" if name else "", reason, "error")

    def _listed(self) -> list[Entry] | None:
        """Return the entries that the archive lists, in their order on the disk."""
        try:
            with self.document.open() as stream, zipfile.ZipFile(stream) as archive:
                listed = [_entry_of(info) for info in archive.infolist()]
                end = archive.start_dir
        except _BROKEN:
            return None
        listed.sort(key=lambda entry: entry.offset)
        self._tell_gaps(listed, end)
        return listed

    def _tell_gaps(self, entries: list[Entry], end: int) -> None:
        """Tell of bytes before the list that no entry claims."""
        at = 0
        for entry in [*entries, Entry("", end, 0, 0, 0, 0)]:
            if entry.offset - at > _SLACK:
                self._say("", f"bytes {at} to {entry.offset} belong to no entry that is listed")
            at = (
                entry.offset
                + _LOCAL.size
                + len(entry.name.encode(errors="replace"))
                + (entry.packed or 0)
            )

    def _found(self) -> Iterator[Entry]:
        """Yield the entries by the headers that stand before them."""
        with self.document.open() as stream:
            content = stream.read()
        marks = [match.start() for match in _SIGNATURE.finditer(content)]
        at = -1
        for mark in marks:
            if mark < at or content[mark : mark + 4] != b"PK\x03\x04":
                continue
            if header := _header(content, mark, marks):
                entry, at = header
                yield entry

    def read(self, name: str) -> bytes:
        """Return the content of an entry; of a broken one what comes out before the break.

        Parameters
        ----------
        name : str
            One of `names`; anything else is empty.
        """
        if name not in self._entries:
            return b""
        entry = self._standing(self._entries[name])
        if entry is None:
            self._say(name, "it stands nowhere in the archive")
            return b""
        if entry.encrypted or entry.method not in {_STORED, _DEFLATE, _ZSTD}:
            how = "encrypted" if entry.encrypted else f"packed by method {entry.method}"
            self._say(name, f"it is {how}, which is not read; pack it with deflate or zstd")
            return b""
        packed = self._packed(entry)
        unpacked = b"".join(self._limited(entry, _unpacked(entry, packed, self._say)))
        self._check(entry, unpacked)
        return unpacked

    def _check(self, entry: Entry, unpacked: bytes) -> None:
        """Tell where an entry is not what the archive says of it."""
        if entry.size not in {None, len(unpacked)}:
            self._say(entry.name, f"it must hold {entry.size:,} bytes, but {len(unpacked):,} came")
        elif entry.crc not in {None, zlib.crc32(unpacked)}:
            self._say(
                entry.name, "its checksum is wrong: some of its bytes are not what was written"
            )

    def json(self, name: str) -> Json:
        """Return the JSON value of an entry; None where nothing could be read."""
        return self.document.parsed(self.read(name), f"{name}!")

    def _standing(self, entry: Entry) -> Entry | None:
        """Return an entry if it begins where the list says, or else the one found by its header."""
        if entry.offset in self._headers:
            return entry
        found = self._by_header.get(entry.name)
        if found is None:
            return None
        self._say(
            entry.name, f"it begins at byte {found.offset}, not at {entry.offset} as is listed"
        )
        return found._replace(size=entry.size, crc=entry.crc)

    @cached_property
    def _headers(self) -> set[int]:
        """The listed places where an entry begins indeed."""
        found = set()
        with self.document.open() as stream:
            whole = stream.seek(0, io.SEEK_END)
            for entry in self._entries.values():
                if 0 <= entry.offset < whole and stream.seek(entry.offset) == entry.offset:
                    found |= {entry.offset} if stream.read(4) == b"PK\x03\x04" else set()
        return found

    @cached_property
    def _by_header(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self._found()}

    def _packed(self, entry: Entry) -> bytes:
        """Return the bytes of an entry as they lie in the archive."""
        with self.document.open() as stream:
            whole = stream.seek(0, io.SEEK_END)
            stream.seek(entry.offset)
            head = stream.read(_LOCAL.size)
            if len(head) < _LOCAL.size:
                return b""
            start = entry.offset + _LOCAL.size + sum(_LOCAL.unpack(head)[-2:])
            if self._reaches_over(entry, start):
                self._say(entry.name, "it lies over the entry after it, as in a zip bomb")
                return b""
            stream.seek(start)
            # a broken list may promise more bytes than there are, or than memory holds
            return stream.read(min(entry.packed or 0, whole))

    @cached_property
    def _offsets(self) -> list[int]:
        return sorted(self._headers)

    def _reaches_over(self, entry: Entry, start: int) -> bool:
        after = bisect.bisect_right(self._offsets, entry.offset)
        return after < len(self._offsets) and start + (entry.packed or 0) > self._offsets[after]

    def _limited(self, entry: Entry, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass blocks on until there are too many; an entry that is read again gives what it gave."""
        if entry.offset in self._passed:
            yield from _first_bytes(blocks, self._passed[entry.offset])
            return
        limits, n = self.document.limits, 0
        most = min(limits.entry_bytes, max(_FREE, limits.ratio * (entry.packed or 0)))
        for block in blocks:
            n, self._spent = n + len(block), self._spent + len(block)
            if n > most or self._spent > limits.file_bytes:
                self._say(
                    entry.name,
                    f"it is not read beyond {n - len(block):,} bytes, which is its limit",
                )
                n -= len(block)
                break
            yield block
        self._passed[entry.offset] = n


def _first_bytes(blocks: Iterator[bytes], n: int) -> Iterator[bytes]:
    for block in blocks:
        yield block[:n]
        n -= len(block)
        if n <= 0:
            return


def _entry_of(info: zipfile.ZipInfo) -> Entry:
    return Entry(
        info.filename, info.header_offset, info.compress_type, info.compress_size, info.file_size,
        info.CRC, bool(info.flag_bits & 1),
    )  # fmt: skip


def _header(content: bytes, at: int, marks: list[int]) -> tuple[Entry, int] | None:
    """Return the entry whose header stands at a place, and where its data end."""
    head = content[at : at + _LOCAL.size]
    if len(head) < _LOCAL.size:
        return None
    _, _, flags, method, _, _, crc, packed, size, n_name, n_extra = _LOCAL.unpack(head)
    start = at + _LOCAL.size + n_name + n_extra
    name = content[at + _LOCAL.size : at + _LOCAL.size + n_name].decode("utf-8", errors="replace")
    end = start + packed
    # sizes may follow the data, or be wrong: then the next mark ends them
    known = (
        not flags & 8
        and packed != 0xFFFFFFFF
        and (end >= len(content) or content[end : end + 2] == b"PK")
    )
    if not known:
        after = bisect.bisect_left(marks, start)
        # a name that is cut short would begin the data behind all bytes
        end = max(start, marks[after] if after < len(marks) else len(content))
    entry = Entry(name, at, method, end - start, size, crc, bool(flags & 1))
    return (entry if known else entry._replace(size=None, crc=None)), end


def _unpacked(entry: Entry, packed: bytes, say: Callable[[str, str], None]) -> Iterator[bytes]:
    """Yield what comes out of packed bytes, until they end or break."""
    if entry.method == _STORED:
        yield packed
    elif entry.method == _DEFLATE:
        yield from _inflated(entry.name, packed, say)
    else:
        yield from _from_zstd(entry.name, packed, say)


def _inflated(name: str, packed: bytes, say: Callable[[str, str], None]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    rest = packed
    try:
        while rest and not unpacker.eof:
            yield unpacker.decompress(rest, _BLOCK)
            rest = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        say(name, f"the rest cannot be unpacked ({error})")


def _from_zstd(name: str, packed: bytes, say: Callable[[str, str], None]) -> Iterator[bytes]:
    import zstandard

    # writers split large entries into several frames
    reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
    try:
        while block := reader.read(_BLOCK):
            yield block
    except zstandard.ZstdError as error:
        say(name, f"the rest cannot be unpacked ({error})")

"""Bytes and packing broken on purpose: cut, flipped, in another encoding; gzip and zip that lie.

Each function takes a whole file and what decides, and returns a broken one.
"""

import gzip
import struct
import zipfile
import zlib
from io import BytesIO
from random import Random
from typing import NamedTuple

BOMB_BYTES = 12 * 2**20
"""How much a bomb holds unpacked; read it with limits below."""


def word(chance: Random) -> str:
    """Return a word that stands nowhere else."""
    return f"zq{chance.getrandbits(40):010x}"


# --- bytes


def _range(data: bytes, chance: Random) -> tuple[int, int]:
    begin = chance.randint(0, len(data))
    return begin, min(len(data), begin + chance.choice([1, 2, 8, 60, 400, len(data)]))


def cut(data: bytes, chance: Random) -> bytes:
    """Let a file end anywhere."""
    return data[: chance.randint(0, len(data))]


def flipped(data: bytes, chance: Random) -> bytes:
    """Turn some bits."""
    found = bytearray(data)
    for _ in range(chance.choice([1, 1, 4, 40])):
        if found:
            found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def range_gone(data: bytes, chance: Random) -> bytes:
    """Take bytes out."""
    begin, end = _range(data, chance)
    return data[:begin] + data[end:]


def range_twice(data: bytes, chance: Random) -> bytes:
    """Let bytes stand twice."""
    begin, end = _range(data, chance)
    return data[:end] + data[begin:]


def ranges_swapped(data: bytes, chance: Random) -> bytes:
    """Let two ranges of bytes change places."""
    a, b, c, d = sorted(chance.randint(0, len(data)) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def inserted(data: bytes, chance: Random) -> bytes:
    """Put in bytes that are no UTF-8, or no JSON, or some of its marks."""
    at = chance.randint(0, len(data))
    odd = chance.choice([
        b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\x00" * 600, b"\xe2\x80\xa8",
        b'"', b"\\", b"{", b"]", b"[" * 300, b",", b"\n", b"\r", b'\n{"a": 1}\n', b"NaN", b"// \n", b"\x1a",
    ])  # fmt: skip
    return data[:at] + odd + data[at:]


def marked(data: bytes, chance: Random) -> bytes:
    """Put a byte order mark before it all, or in the middle."""
    at = chance.choice([0, 0, 0, chance.randint(0, len(data))])
    return data[:at] + b"\xef\xbb\xbf" + data[at:]


def other_encoding(data: bytes, chance: Random) -> bytes:
    """Write it in another encoding."""
    text = data.decode("utf-8", "replace")
    return text.encode(
        chance.choice(["utf-16", "utf-16-le", "utf-32", "latin-1", "cp037"]), "replace"
    )


def other_ends(data: bytes, chance: Random) -> bytes:
    """End lines as Windows does, or as no system does."""
    return data.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\n", b"\n \n", b"\n\x00\n"]))


def nothing(data: bytes, chance: Random) -> bytes:
    """Leave nothing, or nearly nothing."""
    return chance.choice(
        [
            b"",
            b" ",
            b"\n" * 300,
            b"\xef\xbb\xbf",
            b"null",
            b"[]",
            b"{}",
            b"\x00",
            b'""',
            b"[[]]",
            b"0",
        ]
    )


def joined(data: bytes, chance: Random) -> bytes:
    """Let it follow on itself."""
    return data + chance.choice([b"", b"\n", b",", b"\x00"]) + data


def other_lines(data: bytes, chance: Random) -> bytes:
    """Lose, double, break or mix lines."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    lines[at : at + 1] = chance.choice(
        [[], [lines[at]] * 2, [lines[at][:50], lines[at][50:]], [b"x"]]
    )
    if chance.random() < 0.3:
        chance.shuffle(lines)
    return b"\n".join(lines)


BYTES = [
    cut, cut, flipped, flipped, range_gone, range_twice, ranges_swapped, inserted, inserted, marked,
    other_encoding, other_ends, nothing, joined, other_lines,
]  # fmt: skip


# --- packing


def gzip_whole(data: bytes, chance: Random) -> bytes:
    """Pack it, in one piece or in several."""
    at = chance.randint(0, len(data))
    return (
        gzip.compress(data[:at])
        + gzip.compress(data[at:])
        + chance.choice([b"", b"\x00" * 9, b"x"])
    )


def gzip_cut(data: bytes, chance: Random) -> bytes:
    """Pack it, and let the file end anywhere."""
    return cut(gzip.compress(data), chance)


def gzip_flipped(data: bytes, chance: Random) -> bytes:
    """Pack it, and turn bits."""
    return flipped(gzip.compress(data), chance)


def gzip_bomb(data: bytes, chance: Random) -> bytes:
    """Pack more than any limit allows, behind what was there or instead."""
    piece = chance.choice(
        [b" ", b"\n", b"[", b"0,", b'{"a":', b"\x00", b'"', b"0\n", b" \n", b"{}\n", b"{},"]
    )
    before = chance.choice([b"", data, data[:1]])
    return gzip.compress(before + piece * (BOMB_BYTES // len(piece)), 9)


GZIPS = [gzip_whole, gzip_cut, gzip_cut, gzip_flipped, gzip_flipped]


class Entry(NamedTuple):
    """An entry of a zip archive, and what the archive says of it against the truth."""

    name: str
    data: bytes
    method: int = 8
    packed: bytes | None = None
    size: int | None = None
    crc: int | None = None
    offset: int | None = None


_LOCAL = struct.Struct("<4s5H3L2H")
_LISTED = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")


def zipped(entries: list[Entry]) -> bytes:
    """Return a zip archive, with all that its entries say of themselves."""
    content, listed = b"", b""
    for each in entries:
        name, packed = each.name.encode("utf-8", "surrogatepass"), each.packed
        packed = _packed(each) if packed is None else packed
        size = len(each.data) if each.size is None else each.size
        crc = zlib.crc32(each.data) if each.crc is None else each.crc
        # the flag that says that names are in UTF-8
        head = (0x800, each.method, 0, 0x21, crc, len(packed), size, len(name), 0)
        offset = len(content) if each.offset is None else each.offset
        content += _LOCAL.pack(b"PK\x03\x04", 20, *head) + name + packed
        listed += _LISTED.pack(b"PK\x01\x02", 20, 20, *head, 0, 0, 0, 0, offset) + name
    n = len(entries)
    return content + listed + _END.pack(b"PK\x05\x06", 0, 0, n, n, len(listed), len(content), 0)


def _packed(entry: Entry) -> bytes:
    if entry.method == 93:
        import zstandard

        return zstandard.compress(entry.data)
    if entry.method != 8:
        return entry.data
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(entry.data) + packer.flush()


def unzipped(data: bytes) -> list[Entry]:
    """Return the entries of a whole zip archive."""
    found = []
    with zipfile.ZipFile(BytesIO(data)) as archive:
        for info in archive.infolist():
            start = info.header_offset + _LOCAL.size
            start += sum(_LOCAL.unpack(data[info.header_offset : start])[-2:])
            packed = data[start : start + info.compress_size]
            found.append(
                Entry(info.filename, _unpacked(info.compress_type, packed), info.compress_type)
            )
    return found


def _unpacked(method: int, packed: bytes) -> bytes:
    if method == 93:
        import zstandard

        return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
    return zlib.decompress(packed, -zlib.MAX_WBITS) if method == 8 else packed


def zip_bytes(data: bytes, chance: Random) -> bytes:
    """Break the bytes of an archive."""
    return chance.choice([cut, flipped, flipped, range_gone, range_twice, ranges_swapped])(
        data, chance
    )


def zip_names(data: bytes, chance: Random) -> bytes:
    """Give an entry a name that leads elsewhere, that is another's, or that is odd."""
    entries = unzipped(data)
    at = chance.randrange(len(entries))
    name = entries[at].name
    name = chance.choice([
        f"/{name}", f"../../{name}", f"samples/../../{name}", "/etc/passwd", "C:\\x\\header.json", "",
        "samples/", "a" * 60_000, f"{name}\x00.json", entries[0].name, name.replace(".json", ".txt"),
        f"samples/{name}", "samples/\u202e_epoch_9.json", "samples/x_epoch_99999999999999999999.json",
    ])  # fmt: skip
    entries[at] = entries[at]._replace(name=name)
    if chance.random() < 0.3:
        entries.insert(
            chance.randint(0, len(entries)),
            Entry(name, b'{"a": "' + word(chance).encode() + b'"}'),
        )
    return zipped(entries)


def zip_lies(data: bytes, chance: Random) -> bytes:
    """Say what is not true of an entry: size, checksum, method, place."""
    entries = unzipped(data)
    at = chance.randrange(len(entries))
    entry = entries[at]
    entries[at] = chance.choice([
        entry._replace(size=chance.choice([0, 1, 2**32 - 1, len(entry.data) + 1])),
        entry._replace(crc=chance.getrandbits(32)),
        entry._replace(packed=_packed(entry), method=chance.choice([0, 8, 93, 12, 14, 99])),
        entry._replace(offset=chance.choice([0, 7, 2**32 - 1, 2**31])),
        entry._replace(packed=flipped(_packed(entry), chance)),
        entry._replace(packed=cut(_packed(entry), chance)),
    ])  # fmt: skip
    return zipped(entries)


def zip_entries(data: bytes, chance: Random) -> bytes:
    """Lose, double or mix entries."""
    entries = unzipped(data)
    at = chance.randrange(len(entries))
    entries[at : at + 1] = chance.choice([[], [entries[at]] * 2, [entries[at]._replace(data=b"")]])
    chance.shuffle(entries)
    return zipped(entries)


def zip_content(data: bytes, chance: Random) -> bytes:
    """Break the bytes of an entry before they are packed."""
    entries = unzipped(data)
    at = chance.randrange(len(entries))
    entries[at] = entries[at]._replace(data=chance.choice(BYTES)(entries[at].data, chance))
    return zipped(entries)


def zip_bomb(data: bytes, chance: Random) -> bytes:
    """Let an entry hold more than any limit allows, or all entries the same bytes."""
    entries = unzipped(data)
    at = chance.randrange(len(entries))
    piece = chance.choice([b" ", b"[", b"0,", b"\x00", b'{"a":'])
    bomb = entries[at]._replace(data=entries[at].data + piece * (BOMB_BYTES // len(piece)))
    if chance.random() < 0.3:
        return zipped(
            [bomb, *[Entry(f"samples/{n}_epoch_1.json", b"", offset=0) for n in range(300)]]
        )
    entries[at] = bomb._replace(method=chance.choice([8, 93]))
    return zipped(entries)


ZIPS = [zip_bytes, zip_bytes, zip_names, zip_lies, zip_entries, zip_content, zip_content]

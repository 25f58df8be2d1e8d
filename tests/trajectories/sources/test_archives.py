"""Zip archives: as Python's own reader reads them, what it cannot read, and what is broken."""

import io
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard

from workbench.trajectories.sources.archives import Archive
from workbench.trajectories.sources.documents import Document, Limits

CONTENTS = {
    "header.json": b'{"status": "success"}',
    "samples/a/b_epoch_1.json": b'{"id": "a/b"}' * 5000,
    "../../etc/passwd": b'"a name, and no path"',
    "empty.json": b"",
    "na\xefve \U0001f600.json": b"[1]",
}


class Unseekable(io.BytesIO):
    """A stream such as a socket: sizes can only be written after the data."""

    def seekable(self):
        return False

    def tell(self):
        raise OSError

    def seek(self, *place):
        raise OSError


def packed(contents=CONTENTS, *, method=zipfile.ZIP_DEFLATED, to=io.BytesIO):
    stream = to()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return stream.getvalue()


def packed_with_zstd(contents=CONTENTS, *, n_frames=1):
    """An archive as Inspect writes it: a stored one, of which data and methods are exchanged."""
    pieces, listed, at = [], [], 0
    for name, content in contents.items():
        step = len(content) // n_frames + 1
        data = b"".join(
            zstandard.compress(content[start : start + step])
            for start in range(0, len(content) or 1, step)
        )
        told = zipfile.ZipInfo(name)
        told.compress_type, told.CRC = zipfile.ZIP_STORED, zlib.crc32(content)
        told.file_size, told.compress_size, told.header_offset = len(content), len(data), at
        head = bytearray(told.FileHeader(zip64=False))
        head[8:10] = (93).to_bytes(2, "little")
        pieces.append(bytes(head) + data)
        at += len(pieces[-1])
        listed.append(told)
    stream = io.BytesIO()
    archive = zipfile.ZipFile(stream, "w")
    stream.write(b"".join(pieces))
    archive.start_dir, archive.filelist, archive._didModify = at, listed, True
    archive.close()
    whole = bytearray(stream.getvalue())
    for _ in listed:
        # the list has the method two bytes further on
        place = whole.index(b"PK\x01\x02", at)
        whole[place + 10 : place + 12] = (93).to_bytes(2, "little")
        at = place + 46
    return bytes(whole)


def opened(content, **limits):
    return Archive(Document(Path("log.eval"), "log.eval", Limits(**limits), data=content))


def read(content, **limits):
    archive = opened(content, **limits)
    return {name: archive.read(name) for name in archive.names}, archive.document.notices


def reasons(notices):
    return [f"{notice.place}: {notice.reason}" for notice in notices]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_is_read_as_pythons_own_reader_reads_it(method):
    content = packed(method=method)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        expected = {name: archive.read(name) for name in archive.namelist()}
    assert read(content) == (expected, [])


@pytest.mark.parametrize("n_frames", [1, 3])
def test_entries_packed_with_zstandard_are_read_whatever_their_frames(n_frames):
    assert read(packed_with_zstd(n_frames=n_frames)) == (CONTENTS, [])


def test_archives_of_inspect_itself_are_packed_with_zstandard(fixtures):
    for name in ("small.eval", "small_chunked.eval"):
        content = (fixtures / "inspect" / name).read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert {each.compress_type for each in archive.infolist()} == {93}
            sizes = {each.filename: each.file_size for each in archive.infolist()}
        contents, notices = read(content)
        assert {name: len(each) for name, each in contents.items()} == sizes
        assert notices == []


@pytest.mark.parametrize("to", [io.BytesIO, Unseekable])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_are_found_by_their_headers_where_the_list_is_cut_off(to, method):
    contents, notices = read(packed(method=method, to=to)[:-150])
    assert set(contents) == set(CONTENTS)
    if to is io.BytesIO:
        assert contents == CONTENTS
    else:
        # a descriptor of 16 bytes follows stored data; nothing says where they end but its mark
        assert all(contents[name][: len(each)] == each for name, each in CONTENTS.items())
    assert reasons(notices) == [": its list of entries is broken; 5 were found by their headers"]


def test_of_an_entry_that_is_cut_off_what_comes_before_is_read():
    lines = "\n".join(str(number * number) for number in range(20_000)).encode()
    content = packed({"a.json": b"{}", "b.json": lines})
    contents, notices = read(content[: len(content) // 2])
    assert contents["a.json"] == b"{}"
    assert len(contents["b.json"]) > 10_000
    assert lines.startswith(contents["b.json"])
    assert reasons(notices) == [
        ": its list of entries is broken; 2 were found by their headers",
        f"b.json!: it must hold {len(lines):,} bytes, but {len(contents['b.json']):,} came",
    ]


def test_entries_behind_lost_bytes_are_found_all_the_same():
    content = packed()
    start = content.index(b"samples/a/b")
    contents, notices = read(content[: start + 20] + content[start + 40 :])
    whole = {name: each for name, each in CONTENTS.items() if not name.startswith("samples")}
    assert {name: contents[name] for name in whole} == whole
    assert "samples/a/b_epoch_1.json!" in {notice.place for notice in notices}


def test_a_wrong_byte_is_told_by_the_checksum():
    content = packed({"a.json": b'{"text": "right"}'}, method=zipfile.ZIP_STORED)
    contents, notices = read(content.replace(b"right", b"wrong", 1))
    assert contents == {"a.json": b'{"text": "wrong"}'}
    assert reasons(notices) == [
        "a.json!: its checksum is wrong: some of its bytes are not what was written"
    ]


def test_broken_zstandard_is_told_with_its_reason():
    content = bytearray(packed_with_zstd({"a.json": bytes(range(256)) * 40}))
    content[36 : 36 + 4] = b"none"
    _, notices = read(bytes(content))
    assert notices[0].reason.startswith("the rest cannot be unpacked (zstd ")


def test_a_bomb_is_read_up_to_the_limit_of_its_ratio():
    content = packed({"a.json": bytes(30 * 2**20)})
    contents, notices = read(content, ratio=100)
    assert 2**20 <= len(contents["a.json"]) < 4 * 2**20
    assert notices[0].reason.startswith("it is not read beyond ")


def test_a_bomb_of_zstandard_is_read_up_to_the_limit_of_an_entry():
    bomb = packed_with_zstd({"a.json": bytes(30 * 2**20)})
    contents, notices = read(bomb, entry_bytes=2**21, ratio=10**6)
    assert len(contents["a.json"]) == 2**21
    assert reasons(notices) == [
        "a.json!: it is not read beyond 2,097,152 bytes, which is its limit",
        "a.json!: it must hold 31,457,280 bytes, but 2,097,152 came",
    ]


def test_all_entries_together_have_a_limit():
    content = packed({f"{at}.json": b"x" * 2**16 for at in range(5)}, method=zipfile.ZIP_STORED)
    contents, _ = read(content, file_bytes=2**18)
    assert [len(each) for each in contents.values()] == [2**16] * 4 + [0]


def test_entries_that_lie_over_each_other_are_not_read():
    # as in Fifield (2019), "A better zip bomb": one file inside another
    inner = packed({"inner.json": b"{}" * 99}, method=zipfile.ZIP_STORED)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("outer.json", inner)
        told = zipfile.ZipInfo("inner.json")
        told.file_size = told.compress_size = 198
        told.CRC, told.header_offset = zlib.crc32(b"{}" * 99), stream.getvalue().index(inner)
        archive.filelist.append(told)
    contents, notices = read(stream.getvalue())
    assert contents == {"outer.json": b"", "inner.json": b"{}" * 99}
    assert "outer.json!: it lies over the entry after it, as in a zip bomb" in reasons(notices)


def test_of_two_entries_with_one_name_the_last_counts_and_both_are_told():
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a.json", "1")
        archive.writestr("a.json", "2")
    contents, notices = read(stream.getvalue())
    assert contents == {"a.json": b"2"}
    assert reasons(notices) == [
        "a.json!: an entry of the same name stands before; the last one counts"
    ]


def test_methods_that_are_not_read_are_named():
    _, notices = read(packed({"a.json": b"{}"}, method=zipfile.ZIP_LZMA))
    assert reasons(notices) == [
        "a.json!: it is packed by method 14, which is not read; pack it with deflate or zstd"
    ]


def test_bytes_that_no_entry_claims_are_told():
    content = packed({"a.json": b"x" * 3000, "b.json": b"{}"}, method=zipfile.ZIP_STORED)
    listed = content.rindex(b"PK\x01\x02")
    first = content.index(b"PK\x01\x02")
    cut = bytearray(content[:first] + content[listed:])
    # one entry is left in the list, and the list is shorter
    cut[-14:-10] = (1).to_bytes(2, "little") * 2
    cut[-10:-6] = (len(cut) - 22 - first).to_bytes(4, "little")
    contents, notices = read(bytes(cut))
    assert contents == {"b.json": b"{}"}
    assert reasons(notices) == [": bytes 0 to 3036 belong to no entry that is listed"]


def test_an_entry_that_is_not_there_is_empty():
    archive = opened(packed())
    assert archive.read("no such entry") == b""


@pytest.mark.parametrize("name", ["small.eval", "small_chunked.eval"])
def test_broken_archives_never_raise_and_never_lose_anything_in_silence(name, fixtures, mutations):
    content = (fixtures / "inspect" / name).read_bytes()
    whole = sorted(read(content)[0].values())
    for broken in mutations(content, 200):
        contents, notices = read(broken)
        assert notices or sorted(contents.values()) == whole


def test_an_entry_that_is_read_again_takes_nothing_from_the_limit():
    archive = opened(packed({"a": b"x" * 300_000, "b": b"y" * 300_000}), file_bytes=700_000)
    for _ in range(5):
        assert archive.read("a") == b"x" * 300_000
        assert archive.read("b") == b"y" * 300_000
    assert archive.document.notices == []


def test_an_entry_that_was_cut_is_cut_at_the_same_place_again():
    archive = opened(packed({"a": b"x" * 3_000_000, "b": b"y"}), file_bytes=1_000_000)
    first = archive.read("a")
    assert 0 < len(first) < 1_000_000
    assert archive.read("a") == first


def test_an_entry_whose_name_is_cut_short_is_empty(tmp_path):
    content = packed({"a.json": b"{}", "a name that is cut.json": b"{}"})
    cut = content.rindex(b"a name that is cut.json", 0, content.index(b"PK\x01\x02")) + 5
    cut_short = bytearray(content[:cut])
    cut_short[cut - 5 - 24] |= 8  # its size would follow the data
    path = tmp_path / "cut.eval"
    path.write_bytes(cut_short)
    archive = Archive(Document(path, path.name))
    assert {name: archive.read(name) for name in archive.names} == {"a.json": b"{}", "a nam": b""}
    assert archive.document.notices

"""Files are written whole or not at all; digests; the project's folders."""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import store
from workbench.errors import Unreadable


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- golden ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        # FIPS 180-2, appendix B.1, and the well-known digest of nothing
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ],
)
def test_a_digest_is_the_sha_256_of_the_content(content, digest):
    assert store.digest(content) == digest


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_and_its_utf_8_have_one_digest(text):
    assert store.digest(text) == store.digest(text.encode("utf-8"))
    assert store.digest(text) == hashlib.sha256(text.encode("utf-8")).hexdigest()


# --- what is written ------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\x00\xff\r\n", b"x" * 200_000])
def test_bytes_are_written_as_they_are(tmp_path, content):
    store.write_bytes(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == content
    assert _names(tmp_path) == ["file"]


def test_a_text_is_utf_8_and_keeps_its_line_ends(tmp_path):
    store.write_text(tmp_path / "file", "ä\r\n\u2028b\n")
    assert (tmp_path / "file").read_bytes() == b"\xc3\xa4\r\n\xe2\x80\xa8b\n"


def test_missing_folders_are_made(tmp_path):
    store.write_text(tmp_path / "a" / "b" / "file", "x")
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"


def test_a_path_may_be_text_and_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.write_text("file", "x")
    assert _names(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["n" * 255, "ä" * 127])
def test_a_name_may_be_as_long_as_a_name_can_be(tmp_path, name):
    store.write_text(tmp_path / name, "x")
    assert _names(tmp_path) == [name]


def test_the_old_file_is_read_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with store.replacing(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_of_two_writers_at_once_the_last_to_finish_wins_whole(tmp_path):
    path = tmp_path / "file"
    with store.replacing(path) as outer:
        outer.write(b"outer " * 9)
        with store.replacing(path) as inner:
            inner.write(b"inner")
        assert path.read_text() == "inner"
    assert path.read_bytes() == b"outer " * 9
    assert _names(tmp_path) == ["file"]


# --- permissions and the disk ---------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755])
def test_permissions_are_kept(tmp_path, mode):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    store.write_text(path, "new")
    assert path.stat().st_mode & 0o777 == mode
    assert path.read_text() == "new"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        store.write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_all_bytes_are_on_the_disk_before_the_old_file_goes(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")
    seen = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(handle):
        seen.append(("fsync", os.fstat(handle).st_size, path.read_text()))
        fsync(handle)

    def watched_replace(source, target, **options):
        seen.append(("replace", Path(source).stat().st_size, path.read_text()))
        replace(source, target, **options)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    store.write_text(path, "new text")
    assert seen == [("fsync", 8, "old"), ("replace", 8, "old")]


# --- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", ["old", None])
def test_a_failing_writer_leaves_the_old_file_and_no_neighbour(tmp_path, error, old):
    path = tmp_path / "file"
    if old is not None:
        path.write_text(old)

    def write_half():
        with store.replacing(path) as stream:
            stream.write(b"half of the n")
            raise error

    with pytest.raises(error):
        write_half()
    assert _names(tmp_path) == (["file"] if old else [])
    assert old is None or path.read_text() == old


def test_a_disk_that_fails_to_sync_leaves_the_old_file_and_no_neighbour(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def broken(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        store.write_text(path, "new")
    assert (_names(tmp_path), path.read_text()) == (["file"], "old")


def test_a_text_that_is_no_unicode_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        store.write_text(path, "new \ud800")
    assert (_names(tmp_path), path.read_text()) == (["file"], "old")


def test_a_folder_in_the_place_of_the_file_is_not_touched(tmp_path):
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "inside").write_text("x")
    with pytest.raises(IsADirectoryError):
        store.write_text(tmp_path / "file", "new")
    assert _names(tmp_path) == ["file"]
    assert _names(tmp_path / "file") == ["inside"]


_WRITES_TOO_MUCH = """
import pathlib, resource, signal, sys
from workbench import store
folder, limit = pathlib.Path(sys.argv[1]), int(sys.argv[2])
store.write_text(folder / "file", "old")
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for size in (200_000, 70_000):
    try:
        store.write_bytes(folder / "file", b"n" * size)
    except OSError as error:
        print(error.strerror)
print(sorted(path.name for path in folder.iterdir()), (folder / "file").read_text())
store.write_text(folder / "file", "new")
print((folder / "file").read_text())
"""


@functools.cache
def _mount():
    """Return a command that mounts a small disk in a namespace of its own, where that is allowed."""
    unshare = shutil.which("unshare")
    ways = [[unshare, "--mount"], [unshare, "--map-root-user", "--mount"]] if unshare else []
    script = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"'
    for way in ways:
        command = [*way, "sh", "-c", script]
        if not subprocess.run(
            [*command, "/tmp", "true"], check=False, capture_output=True
        ).returncode:
            return command
    return None


@pytest.mark.parametrize("kind", ["disk", "limit"] if _mount() else ["limit"])
def test_a_full_disk_leaves_the_old_file_and_no_neighbour(tmp_path, root, kind):
    limit = "0" if kind == "disk" else "65536"
    command = [sys.executable, "-c", _WRITES_TOO_MUCH, str(tmp_path), limit]
    if kind == "disk":
        command = [*_mount(), str(tmp_path), *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    why = "No space left on device" if kind == "disk" else "File too large"
    assert done.stderr == ""
    assert done.stdout == f"{why}\n{why}\n['file'] old\nnew\n"


# --- folders --------------------------------------------------------------------------------


def test_homes_go_from_the_working_folder_upwards_and_end_at_the_checkout(
    tmp_path, monkeypatch, root
):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "a" / "b" / "datasets").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert store.homes("datasets") == [
        tmp_path / "a" / "b" / "datasets",
        tmp_path / "datasets",
        root / "datasets",
    ]


def test_homes_name_the_checkout_once(monkeypatch, root):
    monkeypatch.chdir(root / "workbench")
    assert store.homes("datasets") == [root / "datasets"]


def test_a_file_is_no_home(tmp_path, monkeypatch):
    (tmp_path / "no-such-folder").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert store.homes("no-such-folder") == []


def test_a_link_stays_a_link_and_its_target_is_written(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    store.write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


# --- what is open already -------------------------------------------------------------------


_PRINTS_AND_WRITES = """
import sys
from workbench import store
print("before")
store.write_text(sys.argv[1], "written\\n")
print("after")
"""


def _redirected(root, out, name, mode="wb"):
    with out.open(mode) as stream:
        command = [sys.executable, "-c", _PRINTS_AND_WRITES, str(name)]
        done = subprocess.run(command, check=False, cwd=root, stdout=stream, stderr=subprocess.PIPE)
    assert done.stderr == b""
    return out.read_text()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_output_that_goes_to_a_file_keeps_what_is_printed_before_and_after(
    tmp_path, root, name, mode
):
    assert _redirected(root, tmp_path / "out", name, mode) == "before\nwritten\nafter\n"
    assert _names(tmp_path) == ["out"]


@pytest.mark.parametrize("step", ["link", "folder/stdout"])
def test_a_link_to_the_output_is_the_output(tmp_path, root, step):
    (tmp_path / "link").symlink_to("/dev/stdout")
    (tmp_path / "folder").symlink_to("/dev")
    assert _redirected(root, tmp_path / "out", tmp_path / step) == "before\nwritten\nafter\n"
    assert (tmp_path / "link").is_symlink()


def test_a_device_stays_a_device():
    store.write_text("/dev/null", "x")
    assert Path("/dev/null").is_char_device()


def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        store.write_text(tmp_path / "pipe", "x")
        assert os.read(reader, 10) == b"x"
    finally:
        os.close(reader)
    assert _names(tmp_path) == ["pipe"]


def test_what_is_not_open_cannot_be_written():
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        store.write_text("/dev/fd/987", "x")
    assert caught.value.filename == "/dev/fd/987"


# --- whose error it is ----------------------------------------------------------------------


@pytest.mark.parametrize("device", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        Unreadable("a sheet must be readable, but it came torn; mend it."),
        OSError("no connection"),
        FileNotFoundError(2, "No such file or directory", "another", None, "second"),
    ],
)
def test_an_error_of_the_writer_passes_as_it_is(tmp_path, device, error):
    names = error.filename, error.filename2
    with (
        pytest.raises(OSError) as caught,  # noqa: PT011 - it is compared whole below
        store.replacing("/dev/null" if device else tmp_path / "file"),
    ):
        raise error
    assert caught.value is error
    assert (error.filename, error.filename2) == names
    assert _names(tmp_path) == []


@pytest.mark.parametrize("size", [1, 100_000])
def test_an_error_in_writing_names_the_path(tmp_path, size):
    (tmp_path / "file").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        store.write_bytes(tmp_path / "file", b"x" * size)
    assert caught.value.filename == str(tmp_path / "file")


def test_an_error_in_taking_the_place_names_the_path_alone(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        store.write_text(tmp_path / "file", "new")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "file"), None)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "folder").write_text("x")
    with pytest.raises(FileExistsError) as caught:
        store.write_text(tmp_path / "folder" / "file", "new")
    assert str(caught.value.filename) == str(tmp_path / "folder")

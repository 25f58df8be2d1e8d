"""Files that are never half written, digests of content, and where the project's folders are."""

import contextlib
import hashlib
import io
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

# As many as Linux follows.
_MOST_LINKS = 40
_SYSTEM = (("/", "dev"), ("/", "proc"))
# Where the files that this process has open stand.
_HANDLES = ("/dev/fd", "/proc/self/fd")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file to be written whole or not at all.

    The bytes go to a neighbour of `path`, are flushed to the disk and take its place in one step.
    If the block raises, or the disk is full, the old file stays as it was and no neighbour is left.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder is made when it is missing. A device or a pipe, and what
        is open already, such as `/dev/stdout` wherever that leads, is written to as it is.

    Yields
    ------
    binary file
        Where to write.

    Raises
    ------
    OSError
        If the file cannot be written; its `filename` says which. What else the block raises
        passes as it is.
    """
    place = Path(path)
    system = _system_file(place)
    # a device has no content to keep, and must not become a file
    device = place.exists() and not (place.is_file() or place.is_dir())
    with _straight(place, system) if system or device else _replaced(place) as stream:
        yield stream


def _system_file(path: Path) -> Path | None:
    """Return the last file under /dev or /proc on the way that links lead, if there is one.

    Step by step, since the end of the way is a common file when output is redirected to one; and
    no further than to what is open, whose link may lead to no file.
    """
    place, found = path, None
    for _ in range(_MOST_LINKS):
        place = Path(os.path.realpath(place.parent), place.name)
        # the files of /dev/shm are like any others
        if place.parts[:2] in _SYSTEM and place.parts[:3] != ("/", "dev", "shm"):
            found = place
        if not place.is_symlink() or _is_open(place):
            break
        place = place.parent / place.readlink()
    return found


def _is_open(place: Path) -> bool:
    """Tell whether a resolved path names a handle of this process."""
    return place.name.isdecimal() and str(place.parent) in map(os.path.realpath, _HANDLES)


class _Named(io.FileIO):
    """A file whose errors in writing name the path that was asked for."""

    def __init__(self, file: Path | int, mode: str, *, path: Path) -> None:
        super().__init__(file, mode)
        self.path = path

    def write(self, content: "Buffer", /) -> int:
        with _naming(self.path):
            return super().write(content)


@contextlib.contextmanager
def _naming(path: Path, neighbour: Path | None = None) -> Iterator[None]:
    """Name the path in an error that names nothing, or only a file that nobody asked for."""
    try:
        yield
    except OSError as error:
        named = error.filename
        if named is None or str(named) == str(neighbour) or not os.path.lexists(named):
            error.filename, error.filename2 = str(path), None
        raise


@contextlib.contextmanager
def _straight(path: Path, system: Path | None) -> Iterator[IO[bytes]]:
    with _naming(path):
        if system and _is_open(system):
            raw = _Named(_shared(int(system.name)), "wb", path=path)
        else:
            raw = _Named(path, "ab" if path.is_file() else "wb", path=path)
        stream = io.BufferedWriter(raw)
    with stream:
        yield stream


def _shared(handle: int) -> int:
    """Return a second handle at the same place, so that what is printed before and after stays."""
    for printed in filter(None, (sys.stdout, sys.stderr)):
        printed.flush()
    return os.dup(handle)


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    # the file that a link leads to is written, and the link stays
    target = Path(os.path.realpath(path))
    # a part of the name, since the whole may be as long as a name can be
    neighbour = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}")
    with _naming(path, neighbour):
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = io.BufferedWriter(_Named(neighbour, "xb", path=path))
    try:
        with stream:
            yield stream
            with _naming(path):
                stream.flush()
                os.fsync(stream.fileno())
        with _naming(path, neighbour):
            if target.exists():
                neighbour.chmod(target.stat().st_mode & 0o777)
            neighbour.replace(target)
    except BaseException:
        neighbour.unlink(missing_ok=True)
        raise


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as stream:
        stream.write(content)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all, with line ends as they are in `text`."""
    write_bytes(path, text.encode("utf-8"))


def homes(name: str) -> list[Path]:
    """Return the folders of a name from the working folder upwards, then the one of the checkout.

    Examples
    --------
    >>> homes("datasets")[0].name
    'datasets'
    """
    checkout = Path(__file__).resolve().parent.parent
    places = [Path.cwd(), *Path.cwd().parents, checkout]
    return [place / name for place in dict.fromkeys(places) if (place / name).is_dir()]


def digest(content: bytes | str) -> str:
    """Return the SHA-256 of a content, in hexadecimal.

    Examples
    --------
    >>> digest("workbench")[:12]
    'd85b40105dd0'
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()

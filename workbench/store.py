"""Files that are never half written, digests of content, and where the project's folders are."""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file to be written whole or not at all.

    The bytes go to a neighbour of `path`, are flushed to the disk and take its place in one step.
    If the block raises, or the disk is full, the old file stays as it was and no neighbour is left.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder is made when it is missing. A device or a pipe, such as
        `/dev/stdout`, is written to as it is.

    Yields
    ------
    binary file
        Where to write.

    Raises
    ------
    OSError
        If the file cannot be written; its `filename` says which.
    """
    place = Path(path)
    # a device has no content to keep, and must not become a file
    device = place.exists() and not (place.is_file() or place.is_dir())
    with _naming(place), place.open("wb") if device else _replaced(place) as stream:
        yield stream


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the path in an error that names nothing, or only a neighbour that has gone."""
    try:
        yield
    except OSError as error:
        if error.filename is None or not os.path.lexists(error.filename):
            error.filename, error.filename2 = str(path), None
        raise


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    # the file that a link leads to is written, and the link stays
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    # a part of the name, since the whole may be as long as a name can be
    neighbour = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}")
    try:
        with neighbour.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
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

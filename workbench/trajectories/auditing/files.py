"""The files whose digests an audit log keeps: by names that never lead out of their folder."""

import hashlib
import os.path
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from workbench.errors import BadValue, Unreadable, some
from workbench.trajectories.model import Json


def kept_files(files: Sequence[str | Path]) -> list[dict[str, str]]:
    """Return names and digests of files; names are relative to the folder that holds them all.

    Raises
    ------
    BadValue
        If a file is named twice.
    Unreadable
        If one cannot be read.
    """
    # a link keeps its own name
    places = [Path(os.path.abspath(each)) for each in files]  # noqa: PTH100
    if twice := [str(each) for each in dict.fromkeys(places) if places.count(each) > 1]:
        raise BadValue(
            f"a file must be kept once in an audit log, but {some(twice)} came twice; leave one out."
        )
    folder = Path(os.path.commonpath([each.parent for each in places])) if places else Path()
    return [
        {"name": each.relative_to(folder).as_posix(), "sha256": _digest(each)} for each in places
    ]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Unreadable(
            f"a file to be kept in an audit log must be readable, but {path} is not "
            f"({error.strerror}); check the path."
        ) from None


def changed_files(kept: Json, folder: Path) -> Iterator[str]:
    """Say of each kept file that is not in a folder as it was sealed why it is not.

    Parameters
    ----------
    kept : object
        The files as a log has them.
    folder : Path
        Where they must be. No name leads out of it.
    """
    if kept == []:
        yield "it kept no files"
        return
    for each in kept if isinstance(kept, list) else [None]:
        name, digest = (each.get("name"), each.get("sha256")) if isinstance(each, dict) else (0, 0)
        if not isinstance(name, str) or not isinstance(digest, str):
            yield "its files cannot be read, or are redacted"
        elif (place := _within(folder, name)) is None:
            yield f"the file {name} is not within the folder"
        elif not place.is_file():
            yield f"the file {name} is missing"
        elif _digest(place) != digest:
            yield f"the file {name} is not what was sealed"


def _within(folder: Path, name: str) -> Path | None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
        return None
    # a link may lead out as well
    place = (folder / pure).resolve()
    return place if place.is_relative_to(folder.resolve()) else None

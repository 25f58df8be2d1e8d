"""A row's images as data URIs, which need no file and no network where they are shown."""

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import BadValue, Unreadable
from workbench.tables import is_missing

_LARGEST = 2_000_000
_DATA = re.compile(r"data:image/[a-z.+-]{1,30};base64,(.*)", re.IGNORECASE | re.DOTALL)


def images_of(record: Mapping[str, object], folder: Path) -> tuple[str, ...]:
    """Return the images of a row, from its columns `image` and `images`.

    Parameters
    ----------
    record : mapping of str to cell
        The row; an image is a path or a data URI, `images` a list of them.
    folder : Path
        Where relative paths begin.

    Raises
    ------
    BadValue
        If one is no PNG, JPEG, GIF or WebP image of at most 2 MB.
    Unreadable
        If a file cannot be read.
    """
    cells = [record.get("image"), *_listed(record.get("images"))]
    where = f"row {record['row_id']!r}"
    return tuple(data_uri(_bytes(cell, folder, where), where) for cell in cells if _there(cell))


def data_uri(content: bytes, where: str) -> str:
    """Return an image as a data URI; its first bytes say what it is.

    Parameters
    ----------
    content : bytes
        The file's content.
    where : str
        Where it came from, for the message.

    Raises
    ------
    BadValue
        If it is no PNG, JPEG, GIF or WebP image, or larger than 2 MB. SVG is a program.
    """
    if len(content) > _LARGEST:
        raise BadValue(
            f"an image must have at most 2 MB, but that of {where} has more; make it smaller."
        )
    kind = _kind(content)
    if kind is None:
        raise BadValue(
            f"an image must be PNG, JPEG, GIF or WebP, but that of {where} begins with "
            f"{content[:8]!r}; convert it."
        )
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _kind(content: bytes) -> str | None:
    """Tell the kind of an image by its first bytes; what a name says may be wrong."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    marks = {
        b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF87a": "gif", b"GIF89a": "gif",
    }  # fmt: skip
    return next((kind for mark, kind in marks.items() if content.startswith(mark)), None)


def _there(cell: object) -> bool:
    return not is_missing(cell) and cell != ""


def _listed(cell: object) -> list[object]:
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    return list(cell) if isinstance(cell, (list, tuple)) else [cell]


def _bytes(cell: object, folder: Path, where: str) -> bytes:
    if isinstance(cell, Mapping) and isinstance(cell.get("bytes"), bytes):
        cell = cell["bytes"]  # as Hugging Face datasets hold them
    if isinstance(cell, bytes):
        return cell
    if not isinstance(cell, (str, Path)):
        raise BadValue(
            f"an image must be a path or a data URI, but {where} has a {type(cell).__name__}; "
            "write one of these."
        )
    text = str(cell)
    if text[:5].lower() == "data:":
        return _decoded(text, where)
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE):
        raise BadValue(
            f"an image must be a path or a data URI, but {where} has the address {text[:60]!r}; "
            "download it."
        )
    return _read(folder / text, where)


def _decoded(uri: str, where: str) -> bytes:
    found = _DATA.fullmatch(uri) if len(uri) <= 2 * _LARGEST else None
    try:
        return base64.b64decode(found[1] if found else "?", validate=True)
    except (binascii.Error, ValueError):
        raise BadValue(
            f"a data URI must be data:image/…;base64,… of at most 2 MB, but {where} has "
            f"{uri[:30]!r} … ({len(uri):,} characters); encode the image anew."
        ) from None


def _read(path: Path, where: str) -> bytes:
    try:
        # a device or a pipe may never end
        if not path.is_file():
            raise FileNotFoundError(2, "there is no such file")
        with path.open("rb") as stream:
            # one byte more than is allowed shows that it is too large
            return stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(
            f"the image of {where} must be a file that can be read, but {str(path)!r} cannot "
            f"({reason}); correct the path."
        ) from None

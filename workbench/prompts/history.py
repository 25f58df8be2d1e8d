"""The versions of a prompt's file: what git's history holds, and what stands on the disk."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

from workbench.display import html_table, plain, text_table
from workbench.errors import InputError
from workbench.prompts.prompt import Prompt
from workbench.prompts.reading import content_of, from_bytes

if TYPE_CHECKING:
    import pandas as pd

MOST_VERSIONS = 1_000
"""So many of the latest commits are looked at."""

_SECONDS = 60
_COLUMNS = ("commit", "date", "author", "subject", "path", "digest", "error")
# Nothing of a repository's own settings runs a program or asks the network.
_GIT = (
    "git", "--no-pager", "--literal-pathspecs", "--no-optional-locks",
    "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-c", "protocol.allow=never",
)  # fmt: skip


@dataclass(frozen=True)
class Version:
    """One version of a prompt's file.

    Parameters
    ----------
    commit : str or None
        The commit's hash; None is what stands on the disk and in no commit.
    date : str or None
        When it was committed, ISO 8601.
    author, subject : str or None
        Who wrote it, and the first line of the commit's message.
    path : str
        Where the file stood: in the repository, or on the disk.
    content : bytes
        What the file held.
    """

    commit: str | None
    date: str | None
    author: str | None
    subject: str | None
    path: str
    content: bytes = field(repr=False)

    @cached_property
    def prompt(self) -> Prompt:
        """The prompt of this version; BadValue and its kin where the file was none."""
        at = f"{self.path} at {self.commit[:8]}" if self.commit else self.path
        name = Path(self.path)
        return from_bytes(self.content, name.stem, at, suffix=name.suffix)

    @property
    def error(self) -> str | None:
        """Why this version is no prompt, if it is none."""
        try:
            self.prompt  # noqa: B018 - reading it is the test
        except InputError as error:
            return str(error)
        return None

    @property
    def digest(self) -> str | None:
        """The prompt's digest, if this version is one."""
        return None if self.error else self.prompt.digest


class Versions(Sequence[Version]):
    """The versions of a prompt's file, the latest first.

    Parameters
    ----------
    items : sequence of Version
        The versions.
    path : str
        The file, as given.
    note : str
        Why there is no history, if there is none.
    """

    def __init__(self, items: Sequence[Version], *, path: str, note: str = "") -> None:
        self._items, self.path, self.note = tuple(items), path, note

    @overload
    def __getitem__(self, at: int) -> Version: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Version, ...]: ...
    def __getitem__(self, at: int | slice) -> Version | tuple[Version, ...]:
        return self._items[at]

    def __len__(self) -> int:
        return len(self._items)

    @property
    def frame(self) -> "pd.DataFrame":
        """One row per version: `commit`, `date`, `author`, `subject`, `path`, `digest`, `error`."""
        import pandas as pd

        rows = [[getattr(each, name) for name in _COLUMNS] for each in self._items]
        return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)

    @property
    def _caption(self) -> str:
        count = f"{len(self)} version{'s' * (len(self) != 1)}"
        return plain(f"{self.path}: {count}{f' ({self.note})' * bool(self.note)}")

    def _table(self) -> tuple[list[str], list[list[str]]]:
        body = [
            [
                (each.commit or "not committed")[: 13 if each.commit is None else 8],
                (each.date or "–")[:10],
                plain(each.author or "–", width=30),
                plain(each.subject or "–", width=60),
                (each.digest or "no prompt")[: 8 if each.digest else None],
            ]
            for each in self._items
        ]
        return ["commit", "date", "author", "subject", "digest"], body

    def __repr__(self) -> str:
        return f"{self._caption}\n{text_table(*self._table())}"

    def _repr_html_(self) -> str:
        return html_table(*self._table(), caption=self._caption)


def versions(path: str | Path) -> Versions:
    """List the versions of a prompt's file, the latest first.

    Parameters
    ----------
    path : str or Path
        A file; git's history is followed through renames, from any working folder.

    Returns
    -------
    Versions
        A sequence with a `frame`: what stands on the disk, where it is in no commit or differs from the
        last one, and up to 1,000 commits that changed the file. Without git, a repository or a commit
        there is what stands on the disk, and `note` says why. Each has a `prompt`, which `diff` takes.

    Raises
    ------
    Unreadable
        If the file cannot be read.

    Examples
    --------
    >>> import workbench as wb
    >>> found = wb.prompts.versions("datasets/news-summaries/prompts/plain.md")
    >>> found[0].prompt.name
    'plain'
    """
    place = Path(os.path.realpath(path))
    content = content_of(Path(path))
    try:
        found, note = list(_committed(place)), ""
    except _NoHistoryError as error:
        found, note = [], str(error)
    if not found and not note:
        note = "in no commit"
    if not found or found[0].content != content:
        found.insert(0, Version(None, None, None, None, str(path), content))
    return Versions(found, path=str(path), note=note)


class _NoHistoryError(Exception):
    """Why git tells no history."""


class _Commit(NamedTuple):
    fields: tuple[str, str, str, str]
    path: str
    blob: str


def _committed(place: Path) -> Iterator[Version]:
    """Yield the versions that git holds."""
    told = _git(
        place.parent, "log", "--follow", f"--max-count={MOST_VERSIONS}", "-z", "--raw", "--no-abbrev",
        "--no-ext-diff", "--no-textconv", "--format=%H%x00%cI%x00%an%x00%s", "--", place.name,
    )  # fmt: skip
    commits = list(_commits(told))
    asked = "".join(f"{each.blob}\n" for each in commits).encode()
    contents = _git(place.parent, "cat-file", "--batch", stdin=asked)
    at = 0
    for each in commits:
        end = contents.index(b"\n", at)
        *_, size = contents[at:end].split(b" ")
        if not size.isdigit():  # "missing", in a clone that left some contents with the server
            at = end + 1
            continue
        at = end + 1 + int(size) + 1
        yield Version(*each.fields, each.path, contents[end + 1 : at - 1])


def _commits(told: bytes) -> Iterator[_Commit]:
    """Read git's list: four fields a commit, then a line and one or two paths for the file's change."""
    parts = [each.decode("utf-8", "replace") for each in told.split(b"\0")]
    at = 0
    while at + 4 <= len(parts):
        commit, date, author, subject = parts[at : at + 4]
        at += 4
        while at < len(parts) and parts[at].lstrip("\n").startswith(":"):
            blob, state = parts[at].split(" ")[3:5]
            at += 3 if state[0] in "RC" else 2
            if blob.strip("0"):
                yield _Commit((commit, date, author, subject), parts[at - 1], blob)


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
            [*_GIT, "-C", str(folder), *arguments],
            input=stdin,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except FileNotFoundError:
        raise _NoHistoryError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise _NoHistoryError(f"git took more than {_SECONDS} seconds") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").splitlines()
        reason = lines[0].removeprefix("fatal: ") if lines else f"status {error.returncode}"
        raise _NoHistoryError(f"git: {plain(reason, width=100)}") from None
    return done.stdout

"""One reader per format; the format is found by content, never by a file's name.

A reader is a module of this folder with a `NAME`, `recognises(first)` and `runs(document)`. What it
does not map it keeps in `extra`; what it cannot read it tells by `document.notice`. A reader for
large files may also offer `index(document, ledger, name)`, which fills columns without making steps,
or returns None where it must make them; and `BEGINNING`, a pattern of the first bytes of its files
where these tell the format before anything is parsed.
"""

import importlib
from collections.abc import Iterator
from typing import Protocol

from workbench.errors import unknown_name
from workbench.trajectories.model import Json, Run
from workbench.trajectories.sources.documents import Document

FORMATS = (
    "otlp",
    "openinference",
    "inspect_log",
    "swe_agent",
    "workbench_runs",
    "atif",
    "who_and_when",
    "tau_bench",
    "tau2",
    "claude_code",
    "codex",
    "openhands",
    "langchain",
    "openai_responses",
    "openai_chat",
)
"""The modules of the readers, the most particular first."""


class Reader(Protocol):
    """What the module of a format offers."""

    NAME: str

    def recognises(self, first: Json) -> bool:
        """Tell whether a document is of this format.

        Parameters
        ----------
        first : JSON value
            The document's first JSON value, of a large one only its beginning; of a zip archive
            ``{"zip": [names of entries]}``.
        """

    def runs(self, document: Document) -> Iterator[Run]:
        """Yield the runs of a document, each with its pointer, steps and parts.

        Never raises for what the document holds: see `Document.notice`.
        """


def names() -> list[str]:
    """Return the names of all formats.

    Examples
    --------
    >>> "tau-bench" in names()
    True
    """
    return [module.replace("_", "-") for module in FORMATS]


def reader_named(name: str) -> Reader:
    """Return the reader of a format.

    Raises
    ------
    UnknownName
        If there is no such format.
    """
    if name not in names():
        raise unknown_name("format", name, names())
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def reader_of(document: Document) -> Reader | None:
    """Return the reader that recognises a document, None where none does."""
    known = map(reader_named, names())
    if not document.is_zip and (
        found := next((one for one in known if begins(document, one)), None)
    ):
        return found
    first = document.first
    for name in names():
        reader = reader_named(name)
        if reader.recognises(first):
            return reader
    return None


def begins(document: Document, reader: Reader) -> bool:
    """Tell whether a document begins as the files of a format do, if all of them begin alike."""
    beginning = getattr(reader, "BEGINNING", None)
    return beginning is not None and beginning.match(document.head) is not None

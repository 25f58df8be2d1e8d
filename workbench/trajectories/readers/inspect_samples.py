"""The shapes of Inspect's logs: one JSON file, or a zip archive with samples whole or in chunks.

Each sample comes out in one shape, with its attachments put back where they are referred to.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from workbench.trajectories.conversations.pools import MessagePool
from workbench.trajectories.model import Json
from workbench.trajectories.sources.archives import Archive
from workbench.trajectories.sources.documents import Document, Fields

_CHUNKED = re.compile(
    r"(samples/.+_epoch_\d+)/(sample|metadata|skeleton|(messages|events|calls|attachments)/\w+)\.json"
)
_REFERENCE = re.compile(r"(?:attachment|tc)://(\w{1,64})")


@dataclass
class Sample:
    """One sample of a log.

    Parameters
    ----------
    pointer : str
        Where it stands.
    fields : Fields
        What it says of itself.
    events : list of (str, JSON value)
        What happened, each with its place.
    pool : MessagePool
        The messages that the events refer to by number.
    attachments : Attachments
        Long texts that were put aside.
    extra : dict
        What else is kept for the run.
    """

    pointer: str
    fields: Fields
    events: list[tuple[str, Json]]
    pool: MessagePool
    attachments: "Attachments"
    extra: dict[str, Json] = field(default_factory=dict)


class Subject(NamedTuple):
    """Who was evaluated: what each run of a log bears, and what `eval` says beside its samples."""

    version: str | None
    model: str | None
    agent: str | None
    provider: str | None
    agent_version: str | None
    told: dict[str, Json]


@dataclass
class Log:
    """A log: what it says of the whole, and its samples.

    Parameters
    ----------
    head : dict
        With `eval` and `status`; of an eval that did not end, what was known when it began.
    samples : iterator of Sample
        Each read when its turn comes.
    told : dict
        All that it says beside the samples.
    subject : Subject, optional
        Who was evaluated, once it is known.
    """

    head: dict[str, Json]
    samples: Iterator[Sample]
    told: dict[str, Json]
    subject: Subject | None = None


class Attachments:
    """Long texts that a log keeps once, each referred to by a text such as ``attachment://1f``.

    Parameters
    ----------
    texts : JSON value
        The texts by their names, or anything else, which is as good as none.

    Examples
    --------
    >>> Attachments({"1f": "a long text"}).resolved(["attachment://1f", "attachment://2"])
    ['a long text', 'attachment://2']
    """

    def __init__(self, texts: Json) -> None:
        self._texts: dict[str, Json] = texts if isinstance(texts, dict) else {}
        self._used: set[str] = set()
        self.n_missing = 0

    def resolved(self, value: Json) -> Json:
        """Return a value with the texts in the places of their references."""
        if not self._texts:
            return value
        if isinstance(value, dict):
            return {name: self.resolved(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.resolved(each) for each in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> Json:
        found = _REFERENCE.fullmatch(text) if text.startswith(("attachment://", "tc://")) else None
        if found is None:
            return text
        if found[1] not in self._texts:
            self.n_missing += 1
            return text
        self._used.add(found[1])
        return self._texts[found[1]]

    @property
    def unused(self) -> dict[str, Json]:
        """The texts that nothing referred to."""
        return {name: text for name, text in self._texts.items() if name not in self._used}


def read_json(document: Document) -> Log:
    """Return a log that is one JSON file.

    Parameters
    ----------
    document : Document
        The file.
    """
    log = document.json()
    if not isinstance(log, dict):
        log = {} if log is None else {"value": log}
    samples = log.pop("samples", None)
    if samples is not None and not isinstance(samples, list):
        log["samples"], samples = samples, []

    def each() -> Iterator[Sample]:
        for at, value in enumerate(samples or []):
            yield from whole_sample(document, value, f"/samples/{at}", f"/samples/{at}")

    return Log(log, each(), log)


def whole_sample(document: Document, value: Json, pointer: str, place: str) -> Iterator[Sample]:
    """Yield a sample that is one object, and nothing where there is none.

    Parameters
    ----------
    document : Document
        For notices.
    value : JSON value
        The sample.
    pointer : str
        Where it stands.
    place : str
        What comes before the names of its members.
    """
    if not isinstance(value, dict):
        if value is not None:
            document.notice(
                "unreadable", pointer, f"a sample must be an object: {value!r:.500}", "error"
            )
        return
    fields = Fields(value)
    told = fields.inner("transcript")
    events = [(f"{place}/events/{at}", each) for at, each in enumerate(fields.items("events"))]
    # the first logs kept the events in a transcript, and their attachments with it
    events += [
        (f"{place}/transcript/events/{at}", each) for at, each in enumerate(told.items("events"))
    ]
    attachments = Attachments(_texts(fields, "attachments") or _texts(told, "content"))
    data = fields.inner("events_data")
    pool = attachments.resolved(fields.items("message_pool") or data.items("messages"))
    sample = Sample(pointer, fields, events, MessagePool(pool), attachments)
    if calls := data.items("calls"):
        sample.extra["call_pool"] = attachments.resolved(calls)
    yield sample


def _texts(fields: Fields, name: str) -> Json:
    return fields.take(name) if isinstance(fields.peek(name), dict) else None


def is_chunk(name: str) -> bool:
    """Tell whether an entry of an archive holds a piece of a sample.

    Examples
    --------
    >>> is_chunk("samples/1_epoch_1/events/0.json"), is_chunk("samples/1_epoch_1.json")
    (True, False)
    """
    return _CHUNKED.fullmatch(name) is not None


def is_sample(name: str) -> bool:
    """Tell whether an entry of an archive holds a whole sample.

    Examples
    --------
    >>> is_sample("samples/1_epoch_1.json"), is_sample("header.json")
    (True, False)
    """
    return name.startswith("samples/") and name.endswith(".json") and not is_chunk(name)


def read_archive(document: Document) -> Log:
    """Return a log in a zip archive.

    Parameters
    ----------
    document : Document
        The archive.
    """
    archive = Archive(document)
    told: dict[str, Json] = {}
    whole, chunked = [], defaultdict[str, list[str]](list)
    for name in archive.names:
        if found := _CHUNKED.fullmatch(name):
            chunked[found[1]].append(name)
        elif is_sample(name):
            whole.append(name)
        else:
            told |= _beside(document, archive, name)

    def each() -> Iterator[Sample]:
        for name in whole:
            yield from whole_sample(document, archive.json(name), f"{name}!", f"{name}!")
        for prefix, names in chunked.items():
            yield _in_chunks(document, archive, prefix, names)

    return Log(_head(document, told), each(), told)


def _beside(document: Document, archive: Archive, name: str) -> dict[str, Json]:
    """Return what an entry says that is no sample's; one that is no JSON is told."""
    if name.endswith(".json"):
        return {name: archive.json(name)}
    if not name.endswith("/"):
        reason = f"it is no part of a log: {len(archive.read(name))} bytes"
        document.notice("unread_entry", f"{name}!", reason, "error")
    return {}


def _head(document: Document, told: dict[str, Json]) -> dict[str, Json]:
    """Return the header, or what was known when the eval began."""
    head = told.get("header.json")
    if isinstance(head, dict):
        return head
    document.notice("unfinished", "header.json!", "the log has no header: its eval did not end")
    start = told.get("_journal/start.json")
    return start if isinstance(start, dict) else {}


def _in_chunks(document: Document, archive: Archive, prefix: str, names: list[str]) -> Sample:
    """Return a sample whose events, messages, calls and attachments stand in chunks."""
    sequences: dict[str, dict[int, tuple[str, Json]]] = defaultdict(dict)
    extra: dict[str, Json] = {}
    for name in names:
        own = name.removeprefix(f"{prefix}/").removesuffix(".json")
        sequence, _, start = own.partition("/")
        value = archive.json(name)
        if start.isascii() and start.isdecimal() and isinstance(value, list):
            for at, each in enumerate(value, int(start[:15])):
                if at in sequences[sequence]:
                    # a chunk is longer than the next one says
                    extra.setdefault("displaced", []).append(sequences[sequence][at][1])
                sequences[sequence][at] = (f"{name}!/{at - int(start[:15])}", each)
        else:
            extra[own] = value
    for sequence, items in sequences.items():
        if (n := max(items, default=-1) + 1) != len(items):
            reason = f"{n - len(items)} of its {n} {sequence} are missing"
            document.notice("missing", f"{prefix}!", reason, "error")
    attachments = Attachments({str(at): each for at, (_, each) in sequences["attachments"].items()})
    events = [item for _, item in sorted(sequences["events"].items())]
    messages = attachments.resolved(_filled(sequences["messages"]))
    fields = Fields(extra.pop("sample", None))
    if sequences["calls"]:
        extra["call_pool"] = attachments.resolved(_filled(sequences["calls"]))
    extra = {name: attachments.resolved(each) for name, each in extra.items()}
    return Sample(f"{prefix}!", fields, events, MessagePool(messages), attachments, extra)


def _filled(items: dict[int, tuple[str, Json]]) -> list[Json]:
    """Return items in their places, nulls where some are missing; far ones close up behind."""
    n = max(items, default=-1) + 1
    if n > 2 * len(items) + 10_000:
        return [each for _, (_, each) in sorted(items.items())]
    return [items[at][1] if at in items else None for at in range(n)]

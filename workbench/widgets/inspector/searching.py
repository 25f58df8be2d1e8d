"""Searching runs: in which texts, plainly or by a regular expression, never for longer than it may."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from time import perf_counter
from typing import Any, Literal, get_args

from workbench.display import plain
from workbench.trajectories.model import MODEL_KINDS, Json, Part, Run, Step
from workbench.widgets.inspector.pages import cut, part_text
from workbench.widgets.inspector.prefilter import Needed, needed

Scope = Literal["everywhere", "said", "arguments", "results", "errors", "tools"]
"""In which texts of a step a search looks."""

REQUESTS = ("search", "count", "snippets")
"""What `Searches` answers."""
SLICE_S = 0.1
"""A request is answered so often, and goes on with the next."""
SHOWN_HITS = 5
"""Hits of each run that a list of results shows."""

_MOST_COUNTS = 700  # runs of one answer
_MOST_HITS = 5_000  # of one answer
_LONGEST = 500  # characters of a regular expression
_MOST_REPEATS = 10_000  # a count is written out when it is compiled
_PATIENCE_S = 0.5  # for a regular expression and one text
_KEPT_STEPS = 200_000  # whose texts stay for the next search
_BEFORE, _FOUND, _AFTER = 24, 60, 100  # characters of a snippet
_MOST_SNIPPETS = 60


class WrongQuery(Exception):
    """What is sought cannot be looked for; the message is for the reader."""


@dataclass(frozen=True)
class Query:
    """What is sought.

    Parameters
    ----------
    text : str
        The text.
    regex : bool
        Whether it is a regular expression.
    exact : bool
        Whether capitals count.
    scope : str
        Of `Scope`.

    Examples
    --------
    >>> Query("c.t", regex=True).fits("a Cat"), Query("Cat", exact=True).fits("a cat")
    (True, False)
    """

    text: str
    regex: bool = False
    exact: bool = False
    scope: Scope = "everywhere"

    @classmethod
    def of(cls, message: dict[str, Json]) -> "Query":
        """Read a query out of a request."""
        sought = message.get("scope")
        scopes: tuple[Scope, ...] = get_args(Scope)
        known: Scope = next((each for each in scopes if each == sought), "everywhere")
        flags = {name: message.get(name) is True for name in ("regex", "exact")}
        return cls(str(message.get("query", "")), scope=known, **flags)

    @property
    def is_folded(self) -> bool:
        """Whether texts are compared in small letters."""
        return not (self.regex or self.exact)

    @cached_property
    def pattern(self) -> Any:  # noqa: ANN401 - regex knows no types
        """It as a regular expression.

        Raises
        ------
        WrongQuery
            If it is none.
        """
        import regex

        _require_small(self.text)
        text = self.text if self.regex else regex.escape(self.text)
        try:
            return regex.compile(text, regex.VERSION0 | (0 if self.exact else regex.IGNORECASE))
        except (regex.error, RecursionError, OverflowError, ValueError) as error:
            raise WrongQuery(f"This is no regular expression: {plain(error, width=120)}.") from None

    @cached_property
    def fits(self) -> Callable[[str], bool]:
        """Whether a text holds it; the text is in small letters where `is_folded`.

        Raises
        ------
        WrongQuery
            If a regular expression takes too long for a text.
        """
        if self.regex:
            return lambda text: self.span(text) is not None
        sought = self.text.lower() if self.is_folded else self.text
        return lambda text: sought in text

    @cached_property
    def needed(self) -> Needed | None:
        """What must stand in the log of a run that holds it; None where nothing is sure."""
        return needed(self.text, regex=self.regex, exact=self.exact)

    def span(self, text: str) -> tuple[int, int] | None:
        """Return where a text, as it stands, holds it first."""
        try:
            found = self.pattern.search(text, timeout=_PATIENCE_S)
        except TimeoutError:
            raise WrongQuery(
                f"This expression takes longer than {_PATIENCE_S} s for a single step; make it simpler, "
                "such as by fewer * and +."
            ) from None
        return found.span() if found else None


def _require_small(text: str) -> None:
    """Refuse what would be compiled into a machine of any size."""
    if len(text) > _LONGEST:
        raise WrongQuery(f"What is sought may have up to {_LONGEST} characters.")
    counts = [int(each) for each in re.findall(r"\d+", " ".join(re.findall(r"\{[\d,\s]+\}", text)))]
    if prod(max(1, each) for each in counts) > _MOST_REPEATS:
        raise WrongQuery(
            f"The counts in {{ }} of an expression may multiply to {_MOST_REPEATS:,} at most."
        )


def search(
    texts: Iterable[str], query: Query, *, start: int = 0, seconds: float = 0.1
) -> tuple[list[int], int]:
    """Return the places of texts that hold a query, and where to go on once the time, or the page, is full.

    Parameters
    ----------
    texts : iterable of str
        From `start` on; in small letters where the query is.
    query : Query
        What to look for.
    start : int
        The place of the first text.
    seconds : float
        How long to look; at least one text is looked at.

    Examples
    --------
    >>> search(["a cat", "a dog", "cats"], Query("Cat"))
    ([0, 2], 3)
    """
    hits, at, fits = list[int](), start, query.fits
    until = perf_counter() + seconds
    for text in texts:
        if fits(text):
            hits.append(at)
        at += 1
        if perf_counter() > until or len(hits) >= _MOST_HITS:
            break
    return hits, at


def snippet(step: Step, query: Query) -> list[str]:
    """Return what stands before a hit, the hit, and what stands after it.

    Examples
    --------
    >>> said = Part("out", "assistant", "text", "Book a flight for me.")
    >>> snippet(Step("chat", "", [said]), Query("FLIGHT", scope="said"))
    ['Book a ', 'flight', ' for me.']
    """
    texts = [text for text in _SCOPES[query.scope](step) if text]
    found = ((text, query.span(text)) for text in (*texts, "\n".join(texts)))
    text, (start, end) = next(((text, span) for text, span in found if span), ("", (0, 0)))
    end = min(end, start + _FOUND)
    lead, tail = text[max(0, start - _BEFORE) : start], text[end : end + _AFTER]
    if start > _BEFORE:
        lead = f"…{lead.partition(' ')[2] or lead}"
    if end + _AFTER < len(text):
        tail = f"{tail}…"
    return [_line(piece) for piece in (lead, text[start:end], tail)]


def _line(text: str) -> str:
    ends = (" " if text[:1].isspace() else "", " " if text[-1:].isspace() else "")
    return cut(f"{ends[0]}{plain(text)}{ends[1]}" if text.strip() else text[:1] and " ", 300)


def snippets(steps: Sequence[Step], places: Iterable[Any], query: Query) -> list[list[str]]:
    """Return the snippets of some steps, of those that are there."""
    known = [at for at in places if type(at) is int and 0 <= at < len(steps)]
    return [snippet(steps[at], query) for at in known[:_MOST_SNIPPETS]]


def haystack(step: Step, scope: Scope = "everywhere") -> str:
    """Return all that a search looks at in a step."""
    return "\n".join(text for text in _SCOPES[scope](step) if text)


def _everywhere(step: Step) -> Iterator[str | None]:
    yield from (step.tool, step.agent, step.name, step.kind, step.error_type, step.error_message)
    yield from map(part_text, step.parts)


def _said(step: Step) -> Iterator[str | None]:
    if step.kind in MODEL_KINDS:
        yield from _of(step, lambda part: part.direction == "out" and part.type in _SPOKEN)


def _of(step: Step, fits: Callable[[Part], bool]) -> Iterator[str | None]:
    return (part_text(part) for part in step.parts if fits(part))


def _errors(step: Step) -> Iterator[str | None]:
    yield from (step.error_type, step.error_message)
    if step.status == "error":
        yield step.result


def _tools(step: Step) -> Iterator[str | None]:
    yield step.tool
    yield from (part.name for part in step.calls)


_SPOKEN = ("text", "reasoning")
_SCOPES: dict[Scope, Callable[[Step], Iterator[str | None]]] = {
    "everywhere": _everywhere,
    "said": _said,
    "arguments": lambda step: _of(step, lambda part: part.type.endswith("tool_call")),
    "results": lambda step: _of(step, lambda part: part.type.endswith("_response")),
    "errors": _errors,
    "tools": _tools,
}


class Haystacks:
    """The texts of runs in which was searched, kept for the next search."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str, bool], list[str]] = {}

    def are_of(self, at: int, query: Query) -> bool:
        """Tell whether texts of a run are here."""
        return (at, query.scope, query.is_folded) in self._kept

    def of(self, at: int, run: Run, query: Query, start: int) -> Iterator[str]:
        """Return the texts of a run, from a step on.

        Parameters
        ----------
        at : int
            The place of the run.
        run : Run
            The run.
        query : Query
            Which texts it looks in, and whether in small letters.
        start : int
            The first step.
        """
        while sum(map(len, self._kept.values())) > _KEPT_STEPS and len(self._kept) > 1:
            self._kept.pop(next(iter(self._kept)))
        kept = self._kept.setdefault((at, query.scope, query.is_folded), [])
        for place in range(start, len(run.steps)):
            while len(kept) <= place:
                text = haystack(run.steps[len(kept)], query.scope)
                kept.append(text.lower() if query.is_folded else text)
            yield kept[place]


class Searches:
    """Searches in runs, a slice at a time.

    Parameters
    ----------
    run : callable
        Returns a run by its place.
    n_runs : int
        How many there are.
    pieces : callable, optional
        Returns the bytes that all texts of a run stand in, by its place; None where it does not know.
    """

    def __init__(
        self,
        run: Callable[[int], Run],
        n_runs: int,
        pieces: Callable[[int], Iterable[bytes] | None] = lambda _: None,
    ) -> None:
        self._run, self._n_runs, self._texts = run, n_runs, Haystacks()
        self._pieces = pieces

    def answer(self, message: dict[str, Json], at: int, start: int) -> dict[str, Json]:
        """Answer a request of `REQUESTS`; with `wrong` where nothing can be sought.

        Parameters
        ----------
        message : dict
            `type`, what `Query.of` reads, and `steps` of which snippets are wanted.
        at, start : int
            The run and the step to begin at.
        """
        query, start = Query.of(message), max(0, start)
        if not 0 <= at < self._n_runs:
            return {}
        try:
            if message["type"] == "snippets":
                places = message.get("steps")
                known = places if isinstance(places, list) else []
                return {"snippets": snippets(self._run(at).steps, known, query)}
            return (
                self._count(query, at, start)
                if message["type"] == "count"
                else self._search(query, at, start)
            )
        except WrongQuery as error:
            return {"wrong": str(error)}

    def _is_ruled_out(self, query: Query, at: int) -> bool:
        """Tell whether the bytes of a run show that it holds no hit, so that it need not be read."""
        if query.regex:
            # what is no expression is told, wherever it may stand
            _ = query.pattern
        needed = query.needed
        if needed is None or self._texts.are_of(at, query):
            return False
        found = self._pieces(at)
        return found is not None and not needed.may_be_in_any(found)

    def _search(self, query: Query, at: int, start: int) -> dict[str, Json]:
        """Look through a run for a while, and say where to go on; -1 is nowhere."""
        run = self._run(at)
        hits, reached = search(
            self._texts.of(at, run, query, start), query, start=start, seconds=SLICE_S
        )
        return {"hits": hits, "next": reached if reached < len(run.steps) else -1}

    def _count(self, query: Query, at: int, start: int) -> dict[str, Json]:
        """Count hits in the runs from one on for a while: run, number, first, last, and the first few."""
        until, counts = perf_counter() + SLICE_S, list[Json]()
        while at < self._n_runs and perf_counter() < until and len(counts) < _MOST_COUNTS:
            if not start and self._is_ruled_out(query, at):
                at += 1
                continue
            found = self._search(query, at, start)
            if hits := found["hits"]:
                counts.append([at, len(hits), hits[0], hits[-1], hits[:SHOWN_HITS]])
            start = max(0, found["next"])
            at += found["next"] < 0
        return {"counts": counts, "next": [at, start] if at < self._n_runs else None}

"""Surface features of steps, that hold for whatever format a run was read from.

Each says something of one step beside the others of its run: where it stands, who acts, how it is
worded, what it brings that nobody said before, and what comes of it. None asks a model, and none
knows the right answer.
"""

import math
import re
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.trajectories.attribution.transcript import (
    Transcript,
    likeness,
    numbers,
    overlap,
    peak,
    words,
)

Matrix = NDArray[np.floating[Any]]

FEATURES = {
    # where it stands
    "late": "comes late in the run",
    "last": "is the last step",
    "last_but_one": "comes last but one",
    # who acts
    "observation": "is an environment's answer",
    "brief": "hardly says anything",
    "browsing": "is the dump of a page",
    "first_of_agent": "is the first that its agent says",
    "opener": "is by the agent that began the run",
    "share": "is by the agent that speaks most",
    "third_speech": "is the third that is said",
    # how it is worded
    "length": "is long",
    "longest": "is the longest of the run",
    "code": "holds code",
    "invented": "speaks of simulated, sample or mock data",
    "first_invented": "is the first to speak of simulated, sample or mock data",
    "placeholder": "holds a placeholder for a key, path or address",
    "hedging": "hedges or assumes",
    "asking": "asks somebody else for something",
    "verifying": "speaks of verification",
    "closing": "closes the matter",
    "failing": "says that something fails or is missing",
    "from_memory": "rests on general knowledge or manual work",
    # what it brings
    "new_numbers": "brings numbers that nobody gave",
    "most_new_numbers": "brings the most numbers that nobody gave",
    "new_names": "brings names that nobody gave",
    "most_new_names": "brings the most names that nobody gave",
    "new_words": "brings words that nobody used",
    "on_task": "repeats the words of the task",
    "most_on_task": "repeats the words of the task more than any other",
    "repeating": "repeats what its agent said before",
    # what comes of it
    "code_fails": "writes code that fails in the next step",
    "yields_nothing": "is followed by an empty answer",
    "nothing_to_run": "leaves the environment nothing to run",
    "after_failure": "follows a failure",
    "after_nothing": "follows an empty answer",
    "after_observation": "follows an environment's answer",
    "causes_first_failure": "comes right before the first failure",
    "fails_unfinished": "writes code that fails in a run that comes to no end",
    "late_unfinished": "is among the last of a run that comes to no end",
    "first_with_answer": "is the first to state what the run answers in the end",
    "computes_answer": "has an environment compute what the run answers in the end",
    # the opening
    "opening_code": "opens the run with code",
    "opening_results": "opens the run with results of earlier work",
    "opening_failure": "opens the run with talk of failures",
    "opening_debugging": "opens the run with somebody's error message",
    "opening_new_words": "opens the run with words that the task does not have",
    "opening_numbers": "opens the run with numbers that the task does not give",
    "opening_length": "opens the run at length",
}
"""Every feature, and how evidence is worded where it speaks; fixed before the evaluation."""


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_INVENTED = _any_of(
    r"\bsimulat", r"\bmock", r"\bhypothetical", r"\bsample data ?set", r"\bsample data", r"\bsynthetic",
    r"\bfictional", r"\bdummy", r"\bfabricat", r"for demonstration", r"\billustrat",
)  # fmt: skip
_PLACEHOLDER = _any_of(
    r"placeholder", r"your[_ ](?:\w{1,20}_)?(?:api|key|token|path)", r"example\.com",
    r"replace .{0,40} with", r"path[_/]to", r"api[_ ]key",
)  # fmt: skip
_HEDGING = _any_of(
    r"\bassum", r"\bapproximat", r"\blikely\b", r"\bprobabl", r"\bappears? (?:that|to)", r"\bseems?\b",
    r"\bpossibl", r"\bpresum", r"\btypically", r"\bgenerally", r"\bestimat",
)  # fmt: skip
_ASKING = _any_of(
    r"could you", r"please (?:provide|share|confirm|let|execute|run|review)", r"let (?:us|me) know",
    r"\?\s*\Z",
)  # fmt: skip
_VERIFYING = _any_of(
    r"\bverif", r"\bconfirm", r"\bvalidat", r"\bcross-?(?:check|refer)", r"\bdouble-?check"
)
_CLOSING = _any_of(
    r"\bTERMINATE\b", r"\bconclude", r"final answer", r"task (?:is )?complete", r"in conclusion",
    r"\bin agreement", r"\bagree\b", r"consensus",
)  # fmt: skip
_FAILING = _any_of(
    r"\bunable", r"\bcannot\b", r"\bcan't\b", r"\bfail",
    r"not (?:available|accessible|found|able|feasible|exist|have)", r"\berror", r"\bissue", r"unfortunately", r"do(?:es)? not",
)  # fmt: skip
_FROM_MEMORY = _any_of(
    r"\bmanual", r"\bmy knowledge", r"\bknown (?:data|facts|information)", r"\bhistorical(?:ly)?\b",
    r"based on (?:general|common|available|existing) ",
)  # fmt: skip
_BROWSING = _any_of(r"\AAddress: ", r"viewport position")
_DEBUGGING = _any_of(r"debug", r"exit ?code", r"unknown language", r"error message")
_RESULTS = _any_of(
    r"results? (?:and reason )?from last", r"previous(?:ly)? (?:result|response|answer)",
    r"earlier (?:result|answer)",
)  # fmt: skip
_NAME = re.compile(r"\b[A-Z][a-z]{2,20}(?: [A-Z][a-z]{2,20}){1,5}")


def feature_matrix(transcript: Transcript) -> Matrix:
    """Return the features of each step.

    Parameters
    ----------
    transcript : Transcript
        Of a run.

    Returns
    -------
    array of float, shape (n_steps, len(FEATURES))

    Examples
    --------
    >>> from workbench.trajectories.model import Part, Run, Step
    >>> says = lambda text: Step("chat", "", [Part("out", "assistant", "text", text)], agent="a")
    >>> run = Run("mine", steps=[says("How many people live in Lund?"),
    ...     says("Let us assume that some 94,000 people live there, as sample data.")])
    >>> found = feature_matrix(Transcript.of(run))
    >>> names = list(FEATURES)
    >>> found[1, names.index("invented")], found[1, names.index("new_numbers")] > 0
    (np.float64(1.0), np.True_)
    """
    columns: dict[str, list[float]] = {}
    for group in (_position, _actors, _wording, _novelty, _consequences, _answer, _opening):
        columns |= group(transcript)
    if not len(transcript):
        return np.zeros((0, len(FEATURES)))
    return np.column_stack([columns[name] for name in FEATURES])


def _where(said: list[bool], values: list[Any]) -> list[float]:
    """Return values as numbers, nought where nobody speaks."""
    return [float(value) if each else 0.0 for each, value in zip(said, values, strict=True)]


def _later(transcript: Transcript) -> list[bool]:
    """Tell where somebody speaks after the opening."""
    return [said and at > 0 for at, said in enumerate(transcript.speech)]


def _position(transcript: Transcript) -> dict[str, list[float]]:
    n = len(transcript)
    return {
        "late": [math.log1p(at) for at in range(n)],
        "last": [float(at == n - 1) for at in range(n)],
        "last_but_one": [float(at == n - 2) for at in range(n)],
    }


def _actors(transcript: Transcript) -> dict[str, list[float]]:
    said, speakers = transcript.speech, transcript.speakers
    later = _later(transcript)
    spoken = [at for at, each in enumerate(said) if each]
    counts = Counter(speakers[at] for at in spoken)
    heard: set[str] = set()
    first = []
    for who, each in zip(speakers, said, strict=True):
        first.append(each and who not in heard)
        heard |= {who} if each else set()
    return {
        "observation": [float(each) for each in transcript.observed],
        "brief": [
            float(not each and not observed)
            for each, observed in zip(said, transcript.observed, strict=True)
        ],
        "browsing": [float(bool(_BROWSING.search(text[:200]))) for text in transcript.texts],
        "first_of_agent": _where(later, first),
        "opener": _where(later, [who == speakers[0] for who in speakers]),
        "share": _where(said, [counts[who] / max(1, len(spoken)) for who in speakers]),
        "third_speech": [float(spoken[2:3] == [at]) for at in range(len(said))],
    }


def _wording(transcript: Transcript) -> dict[str, list[float]]:
    later, texts, prose = _later(transcript), transcript.texts, transcript.prose

    def holds(pattern: re.Pattern[str], where: list[str]) -> list[float]:
        return _where(later, [bool(pattern.search(text)) for text in where])

    def often(pattern: re.Pattern[str], limit: int) -> list[float]:
        found = [min(limit, len(pattern.findall(text))) / limit for text in prose]
        return _where(later, found)

    length = [math.log1p(len(text.split())) for text in texts]
    invented = holds(_INVENTED, texts)
    return {
        # a middling message has some 150 words: e⁵
        "length": _where(later, [each - 5 for each in length]),
        "longest": peak(_where(later, length)),
        "code": _where(later, transcript.has_code),
        "invented": invented,
        "first_invented": [
            float(1.0 in invented and at == invented.index(1.0)) for at in range(len(later))
        ],
        "placeholder": holds(_PLACEHOLDER, texts),
        "hedging": often(_HEDGING, 3),
        "asking": holds(_ASKING, prose),
        "verifying": often(_VERIFYING, 5),
        "closing": holds(_CLOSING, prose),
        "failing": holds(_FAILING, prose),
        "from_memory": holds(_FROM_MEMORY, prose),
    }


def _novelty(transcript: Transcript) -> dict[str, list[float]]:
    task = words(transcript.task)
    seen_numbers, seen_words = numbers(transcript.task), set(task)
    own: dict[str, set[str]] = {}
    rows = []
    for who, text, prose, said in zip(
        transcript.speakers, transcript.texts, transcript.prose, transcript.speech, strict=True
    ):
        here = words(text)
        rows.append((
            math.log1p(len(numbers(prose) - seen_numbers)),
            math.log1p(sum(not words(name) <= seen_words for name in set(_NAME.findall(prose)))),
            1 - overlap(here, seen_words),
            overlap(task, here),
            likeness(here, own[who]) if who in own else 0.0,
        ))  # fmt: skip
        seen_numbers |= numbers(text)
        seen_words |= here
        own |= {who: here} if said else {}
    later = _later(transcript)
    found = [_where(later, [row[at] for row in rows]) for at in range(5)]
    return {
        "new_numbers": found[0],
        "most_new_numbers": peak(found[0]),
        "new_names": found[1],
        "most_new_names": peak(found[1]),
        "new_words": found[2],
        "on_task": found[3],
        "most_on_task": peak(found[3]),
        "repeating": found[4],
    }


def _consequences(transcript: Transcript) -> dict[str, list[float]]:
    n, later = len(transcript), _later(transcript)
    failed, void, code = transcript.failed, transcript.void, transcript.has_code
    ended = any(_CLOSING.search(text) for text in transcript.texts[-2:])
    first = failed.index(True) if any(failed) else None

    def follows(flags: list[bool]) -> list[float]:
        return _where(later, [at > 0 and flags[at - 1] for at in range(n)])

    def precedes(flags: list[bool]) -> list[float]:
        return _where(later, [at + 1 < n and flags[at + 1] for at in range(n)])

    code_fails = [fails * writes for fails, writes in zip(precedes(failed), code, strict=True)]
    return {
        "code_fails": code_fails,
        "yields_nothing": precedes(void),
        "nothing_to_run": precedes(transcript.idle),
        "after_failure": follows(failed),
        "after_nothing": follows(void),
        "after_observation": follows(transcript.observed),
        "causes_first_failure": _where(later, [at + 1 == first for at in range(n)]),
        "fails_unfinished": [each * (not ended) for each in code_fails],
        "late_unfinished": _where(later, [not ended and at >= n - 2 for at in range(n)]),
    }


def _answer(transcript: Transcript) -> dict[str, list[float]]:
    """Find where what is answered in the end was first said, and who had it computed."""
    n, later = len(transcript), _later(transcript)
    spoken = [at for at, said in enumerate(transcript.speech) if said]
    answer = _answered(transcript, spoken[-1]) if spoken else set()
    said = [numbers(text) for text in transcript.texts]
    origin = next((at for at in range(n) if answer & said[at]), None)
    computed = origin is not None and transcript.observed[origin]
    return {
        "first_with_answer": _where(later, [at == origin for at in range(n)]),
        "computes_answer": _where(later, [computed and at + 1 == origin for at in range(n)]),
    }


def _answered(transcript: Transcript, last: int) -> set[str]:
    """Return the numbers of the last speech that the task does not give; single digits tell nothing."""
    stated = numbers(transcript.prose[last]) - numbers(transcript.task)
    return {each for each in stated if len(each) > 1}


def _opening(transcript: Transcript) -> dict[str, list[float]]:
    n = len(transcript)
    text, prose = (transcript.texts[0], transcript.prose[0]) if n else ("", "")
    figures = {
        "opening_code": "```" in text,
        "opening_results": bool(_RESULTS.search(text)),
        "opening_failure": bool(_FAILING.search(prose)),
        "opening_debugging": bool(_DEBUGGING.search(text)),
        "opening_new_words": 1 - overlap(words(text), words(transcript.task)),
        "opening_numbers": math.log1p(len(numbers(prose) - numbers(transcript.task))),
        # an opening that hands on a task has some 250 words: e⁵·⁵
        "opening_length": math.log1p(len(text.split())) - 5.5,
    }
    return {name: [float(figure), *[0.0] * (n - 1)][:n] for name, figure in figures.items()}

"""Raters that follow a script, for demonstrations and load tests; they work as people do.

A scripted rater speaks the protocol of a session: it sees letters and texts, never a system. What
it answers is a stated function of these, so that whoever reads its ratings knows what they are.
"""

import datetime
import random
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.errors import BadValue
from workbench.ratings.sessions import Reply, Session

if TYPE_CHECKING:
    import pandas as pd

Judge = Callable[[str, Mapping[str, Any]], float]
"""From the text of an output and the item's content to its quality, from 0 to 1."""


def word_overlap(rows: "pd.DataFrame") -> Judge:
    """Return a judge that finds an output as good as it shares words with the references.

    Parameters
    ----------
    rows : DataFrame
        ROWS with references; an item is found by its source.

    Returns
    -------
    callable
        The share of the references' words of four letters and more that an output has; half of
        them is 1, since two writers seldom share more.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "x", "references": ["The bridge reopened on Monday."]}])
    >>> word_overlap(rows)("The bridge is open.", {"source": "x"})
    0.6666666666666666
    """
    told = {
        source: _words(" ".join(references))
        for source, references in zip(rows["input"], rows["references"], strict=True)
    }

    def judge(text: str, content: Mapping[str, Any]) -> float:
        wanted = told[content["source"]]
        return min(2 * len(wanted & _words(text)) / max(len(wanted), 1), 1.0)

    return judge


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{4,}", text.casefold()))


@dataclass
class Scripted:
    """A rater whose answers follow from a judge, a leaning and some noise.

    Parameters
    ----------
    name : str
        The rater's name.
    judge : callable
        From an output's text and the item's content (its source, reference and outputs as they
        are shown) to a quality from 0 to 1.
    leaning : float
        Added to each quality: a lenient rater's is above 0.
    noise : float
        Standard deviation of what is added to each quality at random.
    first : float
        Added to the quality of the output that is shown first: a liking for a side.
    careless : float
        Share of items, from 0 to 1, on which the judge is not asked and the quality is random.
    seconds : float
        Median time for an item, in seconds.
    seed : int
        Of all that is random.
    start : datetime
        When the rater begins.

    Examples
    --------
    >>> rater = Scripted("ana", lambda text, content: len(text) / 10, noise=0.1)
    >>> rater.name
    'ana'
    """

    name: str
    judge: Judge
    leaning: float = 0.0
    noise: float = 0.1
    first: float = 0.0
    careless: float = 0.0
    seconds: float = 20.0
    seed: int = 0
    start: datetime.datetime = datetime.datetime(2026, 1, 5, 9, tzinfo=datetime.UTC)
    clock: datetime.datetime = field(init=False, repr=False)
    _n: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        self.clock = self.start

    def work(self, session: Session, *, most: int | None = None) -> int:
        """Rate what is open, and return how many acts were stored.

        Parameters
        ----------
        session : Session
            The rater's sitting.
        most : int, optional
            Stop after so many items.

        Raises
        ------
        BadValue
            If an act is refused, or cannot be stored.
        """
        done = 0
        for at, content in enumerate(self._contents(session)):
            if most is not None and at >= most:
                break
            for message in self._acts(session, content):
                (reply,) = session.receive(message)
                if reply["type"] != "saved":
                    raise BadValue(f"a scripted rater's act must be stored, but {reply['reason']}")
                done += 1
        return done

    def _contents(self, session: Session) -> Iterator[Reply]:
        """Go through the items that are open, those of a pool as they come."""
        seen: set[str] = set()
        while True:
            (state,) = session.receive({"type": "hello", "view_id": f"script-{self.name}"})
            if state["type"] != "state":
                raise BadValue(f"a session must open, but {state['reason']}")
            self._n = max(self._n, state["n"])
            todo = [
                each
                for each in state["items"]
                if each["status"] == "open" and each["item"] not in seen
            ]
            if not todo:
                return
            for each in todo:
                seen.add(each["item"])
                fetched = session.receive({"type": "fetch", "items": [each["item"]]})
                yield fetched[0]["contents"][each["item"]]

    def _acts(self, session: Session, content: Reply) -> Iterator[Reply]:
        """Answer every question of an item."""
        dice = random.Random(f"{self.seed}/{self.name}/{content['item']}")  # noqa: S311 - no secret
        shown_at, seconds = self.clock, self.seconds * dice.lognormvariate(0.0, 0.5)
        task = session.study.state.task
        assert task is not None
        qualities = self._qualities(content, dice)
        asked = session.study.state.asked(content["item"], required=False)
        for at, each in enumerate(asked, start=1):
            question = next(q for q in task.shown()["questions"] if q["name"] == each.question)
            letters = each.target or "".join(qualities)
            value = answer(question, {one: qualities[one] for one in letters}, content, dice)
            if value is None:
                continue
            self._n += 1
            spent = seconds * at / len(asked)
            self.clock = shown_at + datetime.timedelta(seconds=spent)
            yield {
                "type": "act",
                "kind": "answer",
                "op_id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
                "view_id": f"script-{self.name}",
                "n": self._n,
                "item": content["item"],
                "question": each.question,
                "target": each.target,
                "value": value,
                "client_time": self.clock.isoformat(timespec="milliseconds"),
                "shown_at": shown_at.isoformat(timespec="milliseconds"),
                "visible_s": spent,
            }

    def _qualities(self, content: Reply, dice: random.Random) -> dict[str, float]:
        """Return the quality that the rater finds in each output, by its letter."""
        careless = dice.random() < self.careless
        found = {}
        for at, output in enumerate(content["outputs"]):
            quality = dice.random() if careless else self.judge(output["text"], content)
            quality += self.leaning + dice.gauss(0.0, self.noise) + self.first * (at == 0)
            found[output["letter"]] = min(max(quality, 0.0), 1.0)
        return found


def answer(
    question: Mapping[str, Any],
    qualities: Mapping[str, float],
    content: Mapping[str, Any],
    dice: random.Random,
) -> Any:  # noqa: ANN401 - each kind of question has its own kind of value
    """Return what somebody answers who finds these qualities; None leaves the question open.

    Parameters
    ----------
    question : mapping
        The question as a browser gets it.
    qualities : mapping of str to float
        The quality of each output that is asked about, from 0 to 1.
    content : mapping
        The item as a browser gets it.
    dice : Random
        For what is left to chance.
    """
    return _ANSWERS[question["kind"]](question, dict(qualities), content, dice)


def _scale(question: Mapping[str, Any], qualities: dict[str, float], *_: object) -> float:
    low, high, step = question["low"], question["high"], question["step"]
    n_steps = round((high - low) / step)
    return low + step * round(n_steps * next(iter(qualities.values())))  # type: ignore[no-any-return]


def _preference(
    question: Mapping[str, Any], qualities: dict[str, float], *_: object
) -> dict[str, Any]:
    a, b = qualities["A"], qualities["B"]
    gap = abs(a - b)
    if question["both_bad"] and max(a, b) < 0.15:
        return {"choice": "both bad"}
    if question["tie"] and gap < 0.05:
        return {"choice": "tie"}
    strength = 1 + min(int(gap * 2 * question["strength"]), question["strength"] - 1)
    return {"choice": "A" if a >= b else "B", "strength": strength}


def _ranking(_: object, qualities: dict[str, float], *__: object) -> dict[str, int]:
    ordered = sorted(qualities, key=lambda letter: -qualities[letter])
    return {letter: ordered.index(letter) + 1 for letter in qualities}


def _best_worst(_: object, qualities: dict[str, float], *__: object) -> dict[str, str]:
    ordered = sorted(qualities, key=lambda letter: qualities[letter])
    return {"best": ordered[-1], "worst": ordered[0]}


def _labels(question: Mapping[str, Any], qualities: dict[str, float], *_: object) -> Any:  # noqa: ANN401
    options, bad = question["options"], 1.0 - next(iter(qualities.values()))
    if question["several"]:
        return options[: int(bad * 2)]
    return options[min(int(bad * len(options)), len(options) - 1)]


def _spans(
    question: Mapping[str, Any],
    qualities: dict[str, float],
    content: Mapping[str, Any],
    dice: random.Random,
) -> list[dict[str, Any]]:
    letter, quality = next(iter(qualities.items()))
    side = "output" if "output" in question["sides"] else "source"
    text = _text_of(content, letter) if side == "output" else content["source"]
    words = text.split(" ")
    spans = []
    for _ in range(min(int((1 - quality) * 4), len(words))):
        at = dice.randrange(len(words))
        start = sum(len(word) + 1 for word in words[:at])
        if words[at]:
            spans.append(
                {
                    "side": side,
                    "start": start,
                    "end": start + len(words[at]),
                    "category": dice.choice(list(question["categories"])),
                    "severity": dice.choice(list(question["severities"])),
                }
            )
    return sorted(spans, key=lambda span: (span["start"], span["end"]))


def _text(question: Mapping[str, Any], qualities: dict[str, float], *_: object) -> str | None:
    """Say a few words where some must be said."""
    quality = next(iter(qualities.values()))
    return f"I find this {quality:.0%} good." if question["required"] else None


def _correction(
    _: object, qualities: dict[str, float], content: Mapping[str, Any], __: object
) -> str:
    return _text_of(content, next(iter(qualities)))


def _text_of(content: Mapping[str, Any], letter: str) -> str:
    texts: dict[str, str] = {each["letter"]: each["text"] for each in content["outputs"]}
    return texts[letter]


_ANSWERS: dict[str, Callable[..., Any]] = {
    "scale": _scale,
    "preference": _preference,
    "ranking": _ranking,
    "best-worst": _best_worst,
    "labels": _labels,
    "spans": _spans,
    "text": _text,
    "correction": _correction,
}

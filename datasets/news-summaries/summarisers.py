"""Two summarisers that do as they are told, to be served as models: no weights, the same every time.

Both pick whole sentences of an article and read what the messages ask of them: a length, a focus,
an order. `opening` likes what comes first, `central` the centre of a graph of similar sentences.

    python summarisers.py --port 8008

serves them as `wb.models.serve(SYSTEMS)` does, for whatever speaks chat completions. The card says
what they understand and what they do not.

Sources: LexRank, Erkan and Radev (2004); drawing without replacement by noise on logits, Kool, van
Hoof and Welling (2019).
"""

import argparse
import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
from make_outputs import WORDS, best_first, centrality, tf_idf, words

import workbench as wb
from workbench.metrics.splitting import sentences, stem
from workbench.models import Answer

Article = tuple[str, ...]
Marks = Callable[[Article], np.ndarray]

NUMBERS = {name: at for at, name in enumerate(["one", "two", "three", "four", "five"], start=1)}
NUMBERS |= {"a": 1, "a single": 1}

# What a sentence about it may hold; of any other focus, its own words.
LEXICON = {
    "money": (
        r"[£$€]|\b(?:money|cash|pounds?|pence|pay|pays|paid|payments?|prices?|priced|costs?|fees?|fares?|fines?|funds?|"
        r"funding|funded|grants?|tax|taxes|profits?|sells?|sold|sales?|buy|buys|bought|budgets?|incomes?|takings|loans?|"
        r"debts?|rents?|rental|wages?|salar(?:y|ies)|invest\w*|earn\w*|spend\w*|spent|afford\w*|commission|refund\w*|"
        r"donat\w*|cheap\w*|expensive)\b"
    ),
    "people": (
        r"\b(?:Mr|Mrs|Ms|Dr|he|she|his|her|people|residents?|women|woman|men|man|children|child|famil(?:y|ies)|"
        r"neighbours?|volunteers?|pupils?|patients?|guests?|passengers?|said|says)\b"
    ),
}

_TOKEN = re.compile(r"\w+|[^\w\s]")
_FIGURE = re.compile(r"\d")


@dataclass(frozen=True)
class Request:
    """What the messages ask for; None where they say nothing."""

    article: str
    n_sentences: int | None
    n_words: int | None
    focus: str | None
    figures_first: bool


def understood(messages: Sequence[Mapping[str, str]]) -> Request:
    """Read a chat: the longest paragraph at its end is the article, all else says what to do."""
    *earlier, last = messages
    parts = re.split(r"\n\s*\n", last["content"].strip())
    article = max(parts, key=len)
    parts.remove(article)
    told = [each["content"] for each in earlier if each["role"] in {"system", "developer"}]
    order = " ".join(" ".join([*told, *parts]).split())
    count = re.search(rf"\b({'|'.join(NUMBERS)}|\d+) sentences?\b", order, re.IGNORECASE)
    limit = re.search(r"\b(\d+) words\b", order)
    focus = re.search(
        r"\b(?:focus(?:ing)? on|what (?:it|the article) says about)\s+"
        r"(?:what (?:it|the article) says about\s+)?([^.,;:!?]+)",
        order,
        re.IGNORECASE,
    )
    first = (
        r"\b(?:figures|numbers) first\b|\b(?:lead|open|begin|start) with the (?:figures|numbers)\b"
    )
    return Request(
        article=article,
        n_sentences=None if count is None else _number(count[1].lower()),
        n_words=None if limit is None else int(limit[1]),
        focus=None if focus is None else focus[1].strip().lower(),
        figures_first=re.search(first, order, re.IGNORECASE) is not None,
    )


def _number(word: str) -> int:
    return NUMBERS[word] if word in NUMBERS else int(word)


def bears_on(sentence: str, focus: str) -> bool:
    """Tell whether a sentence holds a word of the focus, or of what the lexicon lists for it."""
    if focus in LEXICON:
        return re.search(LEXICON[focus], sentence) is not None
    return not {*map(stem, words(focus))}.isdisjoint(map(stem, words(sentence)))


def ranked(marks: np.ndarray, temperature: float, random: Random) -> list[int]:
    """Return sentences by mark; with a temperature, drawn by a softmax of the marks."""
    spread = float(marks.std()) or 1.0
    logits = 2 * (marks - marks.mean()) / spread
    noise = [-math.log(-math.log(random.uniform(1e-12, 1 - 1e-12))) for _ in logits]
    return best_first(logits + temperature * np.array(noise))


def chosen(article: Article, order: Sequence[int], n_sentences: int, n_words: float) -> list[int]:
    """Take sentences in order as long as they fit; at least one, whatever its length."""
    taken: list[int] = []
    room = n_words
    for at in order:
        length = len(article[at].split())
        if len(taken) < n_sentences and length <= room:
            taken.append(at)
            room -= length
    return sorted(taken or order[:1])


def written(article: Article, places: Sequence[int], request: Request) -> str:
    """Join sentences; figures come first where they should, and a long one is cut."""
    if request.figures_first:
        places = sorted(places, key=lambda at: not _FIGURE.search(article[at]))
    text = " ".join(article[at] for at in places).split()
    n_words = request.n_words or len(text)
    return " ".join(text[:n_words]) + ("…" if len(text) > n_words else "")


def answered(text: str, max_tokens: int | None) -> Answer:
    """Cut a text off at a number of words and marks, and say so."""
    tokens = list(_TOKEN.finditer(text))
    if max_tokens is None or len(tokens) <= max_tokens:
        return Answer(text, "stop")
    return Answer(text[: tokens[max_tokens - 1].end()], "length")


def summarised(
    messages: Sequence[Mapping[str, str]],
    marks_of: Marks,
    *,
    by_default: Callable[[Article], tuple[int, float]],
    declines: bool,
    temperature: float = 0.0,
    seed: int = 0,
    max_tokens: int | None = None,
) -> Answer:
    """Do what the messages ask, with one system's taste in sentences."""
    request = understood(messages)
    article = parted(request.article)
    # of all messages, so that two prompts, or two rows, draw apart
    random = Random(f"{seed}\n{[each['content'] for each in messages]}")  # noqa: S311 - no secret
    order = ranked(marks_of(article), temperature, random)
    if request.focus:
        about = [bears_on(sentence, request.focus) for sentence in article]
        if declines and not any(about):
            return answered(
                f"I'm sorry, but I can't say what the article says about {request.focus}: "
                "it says nothing about it.",
                max_tokens,
            )
        order = sorted(order, key=lambda at: not about[at])
    n_sentences, n_words = by_default(article)
    if request.n_sentences or request.n_words:
        n_sentences = request.n_sentences or len(article)
        n_words = request.n_words or math.inf
    places = chosen(article, order, n_sentences, n_words)
    return answered(written(article, places, request), max_tokens)


# Each prompt and repeat asks about the same articles again.
@lru_cache(maxsize=1024)
def parted(text: str) -> Article:
    """Split an article into its sentences."""
    return tuple(sentences(text))


def from_the_start(article: Article) -> np.ndarray:
    """Mark a sentence by how early it comes."""
    return -np.arange(len(article), dtype=float)


@lru_cache(maxsize=1024)
def from_the_centre(article: Article) -> np.ndarray:
    """Mark a sentence by how central it is among those of its article."""
    found = Counter(word for sentence in article for word in set(words(sentence)))
    rarity = {word: math.log(len(article) / n) + 1.0 for word, n in found.items()}
    return centrality(tf_idf(article, rarity))


def opening(messages: Sequence[Mapping[str, str]], **parameters: object) -> Answer:
    """Take what comes first: 50 words unless told otherwise; always answers."""
    return summarised(
        messages,
        from_the_start,
        by_default=lambda article: (len(article), WORDS),
        declines=False,
        **_known(parameters),
    )


def central(messages: Sequence[Mapping[str, str]], **parameters: object) -> Answer:
    """Take what is central: a third of the sentences unless told otherwise; declines without matter."""
    return summarised(
        messages,
        from_the_centre,
        by_default=lambda article: (math.ceil(len(article) / 3), math.inf),
        declines=True,
        **_known(parameters),
    )


def _known(parameters: Mapping[str, object]) -> dict[str, object]:
    return {
        name: parameters[name]
        for name in ("temperature", "seed", "max_tokens")
        if parameters.get(name) is not None
    }


SYSTEMS = {"opening": opening, "central": central}


def main() -> None:
    """Serve both until interrupted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    with wb.models.serve(SYSTEMS, port=parser.parse_args().port) as server:
        print(f"{', '.join(server.names)} at {server.url}", flush=True)  # noqa: T201 - a command
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()

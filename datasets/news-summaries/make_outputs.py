"""Make `outputs.jsonl` anew: what eight extractive summarisers choose from each article.

Every system may use 50 words and answers with whole sentences in the article's order. None sees a
reference. Run it from anywhere: `python make_outputs.py`.

Sources: lead and random as in any shared task; centroid, Radev et al. (2004); LexRank, Erkan and
Radev (2004); maximal marginal relevance, Carbonell and Goldstein (1998); SumBasic, Nenkova and
Vanderwende (2005).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

import workbench as wb
from workbench import store
from workbench.metrics.rouge import sentences

HERE = Path(__file__).resolve().parent
WORDS = 50

STOPWORDS = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "more",
        "most",
        "no",
        "not",
        "of",
        "on",
        "one",
        "or",
        "other",
        "out",
        "over",
        "said",
        "she",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "two",
        "up",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "will",
        "with",
        "would",
        "you",
    ]
)


def words(sentence: str) -> list[str]:
    """Return the content words of a sentence, lower case."""
    lowered = "".join(mark if mark.isalnum() else " " for mark in sentence.lower())
    return [word for word in lowered.split() if word not in STOPWORDS]


def tf_idf(article: list[str], rarity: dict[str, float]) -> np.ndarray:
    """Return unit vectors of the sentences, shape (n_sentences, n_words)."""
    bags = [Counter(words(sentence)) for sentence in article]
    vocabulary = sorted(set().union(*bags))
    matrix = np.array([[bag[word] * rarity[word] for word in vocabulary] for bag in bags])
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths > 0, lengths, 1.0)


def best_first(marks: np.ndarray) -> list[int]:
    """Return positions by mark; rounding keeps ties the same on every machine."""
    return [int(at) for at in np.argsort(-np.round(marks, 9), kind="stable")]


def random(row_id: str, article: list[str], vectors: np.ndarray) -> list[int]:
    """Draw sentences by lot; the lot is the row's own name."""
    seed = int.from_bytes(hashlib.sha256(row_id.encode()).digest()[:8], "big")
    return [int(at) for at in np.random.default_rng(seed).permutation(len(article))]


def lead(row_id: str, article: list[str], vectors: np.ndarray) -> list[int]:
    """Take the first sentences."""
    return list(range(len(article)))


def bookends(row_id: str, article: list[str], vectors: np.ndarray) -> list[int]:
    """Take the first sentence and the last, then work inwards."""
    last = len(article) - 1
    inwards = [at for step in range(len(article)) for at in (step, last - step)]
    return list(dict.fromkeys(inwards))


def longest(row_id: str, article: list[str], vectors: np.ndarray) -> list[int]:
    """Take the sentences with the most words."""
    return best_first(np.array([len(sentence.split()) for sentence in article], dtype=float))


def centroid(row_id: str, article: list[str], vectors: np.ndarray) -> list[int]:
    """Take the sentences nearest to the article's mean vector."""
    return best_first(vectors @ vectors.mean(axis=0))


def centrality(vectors: np.ndarray) -> np.ndarray:
    """Return how long a walk over similar sentences stays on each (LexRank)."""
    similar = (vectors @ vectors.T > 0.1).astype(float)
    steps = similar / similar.sum(axis=1, keepdims=True).clip(1.0)
    rank = np.full(len(vectors), 1 / len(vectors))
    for _ in range(100):
        rank = 0.15 / len(vectors) + 0.85 * rank @ steps
    return rank


def lexrank(row_id: str, article: list[str], vectors: np.ndarray) -> list[int]:
    """Take the sentences at the centre of a graph of similar ones."""
    return best_first(centrality(vectors))


def mmr(row_id: str, article: list[str], vectors: np.ndarray) -> list[int]:
    """Take central sentences, each as unlike those taken before as can be."""
    relevance = vectors @ vectors.mean(axis=0)
    similarity = vectors @ vectors.T
    taken: list[int] = []
    while len(taken) < len(article):
        repeated = similarity[:, taken].max(axis=1) if taken else np.zeros(len(article))
        marks = 0.7 * relevance - 0.3 * repeated
        marks[taken] = -np.inf
        taken.append(best_first(marks)[0])
    return taken


def sumbasic(row_id: str, article: list[str], vectors: np.ndarray) -> list[int]:
    """Take the sentence of the likeliest words, make these words unlikely, and go on."""
    bags = [words(sentence) for sentence in article]
    counts = Counter(word for bag in bags for word in bag)
    share = {word: count / counts.total() for word, count in counts.items()}
    taken: list[int] = []
    while len(taken) < len(article):
        marks = np.array([sum(share[w] for w in bag) / max(1, len(bag)) for bag in bags])
        marks[taken] = -np.inf
        taken.append(best_first(marks)[0])
        for word in set(bags[taken[-1]]):
            share[word] **= 2
    return taken


SYSTEMS: tuple[Callable[[str, list[str], np.ndarray], list[int]], ...] = (
    random, lead, bookends, longest, centroid, lexrank, mmr, sumbasic,
)  # fmt: skip


def within_budget(article: list[str], order: list[int]) -> str:
    """Join the first sentences that fit into the budget, in the article's order."""
    chosen: list[int] = []
    room = WORDS
    for at in order:
        length = len(article[at].split())
        if length <= room or not chosen:
            chosen.append(at)
            room -= length
    return " ".join(article[at] for at in sorted(chosen))


def main() -> None:
    """Write `outputs.jsonl` beside this script."""
    rows = wb.read(HERE)
    articles = [sentences(text) for text in rows["input"]]
    found = Counter(word for article in articles for word in set(words(" ".join(article))))
    rarity = {word: float(np.log(len(rows) / count)) + 1.0 for word, count in found.items()}
    lines = []
    for row_id, article in zip(rows["row_id"], articles, strict=True):
        vectors = tf_idf(article, rarity)
        for system in SYSTEMS:
            text = within_budget(article, system(row_id, article, vectors))
            record = {"row_id": row_id, "system": system.__name__, "text": text}
            lines.append(json.dumps(record, ensure_ascii=False))
    store.write_text(HERE / "outputs.jsonl", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

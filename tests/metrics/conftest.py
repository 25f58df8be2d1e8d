"""Texts that metrics stumble over, and tables of them."""

import csv
import gzip
import json
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

import workbench as wb

Pair = tuple[str, list[str]]

COMMON = [
    "the", "cat", "sat", "on", "a", "mat", "and", "The", "dogs", "are", "running", "to", "his",
    "house", "again", "of", "in", "no", "an", "The", "7",
]  # fmt: skip

# What tokenizers, `split`, `lower` and `strip` treat in ways of their own.
STRANGE = [
    "", " ", ".", ",", "!?", "…", "'s", "it's", "O'Neill's", '"quoted"', "(hi)", "&quot;", "&amp;",
    "&lt;b&gt;", "&amp;quot;", "<skipped>", "-\n", "\n-", "\n", "\r\n", "\t", "\v", "\f", "\x1c",
    "\x85", "\u00a0", "\u2028", "\u2029", "\u3000", "\u200b", "\u200d", "\ufeff", "\u00ad",
    "\u202e", "\x00", "3.14", "1,000", "1-2", "-5", "5-", ".5", "5.", "U.S.", "e-mail",
    "well-known", "don't", "$9.99", "50%", "http://a.b/c?d=e", "@user", "#tag", "{x}", "[y]", "a_b",
    "a/b", "\\n", "|", "~", "`", "^", "é", "e\u0301", "\u0301", "naïve", "İstanbul", "ı", "ß", "ẞ",
    "ſ", "ﬁ", "Ａ１", "²", "½", "Ⅷ", "𝒜", "кошка", "Кошка", "сидит", "γάτα", "Σ", "ς", "חתול", "قطة",
    "١٢", "बिल्ली", "แมว", "猫", "猫坐在垫子上。", "，", "、", "！", "「", "・", "ネコ", "ねこ", "ｶﾞ", "고양이가", "㈱",
    "㍻", "豈", "𠀋", "😀", "👩\u200d👩\u200d👧", "🇩🇪",
]  # fmt: skip
PIECES = COMMON * 3 + STRANGE
JOINTS = [" ", " ", " ", " ", " ", "", "  ", "\n", "\u00a0", ", ", ". ", "\u2028", ".\n", "-"]
ALONE = ["", " ", "\n", " \t\u00a0\u2028\n", ".", "!?…", "。", "'", "-\n", "<skipped>", "&quot;"]

BYTES_PER_PAIR = 48


def _edited(words: list[str], others: list[str], way: int) -> list[str]:
    """Return what a reference makes of an output's words."""
    ways = [
        words,
        words[::-1],
        words[len(words) // 2 :] + words[: len(words) // 2],
        [word for at, word in enumerate(words) if at % 3],
        [word.upper() for word in words],
        words + others[:3],
        others,
        words[:2] + others[:2] + words[2:],
        [
            other if at % 4 == 3 else word
            for at, (word, other) in enumerate(zip(words, others, strict=False))
        ],
        words[:1],
    ]
    return ways[way % len(ways)]


def _text(words: list[str], joint: int, longest: int) -> str:
    if joint < 2 * len(ALONE):
        return ALONE[joint // 2]
    if joint == 255:
        return " ".join(words * longest)
    return JOINTS[joint % len(JOINTS)].join(words)


def _wild(code: bytes) -> str:
    """Return a word of any three characters of Unicode, halves of surrogate pairs aside."""
    points = [int.from_bytes(code[at : at + 3]) % 0x110000 for at in (0, 3, 6)]
    return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)


def _pair(code: bytes, most: int, longest: int) -> Pair:
    """Read an output and its one to four references from bytes."""
    pieces = [*PIECES, *(_wild(code[at : at + 9]) for at in range(8, 40, 4))]
    words = [pieces[each % len(pieces)] for each in code[8 : 8 + code[0] % most]]
    others = [pieces[each % len(pieces)] for each in code[28 : 28 + code[1] % most]]
    references = [
        _text(_edited(words, others, code[3 + at]), code[-1 - at], longest)
        for at in range(1 + code[2] % 4)
    ]
    return _text(words, code[7], longest), references


@pytest.fixture(scope="session")
def batches() -> Callable[..., st.SearchStrategy[tuple[random.Random, list[Pair]]]]:
    """Make strategies for batches of outputs with their references, and dice to choose options by.

    Everything is read from one draw of random bytes: a hundred times faster than to draw word by
    word, and hypothesis does not try the same texts again with other options. A text has fewer
    than `most` pieces, now and then `longest` times over.
    """

    def make(
        n_pairs: int = 80, most: int = 20, longest: int = 30
    ) -> st.SearchStrategy[tuple[random.Random, list[Pair]]]:
        size = n_pairs * BYTES_PER_PAIR
        return st.binary(min_size=size, max_size=size).map(
            lambda code: (
                random.Random(code),
                [
                    _pair(code[at : at + BYTES_PER_PAIR], most, longest)
                    for at in range(0, size, BYTES_PER_PAIR)
                ],
            )
        )

    return make


@pytest.fixture(scope="session")
def table() -> Callable[[Iterable[Pair]], pd.DataFrame]:
    """Put pairs into what a metric's `statistics` takes."""

    def make(pairs: Iterable[Pair]) -> pd.DataFrame:
        texts, references = zip(*pairs, strict=True)
        ids = [str(at) for at in range(len(texts))]
        return pd.DataFrame(
            {
                "row_id": ids,
                "output_id": ids,
                "text": list(texts),
                "references": pd.Series(list(references), dtype=object),
            }
        )

    return make


@pytest.fixture(scope="session")
def scored() -> Callable[..., wb.Scores]:
    """Score pairs of an output and its references by metrics, on the public road."""

    def make(pairs: Iterable[Pair], *metrics: wb.Metric) -> wb.Scores:
        texts, references = zip(*pairs, strict=True)
        rows = wb.read([{"input": "", "references": each} for each in references])
        return wb.score(wb.outputs(rows, {"a": list(texts)}), rows, metrics)

    return make


@pytest.fixture(scope="session")
def streams() -> Callable[[Iterable[Pair]], list[list[str | None]]]:
    """Turn references into sacrebleu's streams, with None where a row has fewer."""

    def make(pairs: Iterable[Pair]) -> list[list[str | None]]:
        references = [each for _, each in pairs]
        most = max(map(len, references))
        return [[each[at] if at < len(each) else None for each in references] for at in range(most)]

    return make


@pytest.fixture(scope="session")
def summed() -> Callable[[np.ndarray], np.ndarray]:
    """Add statistics one after the other, as sacrebleu does."""
    return lambda statistics: reduce(add, list(statistics))


@pytest.fixture(scope="session")
def wmt(shared: Path) -> Callable[..., wb.Scores]:
    """Score systems of WMT23 by metrics: all of them, or those named."""

    def make(
        pair: str, *metrics: wb.Metric, references: Sequence[str] = ("refA",), systems=None
    ) -> wb.Scores:
        home = shared / "mt" / f"wmt23.{pair}"
        rows = wb.read(references=[home / f"{each}.txt.gz" for each in references])
        paths = {path.name.removesuffix(".txt.gz"): path for path in home.glob("systems/*.txt.gz")}
        chosen = {name: path for name, path in paths.items() if name in (systems or paths)}
        return wb.score(wb.outputs(rows, chosen), rows, metrics)

    return make


@pytest.fixture(scope="session")
def totals() -> Callable[[wb.Scores, str], dict[str, np.ndarray]]:
    """Add each system's statistics under a metric."""

    def make(scores: wb.Scores, metric: str) -> dict[str, np.ndarray]:
        return {
            system: scores.statistics[metric][(scores.outputs["system"] == system).to_numpy()].sum(
                axis=0
            )
            for system in scores.systems
        }

    return make


@pytest.fixture(scope="session")
def oracle(shared: Path) -> Callable[..., dict]:
    """Read the figures that stand beside a WMT23 set."""

    def make(pair: str, name: str = "oracle.json") -> dict:
        return json.loads((shared / "mt" / f"wmt23.{pair}" / name).read_text(encoding="utf-8"))

    return make


@pytest.fixture(scope="session")
def published(shared: Path) -> dict[tuple[str, str, str], float]:
    """Read WMT23's published figures, by language pair, system and metric."""
    with gzip.open(shared / "mt" / "wmt23.automatic-scores.tsv.gz", "rt", encoding="utf-8") as file:
        lines = csv.DictReader(file, delimiter="\t")
        return {
            (line["pair"], line["system"], line["metric"]): float(line["score"]) for line in lines
        }


@pytest.fixture(autouse=True)
def _quiet_sacrebleu() -> Iterator[None]:
    """Keep sacrebleu's advice on single sentences out of the tests' output."""
    logger = logging.getLogger("sacrebleu")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


@pytest.fixture(scope="session")
def segment_statistics():
    """Return sacrebleu's own statistics of each output against its own references."""

    def counted(peer, outputs):
        references, statistics = {}, []
        for text, texts in zip(outputs["text"], outputs["references"], strict=True):
            key = tuple(texts)
            if key not in references:
                prepared = [peer._preprocess_segment(each) for each in key]
                references[key] = peer._extract_reference_info(prepared)
            hypothesis = peer._preprocess_segment(text)
            statistics.append(peer._compute_segment_statistics(hypothesis, references[key]))
        return np.array(statistics, dtype=np.float64).reshape(len(statistics), -1)

    return counted

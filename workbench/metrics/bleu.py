"""BLEU, with sacrebleu's figures and signatures."""

import math
import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, Unreadable
from workbench.metrics.base import Array, Metric, option, require_references
from workbench.metrics.grouping import Groups
from workbench.metrics.ngrams import Ints, ReferenceNGrams, Tokens, Vocabulary, totals
from workbench.metrics.sacrebleu_peer import signature

if TYPE_CHECKING:
    import pandas as pd

Tokenizer = Literal[
    "13a", "none", "intl", "char", "zh", "ja-mecab", "ko-mecab",
    "spm", "flores101", "flores200", "spBLEU-1K",
]  # fmt: skip
Smoothing = Literal["exp", "floor", "add-k", "none"]

# Marks that 13a parts from the end of any word: of ASCII all but the apostrophe and the hyphen.
_PARTED = frozenset('!"#$%&()*+,./:;<=>?@[\\]^_`{|}~')

# A mark, or what stands between two.
_PIECES = re.compile(r"[!-&(-,./:-@\[-`{-~]|[^!-&(-,./:-@\[-`{-~]+")

_DIGIT = re.compile("[0-9]")

# What a word must hold for 13a to part it.
_MAY_PART = re.compile(r"[!-&(-,./:-@\[-`{-~]|[0-9]-")

# Words whose tokens are kept, 20 MB of them.
_WORDS = 65_536

# Below this the error of an exponent, which grows with its size, is too large in single precision.
_SHORTEST = -3.0

# sacrebleu's floor under the logarithm of a precision of zero.
_LOG_ZERO = -9999999999.0


@dataclass(frozen=True)
class BLEU(Metric):
    """BLEU: how many n-grams of the output are in a reference, 0 to 100.

    Parameters
    ----------
    tokenize : str
        sacrebleu's tokenizer: "13a" (WMT's default), "intl", "none", "char", "zh", "ja-mecab"
        (extra `ja`), "ko-mecab" (extra `ko`), "spm", "flores101", "flores200" or "spBLEU-1K"
        (sentencepiece models that you have put in sacrebleu's folder; nothing is downloaded).
    lowercase : bool
        Whether case is ignored.
    smooth_method : {"exp", "floor", "add-k", "none"}
        What to do with a precision of zero (Chen and Cherry 2014, methods 3, 1 and 2).
    smooth_value : float, optional
        The value for "floor" (default 0.1) and "add-k" (default 1).
    max_ngram_order : int
        The longest n-gram.
    effective_order : bool
        Whether orders longer than the text are left out; for single sentences.
    name : str
        The name in tables; give another to compare two tokenizers in one call.

    Notes
    -----
    BLEU = BP · exp(mean over n of log pₙ), with pₙ = matches / n-grams of the output, summed over
    the corpus, and BP = exp(1 − r/c) when the output's length c is below the closest reference
    length r, else 1. Statistics: c, r, matches × order, n-grams × order.

    References
    ----------
    Papineni et al. (2002), section 2.3; Post (2018) for the signature.

    Examples
    --------
    >>> BLEU().signature
    'nrefs:?|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0'
    """

    tokenize: Tokenizer = "13a"
    lowercase: bool = False
    smooth_method: Smoothing = "exp"
    smooth_value: float | None = None
    max_ngram_order: int = 4
    effective_order: bool = False
    name: str = "bleu"
    direction = "up"
    bounds = (0.0, 100.0)
    reads = ("text", "references")

    def __post_init__(self) -> None:
        option("tokenize", self.tokenize, get_args(Tokenizer))
        option("smooth_method", self.smooth_method, get_args(Smoothing))
        if self.max_ngram_order < 1:
            raise BadValue(
                f"max_ngram_order must be at least 1, but {self.max_ngram_order} came; use 4."
            )
        if self.smooth_value is not None and not 0 <= self.smooth_value < math.inf:
            raise BadValue(
                f"smooth_value must be a number of at least 0, but {self.smooth_value} came; use "
                "0.1 for 'floor' and 1 for 'add-k'."
            )

    @cached_property
    def _peer(self) -> Any:  # noqa: ANN401 - untyped
        from sacrebleu.metrics.bleu import BLEU as Peer

        if self.tokenize in {"spm", "flores101", "flores200", "spBLEU-1K"}:
            _require_sentencepiece(self.tokenize)
        try:
            return Peer(
                lowercase=self.lowercase,
                # an older name of the same, of which sacrebleu warns
                tokenize="flores101" if self.tokenize == "spm" else self.tokenize,
                smooth_method=self.smooth_method,
                smooth_value=self.smooth_value,
                max_ngram_order=self.max_ngram_order,
                effective_order=self.effective_order,
            )
        except (ImportError, RuntimeError):
            needed = {"ja-mecab": "the extra 'ja'", "ko-mecab": "the extra 'ko'"}
            raise Unreadable(
                f"tokenize={self.tokenize!r} needs a package that is not installed; install "
                f"{needed.get(self.tokenize, 'sentencepiece')}, or choose another tokenizer."
            ) from None

    @property
    def signature(self) -> str:
        """sacrebleu's signature."""
        return signature(self._peer)

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return lengths, matches and n-gram counts of each output."""
        require_references(self, outputs)
        groups = Groups.of(outputs["references"])
        texts, references, span = self.tokens(outputs["text"].tolist(), groups.references)
        return self.counted(texts, references, groups, span=span)

    def counted(self, texts: Tokens, references: Tokens, groups: Groups, *, span: int) -> Array:
        """Return the statistics of tokenised outputs.

        Parameters
        ----------
        texts, references : Tokens
            The outputs, and the references of `groups`.
        groups : Groups
            Which references belong to which outputs.
        span : int
            More than any token.
        """
        known = ReferenceNGrams(references, groups.group_of, order=self.max_ngram_order, span=span)
        return np.column_stack(
            [
                texts.lengths,
                _closest(texts.lengths, references.lengths, groups),
                known.matches(texts, groups.of_output),
                totals(texts.lengths, self.max_ngram_order),
            ]
        ).astype(np.float64)

    def tokens(self, texts: list[str], references: list[str]) -> tuple[Tokens, Tokens, int]:
        """Tokenise as sacrebleu does; where white space parts tokens anyway, each word once.

        Returns
        -------
        tuple of Tokens, Tokens, int
            The texts, the references, and how many different tokens there are.
        """
        # they share most of their words
        together = chain(texts, references)
        lines = [(text.lower() if self.lowercase else text).rstrip() for text in together]
        found, span = self._tokenised(lines)
        n_texts = len(texts)
        return found.between(0, n_texts), found.between(n_texts, len(lines)), span

    def _tokenised(self, lines: list[str]) -> tuple[Tokens, int]:
        if self.tokenize == "none":
            found, types = Tokens.of_lines(lines)
            return found, len(types)
        if self.tokenize == "13a":
            found, types = Tokens.of_lines(_cleaned(lines))
            split, span = Tokens.of_types(types, _parted)
            return found.expanded(split), span
        words = Vocabulary()
        found = Tokens.of_words((self._peer.tokenizer(line).split() for line in lines), words)
        return found, len(words)

    def worst(self, outputs: "pd.DataFrame") -> Array:
        """Return the statistics of empty outputs: no match, and the brevity penalty."""
        return self.statistics(outputs.assign(text=""))

    def best(self, outputs: "pd.DataFrame") -> Array:
        """Return the statistics of outputs that are their first reference."""
        references = [next(iter(each), "") for each in outputs["references"]]
        return self.statistics(outputs.assign(text=references))

    def aggregate(self, sums: Array) -> Array:
        """Return BLEU for each sum of statistics.

        The operations and their order are sacrebleu's, and a float32 input is computed in float32
        (but for the lengths), so that each figure equals the peer's in its last bit.
        """
        order = self.max_ngram_order
        # each statistic by itself: NumPy is slow along axes of four
        found = np.ascontiguousarray(np.moveaxis(sums, -1, 0))
        hyp_len, ref_len = found[:2].astype(np.float64)
        correct, total = found[2 : 2 + order], found[2 + order :]
        matched = correct.any(axis=0)
        if self.smooth_method == "add-k":
            added = np.where(np.arange(order) > 0, self._smooth_value, 0.0).astype(found.dtype)
            added = added.reshape(-1, *(1,) * matched.ndim)
            correct, total = correct + added, total + added
        reached = np.logical_and.accumulate(total > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(
                correct == 0, self._smoothed(correct, total, reached), 100.0 * correct / total
            )
            brevity = np.ones(hyp_len.shape)
            short = hyp_len < ref_len
            brevity[short] = _by_arrow("exp", 1 - ref_len[short] / hyp_len[short])
        told = reached & (precision > 0)
        logs = np.where(told, _by_arrow("ln", np.where(told, precision, 1.0)), _LOG_ZERO)
        n_orders = (
            reached.sum(axis=0).clip(1) if self.effective_order else np.full(matched.shape, order)
        )
        mean = _sum_first(logs, n_orders) / n_orders
        score = np.where(hyp_len > 0, brevity, 0.0) * _by_arrow("exp", mean)
        return np.where(matched, score, 0.0)

    def approximate(self, sums: Array) -> Array:
        """Return BLEU as the root of a product of precisions, some ten times as fast.

        It is as right as its input's precision, but need not equal the peer's in its last bits.
        """
        order = self.max_ngram_order
        if self.smooth_method == "add-k":
            return self.aggregate(sums)
        length, reference = sums[..., 0], sums[..., 1]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            hits, total = (
                reduce(np.multiply, (sums[..., 2 + at] for at in range(first, first + order)))
                for first in (0, order)
            )
            share, excess = hits / total, 1 - reference / length
            root = np.sqrt(np.sqrt(share)) if order == 4 else share ** (1 / order)
            score, shortest = np.asarray(100 * root), excess.min(initial=0)
            if not shortest >= 0:
                score *= np.exp(np.minimum(excess, 0))
        # what is smoothed, or what a product or an exponent cannot hold
        if not (hits.min(initial=1) > 0 and total.max(initial=0) < np.inf and shortest > _SHORTEST):
            odd = ~((hits > 0) & (total < np.inf) & (excess > _SHORTEST))
            score[odd] = self.aggregate(sums[odd])
        return score

    @property
    def _smooth_value(self) -> float:
        if self.smooth_value is not None:
            return self.smooth_value
        return {"floor": 0.1, "add-k": 1}.get(self.smooth_method, 0.0)

    def _smoothed(self, correct: Array, total: Array, reached: Array) -> Array:
        """Return the precisions that stand for zero matches."""
        if self.smooth_method == "exp":
            n_zero = np.cumsum((correct == 0) & reached, axis=0)
            return np.asarray(100.0 / (np.exp2(n_zero).astype(total.dtype) * total))
        if self.smooth_method == "floor":
            return np.asarray(100.0 * self._smooth_value / total)
        return np.zeros_like(total)


def _cleaned(lines: list[str]) -> list[str]:
    """Do what 13a does to lines before it looks at words, to most of them nothing."""
    together = "".join(lines)
    unclean = any(mark in together for mark in ("<skipped>", "\n", "&"))
    return list(map(_cleaned_line, lines)) if unclean else lines


def _cleaned_line(line: str) -> str:
    line = line.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in line:
        for entity, mark in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
            line = line.replace(entity, mark)
    return line


# the same words come again in the next chunk
@lru_cache(maxsize=_WORDS)
def _parted(word: str) -> list[str]:
    """Return the tokens of a word with marks by 13a, most of them without its four expressions."""
    if word[-1] in _PARTED and word[:-1].isalnum():
        return [word[:-1], word[-1]]
    if not _DIGIT.search(word):  # between digits alone a mark may stay
        return _PIECES.findall(word)
    if not _MAY_PART.search(word):
        return [word]
    # test_sacrebleu_peer.py holds that it is there
    return _peer_of_13a().tokenizer._post_tokenizer(f" {word} ").split()  # type: ignore[no-any-return]


@cache
def _peer_of_13a() -> Any:  # noqa: ANN401 - untyped
    return BLEU()._peer


def _closest(lengths: Ints, of_references: Ints, groups: Groups) -> Ints:
    """Return for each output the length of the reference that is closest, the shorter of two."""
    closest = np.full(len(lengths), -1)
    for place in groups.places:
        length = of_references[place.clip(min=0)]
        distance, best = np.abs(lengths - length), np.abs(lengths - closest)
        nearer = (distance < best) | ((distance == best) & (length < closest)) | (closest < 0)
        closest = np.where((place >= 0) & nearer, length, closest)
    return closest


def _by_arrow(function: Literal["exp", "ln"], values: Array) -> Array:
    """Apply a function to each value by the C library, as `math` does; NumPy's own may differ."""
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = pa.array(np.ravel(values).astype(np.float64))
    applied = getattr(pc, function)(flat).to_numpy(zero_copy_only=False)
    return np.asarray(applied.reshape(np.shape(values)))


def _sum_first(logs: Array, n_orders: NDArray[np.integer[Any]]) -> Array:
    """Add the first orders' logarithms as Python's `sum` does, which compensates from 3.12 on."""
    total, lost = np.zeros(n_orders.shape), np.zeros(n_orders.shape)
    for order, log in enumerate(logs):
        each = np.where(order < n_orders, log, 0.0)
        added = total + each
        if sys.version_info >= (3, 12):
            larger = np.abs(total) >= np.abs(each)
            lost += np.where(larger, (total - added) + each, (each - added) + total)
        total = added
    return total + lost


def _require_sentencepiece(tokenize: str) -> None:
    """Refuse a sentencepiece tokenizer whose model is not here: sacrebleu would download it."""
    from pathlib import Path

    from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
    from sacrebleu.utils import SACREBLEU_DIR

    model = Path(SACREBLEU_DIR) / "models" / Path(SPM_MODELS[tokenize]["url"]).name
    if not model.exists():
        raise Unreadable(
            f"tokenize={tokenize!r} needs the model {model.name} in {model.parent}, but it is not "
            "there; put it there yourself, for nothing is downloaded here."
        )

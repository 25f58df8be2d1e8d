"""Answers found in longer texts by a stated rule: the last label, the last number."""

import re
from abc import abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar
from unicodedata import normalize

import numpy as np

from workbench.errors import BadValue, is_number, names_of, some
from workbench.metrics.base import Array, Mean, option, require_references

if TYPE_CHECKING:
    import pandas as pd

Answer = TypeVar("Answer", bound=Hashable)
Take = Literal["last", "first", "only"]

# Sixty digits and any exponent: what a text says never overflows.
_CONTEXT = Context(prec=60, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
# Markdown's underscores around words: to `re` they would be letters.
_OPENED, _CLOSED = re.compile(r"(?<!\w)_+"), re.compile(r"(?<!_)_++(?!\w)")
# Python sorts the marks on a letter in the square of their number: a hostile word is taken in parts.
_PART = re.compile(r"\S{1,1000}")


class _Extracted(Mean):
    """The share of outputs in which the answer that a rule finds is right."""

    take: Take
    unparsed: Literal["wrong", "missing"]
    reads = ("text", "references")
    notes: ClassVar[tuple[str, ...]] = ("unparsed",)

    def __post_init__(self) -> None:
        option("take", self.take, ("last", "first", "only"))
        option("unparsed", self.unparsed, ("wrong", "missing"))

    @abstractmethod
    def _candidates(self, text: str) -> Iterator[Hashable]:
        """Yield what may be the answer, in the order of the text."""

    def _matches(self, answer: Any, reference: Any) -> bool:  # noqa: ANN401 - of the same kind
        return bool(answer == reference)

    def answer(self, text: str) -> Any:  # noqa: ANN401 - a label or a number
        """Return the answer that a text gives, None where the rule finds none."""
        found = list(self._candidates(text))
        if self.take == "only":
            return found[0] if len(set(found)) == 1 else None
        return None if not found else found[-1 if self.take == "last" else 0]

    def answers(self, outputs: "pd.DataFrame") -> list[Any]:
        """Return the answer of each output, None where the rule finds none."""
        return [self.answer(text) for text in outputs["text"]]

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return hit, count and note of each output."""
        require_references(self, outputs)
        expected = cache(self.answer)
        found = []
        given = zip(outputs["row_id"], outputs["references"], self.answers(outputs), strict=True)
        for row_id, references, answer in given:
            right = [expected(each) for each in references]
            if None in right:
                raise BadValue(
                    f"{self.name} needs references in which its rule finds an answer, but in "
                    f"{some(references, 1)} of row {row_id!r} there is none; write the answer alone."
                )
            hit = answer is not None and any(self._matches(answer, each) for each in right)
            found.append(self._marked(hit=hit, parsed=answer is not None))
        return np.array(found, dtype=np.float64).reshape(-1, 3)

    def _marked(self, *, hit: bool, parsed: bool) -> tuple[float, float, float]:
        if parsed or self.unparsed == "wrong":
            return float(hit), 1.0, float(not parsed)
        return np.nan, np.nan, 1.0


@dataclass(frozen=True)
class LabelMatch(_Extracted):
    """Label match: the share of outputs whose last label is that of a reference, 0 to 1.

    Parameters
    ----------
    labels : sequence of str
        The possible answers. They count as whole words, in any case, with any white space between
        words, accents composed or not, and Markdown's underscores around them; where one begins
        another, the longer one counts.
    take : {"last", "first", "only"}
        Which of the labels in a text is its answer; "only" takes a text in which there is one
        label, perhaps several times.
    unparsed : {"wrong", "missing"}
        Whether an output without an answer is a miss, or has no value and counts as failed; either
        way their number is told.
    name : str
        The name in tables.

    Notes
    -----
    A reference is read by the same rule.

    Examples
    --------
    >>> metric = LabelMatch()
    >>> metric.answer("[No] 17 has no divisor … so the answer is **Yes**."), metric.answer("Perhaps.")
    ('yes', None)
    >>> metric.signature
    'nrefs:?|labels:yes/no|take:last|unparsed:wrong|version:wb2'
    """

    labels: Sequence[str] = ("yes", "no")
    take: Take = "last"
    unparsed: Literal["wrong", "missing"] = "wrong"
    name: str = "label_match"

    def __post_init__(self) -> None:
        super().__post_init__()
        labels = tuple(names_of("labels", self.labels))
        texts = [" ".join(each.split()) for each in labels if isinstance(each, str)]
        folded = [_label(each) for each in texts]
        # neither empty nor alike nor alone
        if len({"", *folded}) <= max(len(labels), 2):
            raise BadValue(
                "labels must be two texts or more that differ in more than their case, but "
                f"{some(labels) or 'none'} came; use labels=('yes', 'no')."
            )
        object.__setattr__(self, "labels", tuple(texts))

    @property
    def signature(self) -> str:
        """The labels, the rule and the version of this definition."""
        labels = "/".join(self.labels)
        return f"nrefs:?|labels:{labels}|take:{self.take}|unparsed:{self.unparsed}|version:wb2"

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(map(_label, self.labels), key=len, reverse=True)
        wanted = [r"\s+".join(map(re.escape, each.split())) for each in longest_first]
        return re.compile(rf"(?<!\w)(?:{'|'.join(wanted)})(?!\w)")

    def _candidates(self, text: str) -> Iterator[str]:
        return (" ".join(found.split()) for found in self._pattern.findall(_folded(text)))


def _folded(text: str) -> str:
    """Return a text in one case and one normal form, without emphasis: equal words are equal texts."""
    words = text.casefold() if text.isascii() else _PART.sub(_composed, text)
    return _CLOSED.sub(" ", _OPENED.sub(" ", words))


def _composed(part: re.Match[str]) -> str:
    return normalize("NFC", normalize("NFD", part[0]).casefold())


def _label(text: str) -> str:
    return " ".join(_folded(text).split())


def _number_pattern(mark: str, separator: str) -> re.Pattern[str]:
    """Return the pattern of numbers with a decimal mark and a separator of thousands."""
    grouped = rf"[0-9]{{1,3}}(?:[{separator}'’\u00a0\u202f][0-9]{{3}})+(?![0-9])"
    # an en dash is a minus where a number begins, else it joins a range
    return re.compile(
        rf"""(?:(?P<sign>(?<![\w)\]])[-+−]|(?<![^\s(\[*=:$€£¥₹])–)[$€£¥₹]?)?
        (?P<digits>(?<!\w)(?<![0-9][{mark}])(?:{grouped}|[0-9]+)(?:[{mark}][0-9]+)?
          |(?<![\w.,])[{mark}][0-9]+)
        (?P<torn>(?:[{separator}]0{{2,}}(?![0-9]))+)?
        (?P<exponent>[eE][-+−]?[0-9]{{1,6}}(?![0-9]))?
        (?P<percent>[^\S\r\n]?[%％])?""",
        re.VERBOSE,
    )


_MINUS = str.maketrans("−–", "--")
_PATTERNS = {"point": _number_pattern(".", ","), "comma": _number_pattern(",", ".")}
_SEPARATORS = {"point": re.compile("[,'’\u00a0\u202f]"), "comma": re.compile("[.'’\u00a0\u202f]")}


@dataclass(frozen=True)
class NumericMatch(_Extracted):
    """Numeric match: the share of outputs whose last number is that of a reference, 0 to 1.

    Parameters
    ----------
    absolute : float
        How far the number may be from the reference's, at least 0.
    relative : float
        The same as a share of the reference's size; the wider of both holds.
    take : {"last", "first", "only"}
        Which of the numbers in a text is its answer; "only" takes a text with one number, perhaps
        several times.
    decimal : {"point", "comma"}
        How numbers are written: 1,234.5 or 1.234,5. An apostrophe or a narrow space separates
        thousands too.
    percent : {"plain", "hundredth"}
        Whether 45 % is 45 or 0.45; any space may stand before the sign.
    unparsed : {"wrong", "missing"}
        Whether an output without an answer is a miss, or has no value and counts as failed; either
        way their number is told.
    name : str
        The name in tables.

    Notes
    -----
    Numbers are compared as the decimals that are written, not as binary ones: with
    ``absolute=0.1``, 0.3 and 0.2 agree. A minus sign counts unless a letter, a digit or a bracket
    stands before it (5-3), also before a sign of currency (-$5), and an en dash counts where a word
    begins (–5). Digits within a word (H2O, 1.2.3 after 1.2) are no number, nor are those whose zeros
    stand after a separator as no thousands do (1,00 or 1000,000); of a number sixty digits count.
    Underscores around words are Markdown's. Fractions and numbers in words are not read. A reference
    is read by the same rule.

    Examples
    --------
    >>> metric = NumericMatch(relative=0.01)
    >>> metric.answer("12 crates of 105 make 1,260 eggs."), metric.answer("a dozen")
    (Decimal('1260'), None)
    >>> metric.signature
    'nrefs:?|abs:0|rel:0.01|take:last|decimal:point|percent:plain|unparsed:wrong|version:wb2'
    """

    absolute: float = 0.0
    relative: float = 0.0
    take: Take = "last"
    decimal: Literal["point", "comma"] = "point"
    percent: Literal["plain", "hundredth"] = "plain"
    unparsed: Literal["wrong", "missing"] = "wrong"
    name: str = "numeric_match"

    def __post_init__(self) -> None:
        super().__post_init__()
        option("decimal", self.decimal, ("point", "comma"))
        option("percent", self.percent, ("plain", "hundredth"))
        if not all(is_number(each) and each >= 0 for each in (self.absolute, self.relative)):
            raise BadValue(
                "absolute and relative must be finite numbers of at least 0, but "
                f"{self.absolute!r} and {self.relative!r} came; use 0 for an exact match."
            )

    @property
    def signature(self) -> str:
        """The tolerances, the rule and the version of this definition."""
        return (
            f"nrefs:?|abs:{self.absolute:g}|rel:{self.relative:g}|take:{self.take}"
            f"|decimal:{self.decimal}|percent:{self.percent}|unparsed:{self.unparsed}|version:wb2"
        )

    def _candidates(self, text: str) -> Iterator[Decimal]:
        for found in _PATTERNS[self.decimal].finditer(_OPENED.sub(" ", text)):
            if found["torn"]:
                continue
            digits = _SEPARATORS[self.decimal].sub("", found["digits"]).replace(",", ".")
            written = (found["sign"] or "") + digits + (found["exponent"] or "")
            number = _CONTEXT.create_decimal(written.translate(_MINUS))
            if found["percent"] and self.percent == "hundredth":
                number = number.scaleb(-2, _CONTEXT)
            yield number

    def _matches(self, answer: Decimal, reference: Decimal) -> bool:
        # str gives the shortest decimal that is the float: what was typed
        absolute, relative = Decimal(str(self.absolute)), Decimal(str(self.relative))
        apart = _CONTEXT.subtract(answer, reference).copy_abs()
        return apart <= max(absolute, _CONTEXT.multiply(relative, reference.copy_abs()))

"""Generated texts for benchmarks: the same on every machine, with the word counts of a language.

References draw their words from a vocabulary by Zipf's law; the outputs of a system are copies in
which words are replaced, dropped and moved, more of them in each system than in the one before.
"""

import numpy as np

SYSTEMS = ("a", "b", "c")

_N_WORDS = 8_000
_LETTERS = list("etaoinshrdlucmfwypvbgkjqxz")
# Shares of words replaced; the first two systems are close, so that p-values are not all tiny.
_REPLACED = (0.18, 0.185, 0.25)


def texts(n: int) -> tuple[list[str], dict[str, list[str]]]:
    """Return n references, and as many outputs of each of three systems.

    Parameters
    ----------
    n : int
        Number of segments; it is the seed too, so that other sizes have other texts.

    Examples
    --------
    >>> references, systems = texts(2)
    >>> len(references), {name: len(lines) for name, lines in systems.items()}
    (2, {'a': 2, 'b': 2, 'c': 2})
    """
    rng = np.random.default_rng([2_024, n])
    words = _vocabulary(rng)
    weights = 1 / (np.arange(len(words)) + 2.7)
    lengths = rng.poisson(20, size=n) + 4
    drawn = rng.choice(words, size=lengths.sum(), p=weights / weights.sum())
    segments = np.split(drawn, np.cumsum(lengths)[:-1])
    systems = {
        name: [_sentence(_copy(rng, segment, words, share)) for segment in segments]
        for name, share in zip(SYSTEMS, _REPLACED, strict=True)
    }
    return [_sentence(segment) for segment in segments], systems


def _vocabulary(rng):
    lengths = rng.integers(2, 10, size=_N_WORDS)
    letters = rng.choice(_LETTERS, size=lengths.sum())
    words = ["".join(each) for each in np.split(letters, np.cumsum(lengths)[:-1])]
    words[7::40] = [str(number) for number in range(len(words[7::40]))]
    return np.array(words, dtype=object)


def _copy(rng, segment, words, share):
    """Replace and drop words, and in every second segment move a phrase to the end."""
    luck = rng.random(len(segment))
    others = rng.choice(words, size=len(segment))
    copy = np.where(luck < share, others, segment)[luck < 0.95]
    at = int(rng.integers(0, 2 * len(segment)))
    return np.concatenate([copy[:at], copy[at + 3 :], copy[at : at + 3]])


def _sentence(words) -> str:
    """Write words as a sentence, with a capital, commas and a full stop."""
    clauses = [" ".join(words[at : at + 9]) for at in range(0, len(words), 9)]
    return ", ".join(clauses).capitalize() + "."

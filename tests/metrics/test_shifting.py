"""Edits and shifts, against sacrebleu's own search of them."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import TER, lib_ter

import workbench as wb
from workbench.metrics import shifting
from workbench.metrics.shifting import Reference

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=100)
# Texts per example, and how long they may be.
SHORT, LONG = (60, 14), (1, 50)


def text_of(dice, most, n_words):
    return [str(dice.randrange(n_words)) for _ in range(dice.randrange(most))]


def shuffled(dice, words):
    """Exchange stretches of a text, and lose, double or change some of its words."""
    words = list(words)
    for _ in range(dice.randrange(5)):
        low, middle, high = sorted(dice.randrange(len(words) + 1) for _ in range(3))
        words[low:high] = words[middle:high] + words[low:middle]
    rate = dice.choice((0, 0.05, 0.3))
    ways = [[], ["x"], words[:1] * 2]
    return [
        each for word in words for each in (dice.choice(ways) if dice.random() < rate else [word])
    ]


def pair_of(dice, most):
    """Make a text and a reference: alike, of few or of many words, or of unlike lengths."""
    n_words = dice.choice((2, 3, 8, 40))
    reference = text_of(dice, most, n_words)
    match dice.randrange(5):
        case 0 | 1:
            return shuffled(dice, reference), reference
        case 2:
            return text_of(dice, max(2, most // 8), n_words), reference
        case 3:
            return reference, text_of(dice, max(2, most // 8), n_words)
        case _:
            return text_of(dice, most, n_words), reference


def assert_edits_are_sacrebleus(pairs):
    for text, reference in pairs:
        expected = lib_ter.translation_edit_rate(text, reference)
        assert (Reference(reference).edits(text), len(reference)) == expected, (text, reference)


# 6,000 pairs of short texts, whose beam is as wide as the matrix, and 100 of longer ones.
@pytest.mark.parametrize(("n_pairs", "most"), [SHORT, LONG], ids=["short", "long"])
@REPEATABLE
@given(seed=st.integers(0, 2**32))
def test_edits_are_sacrebleus(n_pairs, most, seed):
    dice = random.Random(seed)
    assert_edits_are_sacrebleus(pair_of(dice, most) for _ in range(n_pairs))


@pytest.mark.slow
@settings(REPEATABLE, max_examples=150)
@given(seed=st.integers(0, 2**32))
def test_edits_of_texts_far_beyond_the_beam_are_sacrebleus(seed):
    dice = random.Random(seed)
    assert_edits_are_sacrebleus([pair_of(dice, 160)])


# What little beam and few shifts do to short texts is what the usual ones do to long texts.
@pytest.mark.parametrize(
    "limits",
    [
        {"BEAM_WIDTH": 1},
        {"BEAM_WIDTH": 2, "MAX_SHIFT_CANDIDATES": 30},
        {"BEAM_WIDTH": 4, "MAX_SHIFT_SIZE": 2},
        {"BEAM_WIDTH": 7, "MAX_SHIFT_DIST": 3},
    ],
    ids=str,
)
@REPEATABLE
@given(seed=st.integers(0, 2**32))
def test_edits_within_narrow_limits_are_sacrebleus(limits, seed):
    dice = random.Random(seed)
    pairs = [pair_of(dice, dice.choice((14, 24))) for _ in range(20)]
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in limits.items():
            patch.setattr(shifting, name, limit)
            patch.setattr(lib_ter, f"_{name}", limit)
        shifting.beams.cache_clear()
        assert_edits_are_sacrebleus(pairs)
    shifting.beams.cache_clear()


def test_the_limits_are_sacrebleus():
    for name in ("MAX_SHIFT_SIZE", "MAX_SHIFT_DIST", "BEAM_WIDTH", "MAX_SHIFT_CANDIDATES"):
        assert getattr(shifting, name) == getattr(lib_ter, f"_{name}")


def words(*stretches):
    return [f"{kind}{at}" for kind, first, last in stretches for at in range(first, last)]


ADVERSARIAL = {
    "nothing": ([], []),
    "no text": ([], ["a"]),
    "no reference": (["a"], []),
    "beyond the beam": (words(("a", 30, 60), ("a", 0, 30)), words(("a", 0, 60))),
    "as far as a shift goes": (words(("a", 0, 3), ("x", 0, 50)), words(("y", 0, 50), ("a", 0, 3))),
    "farther than a shift goes": (
        words(("a", 0, 3), ("x", 0, 51)),
        words(("y", 0, 51), ("a", 0, 3)),
    ),
    "more words than are shifted": (words(("a", 12, 24), ("a", 0, 12)), words(("a", 0, 24))),
    "one word against many": (["a"], ["a"] * 120),
    "many words against one": (["a", "b"] * 60, ["b"]),
    "a width of its own": (
        ["a0", "b0"],
        words(("x", 0, 60), ("b", 0, 1), ("a", 0, 1), ("y", 0, 60)),
    ),
    "too many shifts": (["a", "b"] * 20, ["b", "b", "a", "c"] * 9),
    "a rhythm": (["a", "b", "c"] * 9, ["c", "b", "a"] * 9),
    # floor(49 * (1 / 49)) is less than 1 in floating point
    "a ratio that is rounded": (words(("a", 0, 49)), ["a48"]),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_edits_of_adversarial_texts_are_sacrebleus(name):
    assert_edits_are_sacrebleus([ADVERSARIAL[name]])


def test_a_round_in_which_too_many_shifts_were_tried_is_lost(monkeypatch):
    text, reference = list("defxabc"), list("abcdefy")
    assert Reference(reference).edits(text) == 2
    monkeypatch.setattr(shifting, "MAX_SHIFT_CANDIDATES", 1)
    monkeypatch.setattr(lib_ter, "_MAX_SHIFT_CANDIDATES", 1)
    assert_edits_are_sacrebleus([(text, reference)])
    assert Reference(reference).edits(text) > 2


@REPEATABLE
@given(seed=st.integers(0, 2**32))
def test_texts_of_one_reference_do_not_touch_each_other(seed):
    dice = random.Random(seed)
    reference = text_of(dice, 14, 4)
    texts = [shuffled(dice, reference) for _ in range(8)]
    kept, together = [list(each) for each in texts], Reference(reference)
    assert [together.edits(each) for each in texts] == [Reference(reference).edits(t) for t in kept]
    assert texts == kept


OPTIONS = [
    {},
    {"case_sensitive": True},
    {"normalized": True},
    {"no_punct": True},
    {"normalized": True, "no_punct": True, "asian_support": True},
]


@REPEATABLE
@given(seed=st.integers(0, 2**32), options=st.sampled_from(OPTIONS))
def test_every_statistic_is_sacrebleus(table, segment_statistics, seed, options):
    dice, pairs = random.Random(seed), []
    known = [[" ".join(each) for each in pair_of(dice, 14)] for _ in range(3)]
    marks = ["Ab.", "ab", "ab .", " ", "猫、犬", "it's 1.5", "ΑΣ", "&amp;", "&amp;quot;"]
    for _ in range(12):
        references = dice.choice(known)[: dice.randint(1, 2)]
        text = dice.choice([*known[0], *references, *marks])
        pairs.append((text, [*references, *dice.sample(marks, dice.randrange(3))]))
    outputs = table(pairs)
    found = wb.TER(**options).statistics(outputs)
    assert found.tolist() == segment_statistics(TER(**options), outputs).tolist()


def test_no_outputs_have_no_statistics(table):
    assert wb.TER().statistics(table([("a", ["b"])])[:0]).shape == (0, 2)

"""How far coders agree: by hand, by a naive recomputation, and whatever the names and the order."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadKind, BadValue
from workbench.ratings import code_agreement, code_disagreements

COLUMNS = ["run_id", "annotator", "target", "step", "label"]


def codes(*rows, done=()):
    ends = [(run, who, "done", None, None) for run, who in done]
    return pd.DataFrame([*rows, *ends], columns=COLUMNS)


def both(*runs):
    return [(run, who) for run in runs for who in ("ann", "ben")]


def values(found, label):
    part = found.frame[found.frame["label"] == label]
    return dict(zip(part["coefficient"], part["value"], strict=True))


# Two runs of 3 and 2 steps: 7 + 5 = 12 units (each run, each step, and what is missing after it).
# "loop": both on step 1 of r and on the omission after step 0 of s; ann alone on step 2 of r; ben
# alone on the whole of s. So a = 2, b = 1, c = 1, d = 8.
BY_HAND = codes(
    ("r", "ann", "step", 1, "loop"),
    ("r", "ben", "range", 1, "loop"),
    ("r", "ben", "step", 1, "loop"),
    ("s", "ann", "omission", 0, "loop"),
    ("s", "ben", "omission", 0, "loop"),
    ("r", "ann", "step", 2, "loop"),
    ("s", "ben", "run", None, "loop"),
    ("r", "ben", "step", 0, "other"),
    done=both("r", "s"),
)


def test_the_agreement_is_what_a_hand_computes_and_omissions_count():
    found = code_agreement(BY_HAND, units={"r": 3, "s": 2})
    assert values(found, "loop") == {
        "percent": pytest.approx(10 / 12),
        "positive": pytest.approx(2 * 2 / (2 * 2 + 1 + 1)),
        # 24 ratings, 6 of them given: 1 − 23 · (2 · 2) / (24² − 6² − 18²)
        "alpha": pytest.approx(1 - 23 * 4 / (576 - 36 - 324)),
    }
    row = found.frame.iloc[0]
    assert (row["n_runs"], row["n_units"], row["n_annotators"]) == (2, 12, 2)
    assert (row["n_given"], row["n_agreed"], row["n_disputed"]) == (6, 2, 2)
    assert values(found, "other")["positive"] == 0
    assert values(found, "(any label)")["percent"] == pytest.approx(9 / 12)
    without = code_agreement(BY_HAND[BY_HAND["target"] != "omission"], units={"r": 3, "s": 2})
    assert values(without, "loop")["positive"] == pytest.approx(2 / 4)


def naive(frame, steps, label):
    """Recompute the three figures unit by unit, pair by pair."""
    done = frame[frame["target"] == "done"]
    pairs, ratings, agreeing, positive, units = [], [], [], 0, 0
    for run, n in steps.items():
        coders = sorted(set(done.loc[done["run_id"] == run, "annotator"]))
        if len(coders) < 2:
            continue
        for unit in [("run", -1), *itertools.product(("step", "omission"), range(n))]:
            said = []
            for who in coders:
                mine = frame[(frame["run_id"] == run) & (frame["annotator"] == who)]
                mine = mine[(mine["label"] == label)]
                places = [
                    ("step" if t == "range" else t, -1 if t == "run" else int(s))
                    for t, s in zip(mine["target"], mine["step"], strict=True)
                ]
                said.append(int(unit in places))
            m, k = len(said), sum(said)
            same = [a == b for a, b in itertools.permutations(said, 2)]
            agreeing.append(np.mean(same))
            pairs += [(a != b) / (m - 1) for a, b in itertools.permutations(said, 2)]
            ratings += said
            positive += k * (k - 1)
            units += k * (m - 1)
    n, ones = len(ratings), sum(ratings)
    expected = 2 * ones * (n - ones)
    return {
        "percent": np.mean(agreeing),
        "positive": positive / units if units else float("nan"),
        "alpha": 1 - (n - 1) * sum(pairs) / expected if expected else float("nan"),
    }


CODES = st.lists(
    st.tuples(
        st.sampled_from("rst"), st.sampled_from("abc"),
        st.sampled_from(["run", "step", "range", "omission"]), st.integers(0, 1),
        st.sampled_from(["x", "y"]),
    ),
    max_size=25,
)  # fmt: skip
DONE = st.sets(st.tuples(st.sampled_from("rst"), st.sampled_from("abc")))
STEPS = {"r": 2, "s": 3, "t": 2}


def framed(rows, done):
    rows = [(r, w, t, None if t == "run" else s, label) for r, w, t, s, label in rows]
    return codes(*rows, done=[*done, ("r", "a"), ("r", "b")])


@settings(max_examples=25, deadline=None)
@given(CODES, DONE)
def test_the_agreement_is_that_of_a_naive_recomputation(rows, done):
    frame = framed(rows, done)
    found = code_agreement(frame, units=STEPS, labels=["x", "y"], samples=20)
    for label in ("x", "y"):
        assert values(found, label) == pytest.approx(naive(frame, STEPS, label), nan_ok=True)


@settings(max_examples=10, deadline=None)
@given(CODES, DONE, st.randoms(use_true_random=False))
def test_neither_names_nor_order_matter(rows, done, dice):
    frame = framed(rows, done)
    found = code_agreement(frame, units=STEPS, labels=["x", "y"], samples=20).frame
    shuffled = frame.sample(frac=1, random_state=dice.randrange(1000))
    renamed = shuffled.replace({"annotator": {"a": "c", "b": "a", "c": "b"}})
    again = code_agreement(renamed, units=STEPS, labels=["x", "y"], samples=20).frame
    pd.testing.assert_frame_equal(found, again)
    swapped = frame.replace({"label": {"x": "y", "y": "x"}})
    other = code_agreement(swapped, units=STEPS, labels=["x", "y"], samples=20).frame
    for one, two in (("x", "y"), ("y", "x")):
        left, right = (f[f["label"] == name]["value"] for f, name in ((found, one), (other, two)))
        assert left.tolist() == pytest.approx(right.tolist(), nan_ok=True)


def test_only_runs_that_were_marked_count_and_the_rest_is_told():
    frame = codes(
        ("r", "ann", "step", 0, "loop"), ("r", "ben", "step", 0, "loop"),
        ("s", "ann", "step", 0, "loop"), ("t", "ben", "step", 0, "loop"),
        done=[*both("r"), ("s", "ann")],
    )  # fmt: skip
    found = code_agreement(frame, units={"r": 2, "s": 2, "t": 2})
    assert found.frame["n_runs"].unique() == [1]
    assert list(found.notes)[:3] == [
        "1 run left out: marked as coded by one coder only.",
        "1 run left out: begun, and marked as coded by nobody.",
        "1 codes do not count: their coder has not marked the run as coded.",
    ]
    assert "loop: alpha has no interval: all comes from a single run" in repr(found)


def test_intervals_are_over_runs():
    rows, runs = [], [f"r{at}" for at in range(30)]
    for at, run in enumerate(runs):
        rows.append((run, "ann", "step", 0, "loop"))
        rows.append((run, "ben", "step", at % 3 and 0, "loop"))
        rows += [(run, "ben", "step", 1, "loop")] * (at % 4 == 0)
    found = code_agreement(codes(*rows, done=both(*runs)), units=dict.fromkeys(runs, 3))
    for row in found.frame.itertuples():
        assert row.ci_low < row.value < row.ci_high
    again = code_agreement(codes(*rows, done=both(*runs)), units=dict.fromkeys(runs, 3))
    pd.testing.assert_frame_equal(found.frame, again.frame)


def test_rulings_are_no_party_and_annotators_can_be_chosen():
    frame = BY_HAND.assign(adjudicated=False)
    judged = pd.concat([frame, codes(("r", "judge", "step", 0, "loop"), done=[("r", "judge")]).assign(adjudicated=True)])  # fmt: skip
    assert code_agreement(judged, units={"r": 3, "s": 2}).frame["n_annotators"].unique() == [2]
    with pytest.raises(BadValue, match="no run was marked as coded by two"):
        code_agreement(frame, units={"r": 3, "s": 2}, annotators=["ann"])


def test_what_cannot_be_is_refused():
    with pytest.raises(BadValue, match="run 'r' of 1 steps has one on step"):
        code_agreement(BY_HAND, units={"r": 1, "s": 2})
    with pytest.raises(BadKind, match="units must be runs"):
        code_agreement(BY_HAND, units=7)
    with pytest.raises(BadValue, match="codes must have 'label', but have not"):
        code_agreement(BY_HAND.drop(columns="label"), units={"r": 3})


def test_runs_say_how_many_steps_they_have():
    steps = [wb.trajectories.Step("chat", "")] * 3
    runs = wb.trajectories.Runs.of(
        [wb.trajectories.Run("x", name=name, steps=steps[:n]) for name, n in (("r", 3), ("s", 2))]
    )
    assert values(code_agreement(BY_HAND, units=runs), "loop")["percent"] == pytest.approx(10 / 12)


def test_disagreements_are_listed_by_place_and_label():
    found = code_disagreements(BY_HAND)
    assert found[["run_id", "target", "step", "label", "given_by", "not_by"]].astype(object).where(
        found.notna(), None
    ).to_numpy().tolist() == [
        ["r", "step", 0, "other", ["ben"], ["ann"]],
        ["r", "step", 2, "loop", ["ann"], ["ben"]],
        ["s", "run", None, "loop", ["ben"], ["ann"]],
    ]

"""Tokens and dollars: over leaves only, exact, priced by each model's rule, never guessed."""

import datetime
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadKind, BadValue, UnknownName
from workbench.pricing import Price, Prices
from workbench.trajectories import Run, Runs, Step, Usage
from workbench.trajectories.analysis import usage
from workbench.trajectories.analysis.columns import Steps, covered_rows, exact_sums, summed
from workbench.trajectories.model import counted_usage, leaves

repeatable = settings(deadline=None, derandomize=True, max_examples=60)
# where an example takes many tables
seldom = settings(repeatable, max_examples=15)

PER_MILLION = {
    # in, cached, cache write, out, reasoning, as the providers list them
    "gpt": ("2.5", "1.25", None, "10", None),
    "claude": ("3", "0.3", "3.75", "15", None),
    "qwen": ("0.4", None, None, "1.2", "4"),
}
NAMES = ("input", "cached", "cache_write", "output", "reasoning")


def price(name):
    rates = {
        field: None if rate is None else Decimal(rate) / 10**6
        for field, rate in zip(NAMES, PER_MILLION[name], strict=True)
    }
    return Price(**rates)


LONG = Price(Decimal(1), Decimal(1), above=((100, Price(Decimal(2), Decimal(3))),))
PRICES = Prices(
    "test", datetime.date(2026, 11, 1), {n: price(n) for n in PER_MILLION} | {"long": LONG}
)

TOKENS = [
    "input_tokens",
    "cached_tokens",
    "cache_written_tokens",
    "output_tokens",
    "reasoning_tokens",
]


def chat(read=None, wrote=None, *, parent=None, model="gpt", kind="chat", **more):
    return Step(
        kind, "", parent=parent, model=model,
        usage=Usage(input_tokens=read, output_tokens=wrote, **more),
    )  # fmt: skip


def one(*steps, prices=PRICES, **options):
    """The row of a run of these steps."""
    return usage(Runs.of([Run("t", name="a", steps=[*steps], **options)]), prices=prices).loc[0]


def test_a_span_around_others_is_not_counted_twice():
    row = one(
        chat(30, 3, kind="invoke_agent"),
        chat(30, 3, parent=0, kind="chat"),
        chat(10, 1, parent=1),
        chat(20, 2, parent=1),
    )
    assert row[["n_calls", "input_tokens", "output_tokens"]].tolist() == [2, 30, 3]
    # 30 × 2.5e-6 + 3 × 1e-5
    assert row["recomputed_usd"] == 0.000105


def test_cached_tokens_are_part_of_the_input_at_their_own_price():
    # OpenAI: 100 fresh × 2.5e-6 + 900 × 1.25e-6 + 10 × 1e-5; written tokens cost what fresh ones do
    row = one(chat(1_000, 10, cached_tokens=900))
    assert row["recomputed_usd"] == 0.00025 + 0.001125 + 0.0001
    # Anthropic: 5 × 3e-6 + 900 × 3e-7 + 95 × 3.75e-6 + 10 × 1.5e-5
    row = one(chat(1_000, 10, model="claude", cached_tokens=900, cache_written_tokens=95))
    assert row["recomputed_usd"] == 0.00079125


def test_reasoning_is_part_of_the_output_and_dearer_only_where_the_provider_says():
    # 100 × 2.5e-6 + 50 × 1e-5, reasoning or not
    assert one(chat(100, 50, reasoning_tokens=40))["recomputed_usd"] == 0.00075
    # 100 × 4e-7 + 10 × 1.2e-6 + 40 × 4e-6
    assert one(chat(100, 50, model="qwen", reasoning_tokens=40))["recomputed_usd"] == 0.000212


def test_each_call_has_its_own_price_for_long_inputs():
    # 100 + 1, then 101 × 2 + 1 × 3: the threshold is passed by a call, not by the run
    row = one(chat(100, 1, model="long"), chat(101, 1, model="long"))
    assert row["recomputed_usd"] == 101 + 205


def test_recorded_costs_stand_beside_recomputed_ones():
    row = one(chat(1_000, 0, cost_usd=0.005), chat(0, 0, cost_usd=0.001))
    assert row[["cost_usd", "recomputed_usd", "difference_usd"]].tolist() == pytest.approx(
        [0.006, 0.0025, -0.0035]
    )


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (
            [chat(1, 1, model="unheard"), chat(1, 1)],
            "1 of the calls are of 'unheard', which test has no price for",
        ),
        (
            [chat(1, 1, model=None), chat(1, 1), chat(1, 1, model="claude")],
            "1 of the calls name no model",
        ),
        ([chat(1, 1), chat(1)], "1 of the calls do not say both input and output"),
        ([chat(wrote=1)], "1 of the calls do not say both input and output"),
        (
            [chat(10, 1, cached_tokens=8, cache_written_tokens=8)],
            "1 of the calls have parts that are larger than their whole",
        ),
        (
            [chat(10, 1, reasoning_tokens=2)],
            "1 of the calls have parts that are larger than their whole",
        ),
    ],
)
def test_a_cost_that_would_be_wrong_is_missing_and_says_why(steps, why):
    row = one(*steps)
    assert math.isnan(row["recomputed_usd"])
    assert row["unpriced"] == why


def test_an_embedding_has_no_output_and_a_cost_all_the_same():
    row = one(chat(1_000, kind="embeddings"))
    assert row["recomputed_usd"] == 0.0025


def test_a_call_without_a_model_is_of_its_runs():
    row = one(chat(1_000, 0, model=None), model="gpt")
    assert row["recomputed_usd"] == 0.0025
    assert pd.isna(row["unpriced"])


def test_what_nothing_records_is_missing_and_never_nought():
    row = one(Step("chat", ""), Step("wb.input", ""))
    assert row[["n_calls", "n_silent"]].tolist() == [0, 1]
    assert row[[*TOKENS, "cost_usd", "recomputed_usd", "basis", "unpriced"]].isna().all()
    empty = usage(Runs.of([Run("t", name="a")]), prices=PRICES)
    assert empty.loc[0, ["input_tokens", "cost_usd", "recomputed_usd"]].isna().all()
    assert len(usage(Runs.of([]), prices=PRICES)) == 0


def test_totals_that_a_source_states_stand_where_its_steps_say_nothing():
    stated = Usage(1_000, 900, 0, 10, None, 0.5)
    row = one(Step("chat", ""), recorded=stated, model="claude")
    assert row["basis"] == "stated"
    assert row[["input_tokens", "cached_tokens", "cost_usd"]].tolist() == [1_000, 900, 0.5]
    # 100 × 3e-6 + 900 × 3e-7 + 10 × 1.5e-5
    assert row["recomputed_usd"] == 0.00072
    row = one(chat(3, 1), recorded=stated, model="claude")
    assert (row["basis"], row["input_tokens"]) == ("steps", 3)


@pytest.mark.parametrize(
    ("recorded", "model", "why"),
    [
        (Usage(5, output_tokens=1), None, "the run names no single model"),
        (Usage(5, output_tokens=1), "x", "the run is of 'x', which test has no price for"),
        (Usage(5), "gpt", "the run does not say both input and output"),
        (
            Usage(500, output_tokens=1),
            "long",
            "the price depends on the length of each call, and only totals are stated",
        ),
        (Usage(5, 9, output_tokens=1), "gpt", "the run has parts that are larger than their whole"),
    ],
)
def test_totals_that_cannot_be_priced_say_why(recorded, model, why):
    row = one(recorded=recorded, model=model)
    assert math.isnan(row["recomputed_usd"])
    assert row["unpriced"] == why


def test_demos_and_copied_context_cost_nothing():
    demo = chat(100, 10, cost_usd=1.0)
    demo.flags = frozenset({"demo"})
    row = one(demo, chat(5, 1, cost_usd=0.1))
    assert row[["input_tokens", "cost_usd"]].tolist() == [5, 0.1]


def test_a_demo_is_no_answer_that_lacks_its_tokens():
    demo = Step("chat", "", flags=frozenset({"demo"}))
    assert one(demo, Step("chat", ""), chat(5, 1))["n_silent"] == 1


def test_rows_may_stand_for_models_agents_or_tools():
    runs = Runs.of(
        [
            Run(
                "t",
                name="a",
                steps=[chat(1_000, 0), chat(7, 1, model="claude"), chat(1, 1, model=None)],
            ),
            Run("t", name="b", steps=[chat(1_000, 0)]),
        ]
    )
    frame = usage(runs, prices=PRICES, by="model").set_index("model")
    assert frame.loc["gpt", ["n_calls", "input_tokens", "recomputed_usd"]].tolist() == [
        2,
        2_000,
        0.005,
    ]
    assert frame["input_tokens"].tolist() == [2_000, 7, 1]
    assert frame.index.isna().tolist() == [False, False, True]
    assert usage(runs, by="agent")["n_calls"].tolist() == [4]


def test_an_unknown_grouping_or_source_is_refused():
    runs = Runs.of([])
    with pytest.raises(UnknownName) as caught:
        usage(runs, by="models")
    assert str(caught.value).endswith("but 'models' came; did you mean 'model'?")
    with pytest.raises(BadKind) as bad:
        usage([1])
    assert str(bad.value) == (
        "steps must be Runs, or a table of STEPS, but list came; pass what trajectories.read "
        "returned."
    )
    with pytest.raises(UnknownName):
        usage(pd.DataFrame({"run_id": ["a"]}))
    with pytest.raises(BadKind) as bad:
        usage(runs, prices={"m": 1})
    assert str(bad.value) == (
        "prices must be a table of prices, but a dict came; read one with wb.pricing.Prices.read."
    )


# A naive recomputation.

counts = st.none() | st.integers(0, 10**6)


@st.composite
def a_run(draw, name):
    n = draw(st.integers(0, 8))
    steps = []
    for at in range(n):
        parent = draw(st.none() | st.integers(0, n - 1)) if at else None
        # a forest: a step stands below an earlier one
        parent = None if parent is None or parent >= at else parent
        used = Usage(
            draw(counts), draw(counts), None, draw(counts), None, draw(st.none() | st.floats(0, 9))
        )
        model = draw(st.sampled_from(["gpt", "claude", None]))
        steps.append(Step("chat", "", parent=parent, model=model, usage=used))
    return Run("t", name=name, steps=steps)


@st.composite
def some_runs(draw):
    return [draw(a_run(name)) for name in "abc"[: draw(st.integers(1, 3))]]


@repeatable
@given(some_runs())
def test_tokens_and_costs_are_those_of_runs(runs):
    frame = usage(Runs.of(runs))
    for row, run in zip(frame.itertuples(), runs, strict=True):
        expected = counted_usage(run)
        for name in [*TOKENS, "cost_usd"]:
            value, found = getattr(expected, name), getattr(row, name)
            assert pd.isna(found) if value is None else found == value


def naive_cost(run):
    """Add the price of each leaf figure, step by step, in fractions."""
    total = Fraction(0)
    parents = [step.parent for step in run.steps]
    for name, rate in (("input_tokens", 0), ("cached_tokens", 1), ("output_tokens", 3)):
        has = [getattr(step.usage, name) is not None for step in run.steps]
        for step, leaf in zip(run.steps, leaves(has, parents), strict=True):
            if leaf:
                rates = PRICES[step.model].rates
                total += getattr(step.usage, name) * Fraction(rates[rate])
                if name == "cached_tokens":
                    total -= step.usage.cached_tokens * Fraction(rates[0])
    return float(total)


@repeatable
@given(some_runs())
def test_recomputed_costs_are_the_naive_ones(runs):
    frame = usage(Runs.of(runs), prices=PRICES)
    for row, run in zip(frame.itertuples(), runs, strict=True):
        if not math.isnan(row.recomputed_usd):
            assert row.recomputed_usd == naive_cost(run)


@seldom
@given(some_runs(), st.randoms(use_true_random=False))
def test_neither_the_order_of_runs_nor_their_company_changes_a_row(runs, random):
    frame = usage(Runs.of(runs), prices=PRICES).set_index("run_id")
    mixed = [*runs]
    random.shuffle(mixed)
    other = usage(Runs.of(mixed), prices=PRICES).set_index("run_id")
    pd.testing.assert_frame_equal(other.loc[frame.index], frame)
    alone = pd.concat([usage(Runs.of([run]), prices=PRICES) for run in runs])
    pd.testing.assert_frame_equal(alone.set_index("run_id"), frame)


@seldom
@given(some_runs(), st.randoms(use_true_random=False))
def test_a_table_a_frame_and_shuffled_or_joined_rows_give_the_same(runs, random):
    whole = Runs.of(runs)
    expected = usage(whole.table, prices=PRICES).set_index("run_id")
    rows = list(range(whole.table.num_rows))
    random.shuffle(rows)
    shuffled = whole.table.take(pa.array(rows, pa.int64()))
    parts = pa.concat_tables([Runs.of([run]).table for run in runs])
    second = pa.concat_tables([whole.table, whole.table]).combine_chunks().slice(len(rows))
    for source in (whole.steps, shuffled, parts, second):
        found = usage(source, prices=PRICES).set_index("run_id")
        pd.testing.assert_frame_equal(found.reindex(expected.index), expected)


@repeatable
@given(st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 9)), max_size=12))
def test_leaves_by_columns_are_those_of_the_model(steps):
    parents = [up if up is not None and up < at else None for at, (_, up) in enumerate(steps)]
    has = np.array([each for each, _ in steps], bool)
    above = np.array([-1 if up is None else up for up in parents], np.int64)
    found = has & ~covered_rows(has, above)
    assert found.tolist() == leaves(has.tolist(), parents)


def test_a_circle_of_parents_ends():
    has, above = np.array([True, False]), np.array([1, 0])
    assert (
        (has & ~covered_rows(has, above)).tolist() == leaves([True, False], [1, 0]) == [True, False]
    )


def test_a_parent_that_is_no_step_of_the_run_encloses_nothing():
    table = pa.table(
        {
            "run_id": ["a", "a", "b"],
            "step": [0, 1, 0],
            "kind": ["chat"] * 3,
            "parent": [None, 2**40, 1],
        }
    )
    assert Steps.of(table).above().tolist() == [-1, -1, -1]
    assert Steps.of(table.take([2, 0, 1])).above().tolist() == [-1, -1, -1]
    assert Steps.of(table.slice(1)).above().tolist() == [-1, -1]


@repeatable
@given(
    st.lists(
        st.tuples(st.integers(-1, 3), st.integers(-1, 2**58), st.floats(-1e9, 1e9)), max_size=12
    )
)
def test_sums_by_group_are_exact(rows):
    codes, whole, floats = (np.array([row[at] for row in rows]) for at in range(3))
    codes, whole = codes.astype(np.int64), whole.astype(np.int64)
    found, fsums = summed(codes, 4, whole), exact_sums(codes, 4, floats.astype(float))
    for group in range(4):
        own = [row for row in rows if row[0] == group]
        kept = [n for _, n, _ in own if n >= 0]
        assert found[group] == (sum(kept) if kept else -1)
        if own:
            assert fsums[group] == math.fsum(row[2] for row in own)
        else:
            assert math.isnan(fsums[group])


def test_counts_that_cannot_be_added_are_refused():
    with pytest.raises(BadValue) as caught:
        summed(np.zeros(2, np.int64), 1, np.full(2, 2**62))
    assert str(caught.value) == (
        "counts must add to less than 2**62, but these pass it; look for one that cannot be."
    )

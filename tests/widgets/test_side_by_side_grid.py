"""Which rows a question keeps, in what order: recomputed row by row, and at the edges."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.comparison import Comparison
from workbench.contrasts import Settings
from workbench.errors import UnknownName
from workbench.widgets.side_by_side.grid import Grid, Question, question_of

WORDS = ["", "one", "ONE two", "a.b", "zwei", None]
VALUES = [0.0, 0.25, 0.5, None]


def grid_of(records, rows, metrics=("x",)):
    """Return the grid of OUTPUTS without the resampling of a comparison."""
    scores = wb.score(
        wb.outputs(rows, pd.DataFrame(records)), rows, [wb.Column(name) for name in metrics]
    )
    return Grid(Comparison(scores, Settings(scores.systems[0]), pd.DataFrame({"system": []})))


def asked(n, texts, values, **more):
    """Return a grid of systems a and b on n rows: texts and values by row, a's then b's."""
    rows = wb.read(
        [
            {"row_id": f"r{at}", "input": f"Input {at}", "references": [f"Ref {at}"]}
            | {name: cells[at % len(cells)] for name, cells in more.items()}
            for at in range(n)
        ]
    )
    records = [
        {
            "row_id": f"r{at}",
            "system": system,
            "text": texts[2 * at + nth],
            "x": values[2 * at + nth],
        }
        for at in range(n)
        for nth, system in enumerate("ab")
    ]
    return grid_of(records, rows)


def naive(texts, values, question, n):
    """Keep and order rows one by one."""

    def delta(at):
        a, b = (values[2 * at + each] for each in (question.a, question.b))
        return math.nan if None in (a, b) else a - b

    def value(at):
        own = values[2 * at + question.by]
        return math.nan if own is None else own

    kept = []
    for at in range(n):
        said = [
            f"r{at}",
            f"Input {at}",
            f"Ref {at}",
            *(t or "" for t in texts[2 * at : 2 * at + 2]),
        ]
        differ = texts[2 * at + question.a] != texts[2 * at + question.b]
        if (
            any(question.text.lower() in each.lower() for each in said)
            and (question.low is None or delta(at) >= question.low)
            and (question.high is None or delta(at) <= question.high)
            and (differ or not question.differing)
        ):
            kept.append(at)
    if question.sort == "order":
        return kept if question.down else kept[::-1]
    key = {"delta": delta, "size": lambda at: abs(delta(at)), "value": value}[question.sort]
    known = [at for at in kept if not math.isnan(key(at))]
    sign = -1 if question.down else 1
    return sorted(known, key=lambda at: sign * key(at)) + [at for at in kept if math.isnan(key(at))]


limits = st.none() | st.sampled_from([-0.25, 0.0, 0.25])
questions = st.builds(
    Question,
    a=st.integers(0, 1),
    b=st.integers(0, 1),
    sort=st.sampled_from(["order", "delta", "size", "value"]),
    by=st.integers(0, 1),
    down=st.booleans(),
    text=st.sampled_from(["", "one", "TWO", ".", "ref 1", "input", "r1"]),
    low=limits,
    high=limits,
    differing=st.booleans(),
)


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.tuples(
            st.lists(st.sampled_from(WORDS), min_size=2 * n, max_size=2 * n),
            st.lists(st.sampled_from(VALUES), min_size=2 * n, max_size=2 * n),
        )
    ),
    st.lists(questions, min_size=1, max_size=8),
)
def test_rows_are_those_that_one_finds_one_by_one(cells, several):
    texts, values = cells
    texts, values = ["one", *texts[1:]], [0.5, *values[1:]]  # something must be there to score
    grid = asked(len(texts) // 2, texts, values)
    for question in several:
        expected = naive(texts, values, question, len(texts) // 2)
        assert grid.rows(question).tolist() == expected, question


def test_of_repeats_the_first_text_and_the_mean_value_are_there():
    rows = wb.read([{"row_id": "r", "input": "i", "references": ["x"]}])
    records = [
        {"row_id": "r", "system": "a", "text": text, "x": value, "repeat": repeat}
        for repeat, (text, value) in enumerate([(None, None), ("first", 0.2), ("second", 0.6)])
    ]
    grid = grid_of(records, rows)
    assert (grid.text(0, 0), grid.n_repeats.tolist()) == ("first", [[3]])
    assert grid.figures[0, 0, 0] == pytest.approx(0.4)
    assert grid.rows(Question(text="second")).tolist() == []  # it is not shown


def test_a_slice_holds_each_row_of_which_an_output_has_the_value():
    rows = wb.read([{"row_id": f"r{at}", "input": "i"} for at in range(3)])
    records = [
        {"row_id": f"r{at}", "system": system, "text": "t", "x": 1.0, "tone": tone}
        for at, tones in enumerate([("warm", "cold"), ("cold", "cold"), ("warm", None)])
        for system, tone in zip("ab", tones, strict=True)
    ]
    grid = grid_of(records, rows)
    assert grid.columns == ["tone"]
    assert grid.slice_values(0) == [("(missing)", 1), ("cold", 2), ("warm", 2)]
    assert grid.rows(Question(where=(0, 2))).tolist() == [0, 2]


def test_chosen_rows_are_kept_by_number():
    grid = asked(4, ["t"] * 8, [1.0] * 8)
    number = grid.pick(["r3", "r1"])
    assert grid.rows(Question(picked=number)).tolist() == [1, 3]
    with pytest.raises(UnknownName) as raised:
        grid.pick(["r1", "r9"])
    assert str(raised.value) == "row_id must be one of 'r0', 'r1', 'r2', 'r3', but 'r9' came."


def test_why_a_text_is_missing_is_said():
    rows = wb.read([{"row_id": "r1", "input": "i"}, {"row_id": "r2", "input": "i"}])
    records = [
        {"row_id": "r1", "system": "a", "text": None, "error": "timed out", "x": None},
        {"row_id": "r2", "system": "a", "text": "t", "error": None, "x": 1.0},
        {"row_id": "r2", "system": "b", "text": None, "error": None, "x": None},
    ]
    grid = grid_of(records, rows)
    assert [grid.error(0, 0), grid.error(0, 1), grid.error(1, 1)] == [
        "failed: timed out",
        "no output",
        "failed: no text",
    ]


def test_inputs_may_be_chats_and_hold_halves_of_characters():
    chat = [{"role": "user", "content": "Guten \ud83d Tag"}]
    rows = wb.read([{"row_id": "r", "input": chat}])
    grid = grid_of([{"row_id": "r", "system": "a", "text": "t", "x": 1.0}], rows)
    assert grid.rows(Question(text="guten")).tolist() == [0]
    assert grid.input(0).startswith("Guten")


def test_a_scale_leaves_odd_values_out_and_knows_its_places():
    grid = asked(100, ["t"] * 200, [*np.linspace(0, 1, 199), 1_000.0])
    low, high, places = grid.scale(0)
    assert 0 < low < high < 1
    assert places == 0  # four significant digits of a thousand


@pytest.mark.parametrize(
    "given_",
    [
        {},
        {"a": "0", "b": -1, "metric": 9, "sort": "__proto__", "by": True, "text": 7, "where": [0]},
        {"where": [0, 99], "low": "1", "high": True, "differing": 1, "picked": 0, "down": None},
        {"where": "ab", "text": None, "picked": -1, "sort": ["delta"]},
    ],
)
def test_what_is_not_valid_in_a_question_asks_for_nothing(given_):
    assert question_of(asked(2, ["t"] * 4, [1.0] * 4, half=["u", "v"]), given_) == Question()


def test_a_valid_question_is_read_as_it_is():
    grid = asked(2, ["t"] * 4, [1.0] * 4, half=["u", "v"])
    told = {"a": 1, "sort": "size", "down": False, "text": "\ud83dx", "where": [0, 1], "low": 1}
    expected = Question(a=1, sort="size", down=False, text="x", where=(0, 1), low=1.0)
    assert question_of(grid, told) == expected

"""Steps in a row that are alike and say little are one row of the list."""

import json
import runpy
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.trajectories import Run, Step, Usage, read
from workbench.trajectories.model import Part
from workbench.widgets.inspector import folding, inspect
from workbench.widgets.inspector.folding import LEAST, folds, folds_in_all

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
asked, data_of = SHARED["asked"], SHARED["data_of"]
STREAMED = frozenset({"streamed"})


def tick(**more):
    return Step("wb.state", "", name="tick", **more)


def piece(text, **more):
    return Step(
        "chat", "", [Part("out", "assistant", "text", text)], **({"flags": STREAMED} | more)
    )


def test_ticks_are_folded_and_pieces_of_speech_say_what_they_say_together():
    steps = [*[tick()] * 7, *map(piece, ("Hel", "lo, ", "you ", "there")), tick(), tick(), tick()]
    assert folds(steps) == ([[0, 7, ""], [7, 4, "Hello, you there"]], -1)


def test_what_says_something_is_never_folded():
    telling = [
        piece("Hello", flags=frozenset()), piece("x" * 81), tick(status="error"),
        Step("chat", "", usage=Usage(1)), Step("execute_tool", "", tool="f"),
        Step("chat", "", [Part("out", "assistant", "tool_call", "", "f")]),
        Step("wb.error", ""), Step("invoke_agent", "", agent="a"),
    ]  # fmt: skip
    assert [folds([step] * 9)[0] for step in telling] == [[]] * len(telling)


looks = st.sampled_from(["tick", "tock", "said", "inside"])


@given(st.lists(looks, max_size=80), st.integers(1, 200))
def test_folds_are_the_long_stretches_of_one_look_whatever_the_page(names, n_bytes):
    made = {"said": piece("Hello", flags=frozenset()), "inside": tick(parent=0)}
    steps = [made.get(name) or Step("wb.state", "", name=name) for name in names]
    wanted, at = [], 0
    for name, each in groupby(names):
        n = len(list(each))
        wanted += [[at, n, ""]] if n >= LEAST and name != "said" else []
        at += n
    found, start = [], 0
    while start >= 0:
        page, start = folds(steps, start, seconds=0, n_bytes=n_bytes)
        found += page
    assert found == wanted == folds_in_all(steps)


def test_pages_are_small_and_a_file_holds_the_same(tmp_path):
    steps = [
        piece(f"\x01ü{at}" * 8, agent=f"{at // 5}") for at in range(1_500)
    ]  # control characters are six bytes each
    widget = inspect(Run("mine", name="a", steps=steps))
    found, start = [], 0
    while start >= 0:
        page = asked(widget, type="folds", run=0, **{"from": start})
        found += page["folds"]
        start = page["next"]
    assert len(found) == 300
    widget.to_html(tmp_path / "page.html")
    held = data_of((tmp_path / "page.html").read_text())["r0"]["folds"]
    assert json.loads(json.dumps(held)) == found
    assert asked(widget, type="folds", run=7) == {}
    assert asked(widget, type="folds", run=0, **{"from": 10**9}) == {"folds": [], "next": -1}


@pytest.mark.shared
def test_a_voice_call_of_a_thousand_ticks_is_some_rows(shared):
    runs = read(shared / "trajectories" / "tau2-voice" / "experiment")
    for run in runs:
        hidden = sum(n - 1 for _, n, _ in folding.folds_in_all(run.steps))
        assert len(run.steps) - hidden < len(run.steps) / 6

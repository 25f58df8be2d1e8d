"""The plain form of runs, and what a format lacks: exact, small, and harmless where it is broken."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.trajectories.model import Part, Run, Step, Usage
from workbench.trajectories.writers.encoding import (
    dumped,
    escaped,
    extend,
    extension,
    finite,
    plain,
    revived,
    run_from,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["NaN", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$number", "a", "b"]), inner, max_size=2)
    ),
)


def told(*sources):
    """A run as some reader made it."""
    return Run("other", "L1", [Step("chat", f"L1{source}", span_id=source) for source in sources])


def extended(run, value, **options):
    notices = []
    extend(run, value, "L1/wb", lambda *each: notices.append(each), **options)
    return notices


@settings(deadline=None, derandomize=True)
@given(values)
def test_escaping_and_reviving_are_inverse_and_give_json(value):
    text = json.dumps(escaped(value), allow_nan=False)
    assert repr(revived(json.loads(text))) == repr(value)


def test_fields_at_their_defaults_are_left_out_and_equal_numbers_told_apart():
    assert plain(Run("f")) == {"format": "f"}
    assert plain(Run("f", outcome=1.0, trial=0)) == {"format": "f", "trial": 0, "outcome": 1.0}
    assert type(run_from({"format": "f", "outcome": 1.0}, "", print).outcome) is float
    assert run_from({"format": "f", "outcome": True}, "", print).outcome is True


def test_nothing_is_lacking_where_nothing_differs():
    run = Run("mine", "/0", [Step("chat", "/0/a"), Step("chat", "/0/b")])
    assert extension(run, told("/a", "/b"), ["/a", "/b"]) == {"every": {"span_id": None}}
    same = Run("mine", steps=[Step("chat", "", span_id="/a"), Step("chat", "", span_id="/b")])
    assert extension(same, told("/a", "/b"), ["/a", "/b"]) == {}


def test_only_what_differs_is_kept():
    part = Part("out", "assistant", "text", "a" * 999)
    run = Run("mine", steps=[Step("chat", "", [part], span_id="/a", usage=Usage(3))], trial=1)
    other = told("/a")
    other.steps[0].parts = [Part("out", "model", "text", "a" * 999)]
    assert extension(run, other, ["/a"]) == {
        "run": {"trial": 1},
        "steps": [
            {"at": "/a", "parts": {"0": {"role": "assistant"}}, "usage": {"input_tokens": 3}}
        ],
    }


def test_links_follow_steps_that_change_their_places():
    run = Run("mine", steps=[Step("wb.state", ""), Step("chat", ""), Step("chat", "", parent=1)])
    other = told("/x", "/b", "/a")
    other.steps[1].parent = 2
    lacking = extension(run, other, [None, "/a", "/b"])
    assert lacking == {
        "steps": [
            {"kind": "wb.state"},
            {"at": "/a", "span_id": None},
            {"at": "/b", "span_id": None},
        ],
        "dropped": ["/x"],
    }
    assert extended(other, lacking) == []
    assert [(step.kind, step.source, step.parent) for step in other.steps] == [
        ("wb.state", "L1/wb/steps/0", None), ("chat", "L1/a", None), ("chat", "L1/b", 1),
    ]  # fmt: skip


def test_steps_that_a_person_added_to_the_file_stand_at_the_end():
    run = told("/a", "/b", "/new")
    assert extended(run, {"steps": ["/b", "/a"]}) == [
        ("L1/wb", "/new is no step of the extension; it stands at the end")
    ]
    assert [step.source for step in run.steps] == ["L1/b", "L1/a", "L1/new"]


def test_steps_that_are_no_longer_in_the_file_are_told():
    run = told("/a")
    notices = extended(run, {"steps": ["/a", {"at": "/gone", "kind": "chat"}]})
    assert notices == [("L1/wb/steps/1", "no fields of the model are 'at' as they stand")]
    assert [step.kind for step in run.steps] == ["chat", "chat"]


@pytest.mark.parametrize(
    "value",
    [None, 7, "x", [], {"steps": 3}, {"steps": {}, "dropped": 7}, {"run": []}, {"every": "x"},
     {"steps": [None, 3, [], {"at": {}}, {"at": "/a"}, {"at": "/a"}]}, {"dropped": [[]], "steps": []},
     {"every": {"parts": {"9": 1}, "usage": {"cost_usd": "x"}, "flags": ["red"]}},
     {"run": {"steps": [1], "format": "f", "run_id": {}, "annotations": [{}, 3]}},
     {"steps": [{"at": "/a", "parent": 0, "call_step": 99}]}],
)  # fmt: skip
def test_whatever_stands_for_an_extension_no_step_is_lost(value):
    run = told("/a", "/b")
    extended(run, value)
    assert {"L1/a", "L1/b"} <= {step.source for step in run.steps}
    assert run.format == "other"
    for at, step in enumerate(run.steps):
        assert step.parent in {None, *range(len(run.steps))} - {at}


def test_spans_are_told_by_their_ids():
    run = told("x", "y")
    assert extended(run, {"steps": ["y", {"at": "x", "kind": "plan"}]}, by="span_id") == []
    assert [(step.span_id, step.kind) for step in run.steps] == [("y", "chat"), ("x", "plan")]


def test_numbers_that_json_lacks_are_null_where_the_format_is_not_ours():
    assert finite({"a": [float("nan"), 1.5, {"b": float("inf")}]}) == {
        "a": [None, 1.5, {"b": None}]
    }


def test_halves_of_characters_are_escaped():
    assert dumped("a\ud800é") == b'"a\\ud800\\u00e9"'

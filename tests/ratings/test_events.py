"""Events hash what they say and follow each other, so that each change is seen."""

import dataclasses
import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue
from workbench.ratings.events import GENESIS, Broken, Draft, breaks, canonical, chained

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: _is_utf8(json.dumps(value, ensure_ascii=False)))


def _is_utf8(text):
    try:
        return bool(text.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def chain(n):
    events, previous = [], GENESIS
    for seq in range(1, n + 1):
        draft = Draft(f"op{seq}", "note", {"n": seq}, at="2026-01-01T00:00:00.000Z")
        events.append(chained(draft, seq, previous))
        previous = events[-1].hash
    return events


# --- golden ---------------------------------------------------------------------------------


def test_the_hash_is_the_sha_256_of_a_stated_text():
    draft = Draft("a", "answer", {"value": 1, "é": None}, "ann", "i1", "s1", "2026-01-01")
    text = f'[7,"{GENESIS}","a","answer","ann","i1","s1","2026-01-01",{{"value":1,"é":null}}]'
    event = chained(draft, 7, GENESIS)
    assert event.hash == hashlib.sha256(text.encode()).hexdigest()
    # printf '%s' TEXT | sha256sum
    assert event.hash == "2e206880dbc0f55e05f549f7f59d98874a93c06d4e37409bfb031a610d845b90"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": [1, 2.5, None, True], "a": {}}, '{"a":{},"b":[1,2.5,null,true]}'),
        ("ä\n\x00\u2028", '"ä\\n\\u0000\u2028"'),
        ((1, 2), "[1,2]"),
    ],
)
def test_canonical_json_is_short_sorted_and_readable(value, text):
    assert canonical(value) == text


# --- properties -----------------------------------------------------------------------------


@settings(deadline=None, derandomize=True)
@given(JSON)
def test_what_was_read_back_has_the_same_canonical_text(value):
    assert canonical(json.loads(canonical(value))) == canonical(value)


@settings(deadline=None, derandomize=True)
@given(st.permutations(list("abcde")))
def test_the_order_of_keys_says_nothing(keys):
    body = {key: ord(key) for key in keys}
    assert chained(Draft("x", "note", body), 1, GENESIS) == chained(
        Draft("x", "note", dict(sorted(body.items()))), 1, GENESIS
    )


# --- breaks ---------------------------------------------------------------------------------


def test_an_untouched_chain_is_whole():
    assert breaks([]) == []
    assert breaks(chain(5)) == []
    assert breaks(iter(chain(5))) == []


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        (lambda e: [e[0], e[2], e[3]], Broken(2, "event 2 is missing; 3 follows")),
        (lambda e: e[1:], Broken(1, "event 1 is missing; 2 follows")),
        (lambda e: [e[1], e[0], *e[2:]], Broken(1, "event 1 is missing; 2 follows")),
        (lambda e: [e[0], e[0], *e[1:]], Broken(2, "event 2 is missing; 1 follows")),
    ],
)
def test_events_that_go_come_or_move_are_found(changed, broken):
    assert breaks(changed(chain(4)))[0] == broken


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("op_id", "eve"), ("kind", "answer"), ("rater", "eve"), ("item_id", "i"), ("session", "s"),
        ("at", ""), ("body", {"n": 3}), ("hash", "0" * 64),
    ],
)  # fmt: skip
def test_every_field_is_hashed(field, value):
    events = chain(3)
    events[1] = dataclasses.replace(events[1], **{field: value})
    assert breaks(events)[0] == Broken(2, "its content is not what was stored")


def test_an_event_that_was_hashed_anew_no_longer_bears_the_next():
    events = chain(3)
    events[1] = chained(Draft("eve", "note"), 2, events[0].hash)
    assert breaks(events) == [Broken(3, "it does not follow the event before it")]


# --- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize("op_id", ["", "x" * 201])
def test_an_op_id_has_a_length(op_id):
    with pytest.raises(BadValue) as caught:
        Draft(op_id, "note")
    assert str(caught.value) == (
        f"an op_id must have 1 to 200 characters, but one of {len(op_id)} came."
    )


def test_a_kind_is_one_of_those_there_are():
    with pytest.raises(BadValue) as caught:
        Draft("a", "vote")
    assert str(caught.value) == (
        "an event must be one of task, item, plan, lease, release, open, answer, undo, skip, "
        "comment, feedback, adjudicate, unblind, grant, revoke, note, code, but 'vote' came."
    )


def test_nothing_without_a_json_form_is_hashed():
    with pytest.raises(ValueError, match="Out of range float"):
        canonical(float("nan"))

"""Runs that cannot hold what is sought are not read, and no hit is lost by it."""

import json
import sys
from random import Random
from typing import get_args

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.trajectories import read
from workbench.widgets.inspector import inspect, prefilter
from workbench.widgets.inspector.searching import Scope, Searches, haystack

LETTERS = [*"abckisKISz059e ", "é", "ß", "ſ", "ı", "İ", "\u212a", "💥", '"', "\\", "\n", "/", "<"]
WORDS = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=12).map("".join)
TEXTS = st.one_of(
    WORDS,
    st.sampled_from(
        ["baggage lost", "Kiosk", "refund 1e2", "\\u0041bc", "null", '{"seat": "12A"}']
    ),
)


def value_of(value):
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"kvlistValue": {"values": [
        {"key": name, "value": value_of(each)} for name, each in value.items()
    ]}}  # fmt: skip


def span_of(at, trace, texts, chance):
    said, asked, answered = (chance.choice(texts) for _ in range(3))
    is_tool = at % 2
    if is_tool:
        arguments = {asked or "a": said, "n": chance.choice([1.5, 100.0, 1e22])}
        attributes = {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": asked,
            "gen_ai.tool.call.arguments": chance.choice([arguments, json.dumps(arguments)]),
            "gen_ai.tool.call.result": answered,
        }  # fmt: skip
    else:
        message = {"role": "assistant", "parts": [{"type": "text", "content": said}]}
        as_ascii = chance.random() < 0.5
        attributes = {
            "gen_ai.operation.name": "chat", "gen_ai.agent.name": answered,
            "gen_ai.output.messages": json.dumps([message], ensure_ascii=as_ascii),
        }  # fmt: skip
    listed = [{"key": name, "value": value_of(each)} for name, each in attributes.items()]
    return {
        "traceId": f"{trace + 1:032x}", "spanId": f"{100 * trace + at + 1:016x}", "name": asked,
        "startTimeUnixNano": str(at + 1), "attributes": listed,
    }  # fmt: skip


def escaped(line, chance):
    """Spell some letters of a line's texts as escapes."""
    return "".join(
        f"\\u{ord(each):04x}"
        if each in "zé" and line[max(0, at - 1)] != "\\" and chance.random() < 0.3
        else each
        for at, each in enumerate(line)
    )


def log(texts, chance):
    lines = []
    for trace in range(4):
        spans = [span_of(at, trace, texts[trace::2] or texts, chance) for at in range(3)]
        line = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]},
                          ensure_ascii=chance.random() < 0.5)  # fmt: skip
        lines.append(escaped(line, chance))
    return "\n".join(lines).encode()


def counted(searches, message):
    found, following = [], [0, 0]
    while following is not None:
        answer = searches.answer({"type": "count"} | message, *following)
        if "wrong" in answer:
            return answer
        found += answer["counts"]
        following = answer["next"]
    return found


def written(folder, data):
    path = folder / "log.jsonl"
    path.write_bytes(data)
    return read(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(TEXTS, min_size=4, max_size=6), st.randoms(use_true_random=False),
    st.sampled_from(get_args(Scope)), st.booleans(), st.sampled_from(["plain", "exact", "regex"]),
    st.one_of(TEXTS, st.none()),
)  # fmt: skip
def test_no_hit_is_lost(folder, texts, chance, scope, has_case, way, sought):
    runs = written(folder, log(texts, chance))
    if sought is None:
        # a piece of what is there
        text = haystack(chance.choice(chance.choice(list(runs)).steps), scope) or "x"
        start = chance.randrange(len(text))
        sought = text[start : start + chance.randint(1, 8)]
        sought = chance.choice([sought, sought.upper(), sought.lower()])
    if way == "regex":
        sought = chance.choice([regex.escape(sought), sought.replace("a", "a?"), f"{sought}.*"])
    message = {"query": sought, "scope": scope, "regex": way == "regex", "exact": has_case}
    with_all = Searches(runs.__getitem__, len(runs))
    filtered = Searches(runs.__getitem__, len(runs), lambda at: runs.pieces(runs.ids[at]))
    assert counted(filtered, message) == counted(with_all, message)


@pytest.mark.slow
def test_letters_that_are_alike_are_all_known():
    others = [chr(at) for at in range(128, sys.maxunicode + 1) if not 0xD800 <= at < 0xE000]
    lowered = {each for each in others if regex.search("[a-z0-9]", each.lower())}
    text = "".join(others)
    matched = {
        each
        for letter in "abcdefghijklmnopqrstuvwxyz0123456789"
        for each in regex.findall(letter, text, regex.IGNORECASE)
    }
    assert lowered | matched <= set(prefilter._ALIKE)


@pytest.mark.parametrize(
    ("text", "regex_", "word"),
    [
        ("lost baggage", False, b"baggage"),
        ("Straße", False, b"stra"),
        ("order-4411x", False, b"order"),
        ("4411", False, None),
        ("1e5", False, None),
        ("chat", False, None),
        ("ull", False, None),
        ("", False, None),
        ("colou?r", True, b"colo"),
        ("ab+c*", True, b"ab"),
        (r"lost\s+bag\.", True, b"lost"),
        (r"\x41bcd", True, None),
        ("lost|found", True, None),
        ("(?i)lost", True, None),
        ("lo{0}st", True, None),
        ("[lost]", True, None),
    ],
)
def test_what_a_hit_needs(text, regex_, word):
    found = prefilter.needed(text, regex=regex_, exact=False)
    assert (found and found.word) == word


def test_what_cannot_hold_it_is_not_read(folder):
    runs = written(folder, log(["baggage", "lost", "kiosk", "refund"], Random(1)))
    read_at = []

    def run(at):
        read_at.append(at)
        return runs[at]

    searches = Searches(run, len(runs), lambda at: runs.pieces(runs.ids[at]))
    assert counted(searches, {"query": "unheard"}) == []
    assert read_at == []
    assert "wrong" in counted(searches, {"query": "*unheard", "regex": True})
    assert [each[0] for each in counted(searches, {"query": "baggage"})] == sorted(set(read_at))


def test_runs_of_which_somebody_is_blind_are_read(folder):
    runs = written(folder, log(["baggage", "lost", "kiosk", "refund"], Random(1)))
    assert runs.pieces(runs.ids[0]) is not None
    assert runs.noting({}).pieces(runs.ids[0]) is not None
    assert runs.noting({}, hide_sources=True).pieces(runs.ids[0]) is None
    assert runs.only(runs.ids[:1]).pieces(runs.ids[0]) is not None


def test_a_panel_filters(folder):
    runs = written(folder, log(["baggage", "lost", "kiosk", "refund"], Random(1)))
    panel = inspect(runs)
    message = {"type": "count", "query": "unheard"}
    assert panel.answer(message) == {"counts": [], "next": None}
    assert list(panel._open) == [0]

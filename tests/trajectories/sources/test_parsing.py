"""Plain JSON is read sooner, and means what Python's parser says it means."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.trajectories.sources.documents import Document
from workbench.trajectories.sources.parsing import NOT_PLAIN, loads, plainly

# Pieces of texts as they may be spelt in JSON.
SPELT = st.lists(
    st.sampled_from(
        [
            "a", "B", "é", "💥", r"\"", r"\\", r"\/", r"\n", r"\u0022", r"\u00e9", r"\u0041", "{", ":",
            r"\ud83d\ude00", r"\ud83d", r"\udc00", r"\\u0022", "\x01", "\x7f", ",",
        ]
    ),
    max_size=4,
).map("".join)  # fmt: skip
TEXTS = SPELT.map(lambda text: f'"{text}"')
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats().map(json.dumps),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(
        ["-0", "1e400", "1E-400", "01", "1.", "NaN", "9" * 400, "9" * 4200, "9" * 4400]
    ),
)
NAMES = st.sampled_from(['"a"', '"b"', r'"\u0061"', r'"a\""', '""', '"é"'])
BLANKS = st.sampled_from(["", " ", "\n\t"])


@st.composite
def spelt(draw, depth=3):
    kind = draw(st.sampled_from(["text", "number", "word", "list", "object", "object"]))
    if depth == 0 or kind in {"text", "number", "word"}:
        words = st.sampled_from(["true", "false", "null"])
        return draw({"number": NUMBERS, "word": words}.get(kind, TEXTS))
    blank, inner = draw(BLANKS), spelt(depth - 1)
    if kind == "list":
        return f"[{blank}{','.join(draw(st.lists(inner, max_size=3)))}{blank}]"
    members = draw(st.lists(st.tuples(NAMES, inner), max_size=3))
    return "{" + ",".join(f"{blank}{name}{blank}:{value}" for name, value in members) + "}"


def once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def by_python(text):
    """Return what Python reads; None where the text is not plain in any way."""
    try:
        found = json.loads(text, object_pairs_hook=once)
    except ValueError:
        return None
    # half of a pair is no character; two halves, however they are written, have become one
    is_odd = re.search("[\ud800-\udfff]", json.dumps(found, ensure_ascii=False))
    return None if is_odd else (found,)


@given(spelt(), st.booleans())
def test_what_is_plain_is_what_python_reads(text, as_bytes):
    found = plainly(text.encode() if as_bytes else text)
    expected = by_python(text)
    if found is not NOT_PLAIN:
        assert expected is not None
        assert repr(found) == repr(expected[0])


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
))  # fmt: skip
def test_whatever_json_can_hold_is_plain(value):
    for text in (json.dumps(value, ensure_ascii=False), json.dumps(value, indent=1)):
        if "\\u0022" not in text:
            assert repr(plainly(text)) == repr(value)


@given(spelt())
def test_loads_gives_and_raises_what_python_does(text):
    try:
        expected = repr(json.loads(text))
    except ValueError as error:
        with pytest.raises(type(error), match=re.escape(str(error))):
            loads(text)
    else:
        assert repr(loads(text)) == expected


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("before", [0, 1, 3_990, 3_998, 3_999, 4_000, 9_001])
@pytest.mark.parametrize("n_digits", [3_990, 3_998, 3_999, 4_000, 4_001, 4_200])
def test_from_four_thousand_digits_on_a_number_is_a_text_wherever_it_stands(sign, before, n_digits):
    number = sign + "7" * n_digits
    document = Document(None, "memory")
    found = document.parsed(f'["{"x" * before}",{number},{number}, 7]'.encode(), "")
    expected = number if len(number) >= 4_000 else int(number)
    assert found[1:] == [expected, expected, 7]
    assert document.notices == []

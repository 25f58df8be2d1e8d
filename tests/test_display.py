"""What is shown is rounded, inert and the same on every run."""

import math
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.display import (
    Lines,
    Sheet,
    digits,
    html_table,
    interval,
    number,
    p_value,
    percent,
    plain,
    telling,
    text_table,
    visible,
)

repeatable = settings(deadline=None, derandomize=True)
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


# --- figures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (-0.004, 2, "0.00"),
        (-0.006, 2, "−0.01"),
        (12.345, 2, "12.35"),
        (1234567.891, 0, "1234568"),
        (7, 0, "7"),
        (1e-9, 12, "0.000000001000"),
        (1e-14, 13, "1.000 × 10⁻¹⁴"),
        (-1.23456e-300, 303, "−1.235 × 10⁻³⁰⁰"),
        (0.0, 13, "0"),
        (math.inf, 2, "∞"),
        (-math.inf, 2, "−∞"),
        (math.nan, 2, "–"),
        (None, 2, "–"),
        (pd.NA, 2, "–"),
        ("12", 2, "–"),
        (np.float64(1.5), 1, "1.5"),
        (np.float32(1.5), 1, "1.5"),
        (np.int64(5), 1, "5.0"),
    ],
)
def test_a_number_is_rounded_and_nothing_is_a_dash(value, places, text):
    assert number(value, places) == text


@repeatable
@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_a_number_is_off_by_at_most_half_of_its_last_place(value, places):
    shown = number(value, places)
    back = float(shown.replace("−", "-"))
    assert abs(back - value) <= 0.5 * 10**-places + 1e-12 * abs(value)
    assert not (back == 0 and "−" in shown)


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ((1.234, -0.5, 2.0), "1.23 [−0.50, 2.00]"),
        ((1, None, math.inf), "1.00 [–, ∞]"),
        ((None, None, None), "– [–, –]"),
    ],
)
def test_an_interval_stands_behind_its_figure(figures, text):
    assert interval(*figures) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.000"),
        (0.04321, "0.043"),
        (0.001, "0.001"),
        (0.000999, "< 0.001"),
        (0.0, "< 0.001"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_a_p_value_has_three_places(value, text):
    assert p_value(value) == text


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (0.050095, 0.05, "0.0501"),
        (0.049999, 0.05, "0.049999"),
        (0.05, 0.05, "0.050"),
        (0.05 + 1e-17, 0.05, "0.050"),
        (0.0499, 0.1, "0.050"),
        (0.0008, 0.0005, "0.0008"),
        (0.00048, 0.0005, "0.00048"),
        (0.00001, 0.0005, "< 0.0001"),
        (0.0009999, 0.001, "< 0.001"),
        (math.nan, 0.05, "–"),
    ],
)
def test_a_p_value_tells_on_which_side_of_the_level_it_lies(value, limit, text):
    assert p_value(value, limit) == text


@repeatable
@given(st.floats(0, 1), st.sampled_from([0.05, 0.1, 0.01, 0.001, 0.0005]))
def test_a_p_value_as_shown_is_on_its_side_of_the_level(value, limit):
    shown = p_value(value, limit).removeprefix("< ")
    assert (float(shown) <= limit) == (value <= limit) or abs(value - limit) <= 1e-12


@pytest.mark.parametrize(
    ("sizes", "places"),
    [
        ((0.2, -0.1), 3),
        ((0.2, 0.0, None, math.nan, math.inf), 3),
        ((0.2, 0.0004), 4),
        ((-0.00003, 0.0004), 5),
        ((1e-14,), 14),
        ((1e-16,), 3),
    ],
)
def test_no_size_but_nought_is_shown_as_nought(sizes, places):
    assert telling(3, *sizes, least=1e-15) == places


@pytest.mark.parametrize(
    ("bounds", "largest", "places"),
    [
        ((0, 100), 41.3, 2),
        ((0.0, 100.0), 0.001, 2),
        ((0, 1), 0.3, 3),
        ((0, None), 41.3, 2),
        ((None, None), 1234.5, 0),
        ((None, None), 123456.0, 0),
        ((None, None), 0.00012, 7),
        ((None, None), 1e-300, 303),
        ((None, None), 0.0, 2),
    ],
)
def test_places_come_from_the_scale_or_are_four_significant_digits(bounds, largest, places):
    assert digits(bounds, largest) == places


@pytest.mark.parametrize(
    ("share", "text"), [(0.95, "95 %"), (0.999, "99.9 %"), (0.9, "90 %"), (1 / 3, "33.3333 %")]
)
def test_a_percentage_has_no_places_that_say_nothing(share, text):
    assert percent(share) == text


# --- one line of a terminal -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("  two \t words\n\n", "two words"),
        ("a\r\nb\u2028c\u0085d\u000be", "a b c d e"),
        ("\x1b[31mred\x1b[0m", "�[31mred�[0m"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "�]8;;http://x�link�]8;;�"),
        ("\x9b2J", "�2J"),
        ("\x1b]0;title\x9c", "�]0;title�"),
        ("a\x08\x08b", "a��b"),
        ("nul\x00del\x7f", "nul�del�"),
        ("half \ud83d", "half �"),
        ("abc\u202edcba", "abc�dcba"),
        ("\u2066x\u2069", "�x�"),
        ("日本 ä 👩‍🔬 שלום", "日本 ä 👩‍🔬 שלום"),
        ("<script>", "<script>"),
        (7, "7"),
        (None, "None"),
    ],
)
def test_what_could_command_a_terminal_becomes_a_visible_mark(text, shown):
    assert plain(text) == shown


@pytest.mark.parametrize("mark", BIDI)
def test_no_bidirectional_control_reaches_a_terminal(mark):
    assert plain(f"a{mark}b") == "a�b"


@pytest.mark.parametrize(
    ("width", "shown"), [(None, "abcdef"), (7, "abcdef"), (6, "abcdef"), (5, "abcd…"), (1, "…")]
)
def test_a_long_text_is_cut_and_says_so(width, shown):
    assert plain("abcdef", width=width) == shown


@repeatable
@given(st.text(), st.none() | st.integers(1, 30))
def test_any_text_becomes_one_inert_line(text, width):
    shown = plain(text, width=width)
    assert all(unicodedata.category(mark) not in {"Cc", "Cs", "Zl", "Zp"} for mark in shown)
    assert not set(shown) & set(BIDI)
    assert width is None or len(shown) <= width
    assert plain(shown, width=width) == shown


# --- tables for a terminal ------------------------------------------------------------------


def test_figures_stand_to_the_right_and_texts_to_the_left():
    body = [
        ["lead", "40", "−0.50", "x"],
        ["lexrank", "7", "–", "long"],
        ["c", "123", "< 0.001", ""],
    ]
    assert text_table(["system", "n", "p", "t"], body) == (
        "system     n        p  t\n"
        "lead      40    −0.50  x\n"
        "lexrank    7        –  long\n"
        "c        123  < 0.001"
    )


def test_a_table_without_rows_is_its_header():
    assert text_table(["a", "b"], []) == "a  b"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("abc", 3),
        ("日本", 4),
        ("ｱ", 1),
        ("Ａ", 2),
        ("e\u0301", 1),  # é in two characters
        ("नमस्ते", 4),  # two of its six characters are signs above or below
        ("ที่", 1),  # one letter under a vowel and a tone
        ("a\u200bb", 2),  # a space without width
        ("👍", 2),
    ],
)
def test_columns_are_aligned_by_what_a_terminal_shows(text, columns):
    first, second = text_table(["x", "y"], [[text, "end"]]).split("\n")
    width = max(columns, 1)
    assert first == "x" + " " * (width - 1) + "  y"
    assert second == text + " " * (width - columns) + "  end"


def test_a_hostile_cell_cannot_leave_its_place():
    shown = text_table(["a\x1b[2J", "b"], [["1\n2\x9b", "\u202ex"], ["y" * 70, "z"]])
    assert shown.split("\n") == [
        "a�[2J" + " " * 55 + "  b",
        "1 2�" + " " * 56 + "  �x",
        "y" * 59 + "…" + "  z",
    ]


# --- tables as HTML -------------------------------------------------------------------------


class _Reader(HTMLParser):
    """Collect the tags and the texts of cells, as a browser would see them."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.cells, self.caption = set(), set(), [], ""
        self._place = None

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self._place = tag
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_endtag(self, tag):
        self._place = None

    def handle_data(self, data):
        if self._place in {"td", "th"}:
            self.cells[-1] += data
        elif self._place == "figcaption":
            self.caption += data


def _parsed(html):
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


OURS = {"figure", "figcaption", "div", "table", "thead", "tbody", "tr", "th", "td"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</td></tr></table><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</figcaption><script>",
    "&lt;script&gt;",
    "<!-- ",
    "]]>",
    "${alert(1)}",
    "\x1b[31m",
    "\u202eabc",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_shown_and_never_run(text):
    html = html_table([text, "b"], [[text, "1"], ["x", text]], caption=text)
    seen = _parsed(html)
    assert seen.tags == OURS
    assert seen.attributes == {"class", "style", "scope"}
    shown = visible(text)
    assert seen.cells == [shown, "b", shown, "1", "x", shown]
    assert seen.caption == plain(text)


@repeatable
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2),
        max_size=4,
    )
)
def test_html_holds_the_cells_and_nothing_else(body):
    seen = _parsed(html_table(["a", "b"], body, caption="c"))
    assert seen.tags <= OURS
    shown = [visible(cell, but="\t\r\n") for row in body for cell in row]
    assert seen.cells == ["a", "b", *shown]


def test_a_name_reorders_no_cell_of_a_sheet_and_commands_nothing():
    name = "a\x1b[2J\u202eb"
    html = Sheet(pd.DataFrame(), "c", [name], [[name], ["two\nlines"]])._repr_html_()
    assert _parsed(html).cells == ["a�[2J�b", "a�[2J�b", "two\nlines"]


def test_half_a_surrogate_pair_does_not_keep_html_from_being_stored():
    html = html_table(["\ud800"], [["a\udfffb"]], caption="\ud83d")
    assert _parsed(html.encode("utf-8").decode("utf-8")).cells == ["�", "a�b"]


def test_figures_stand_to_the_right_and_long_texts_break_in_html():
    html = html_table(["n", "short", "long"], [["−1.00", "a", "x" * 61]], caption="c")
    styles = [
        "text-align:right;white-space:nowrap",
        "text-align:left",
        "text-align:left;white-space:normal;min-width:13em",
    ]
    assert [f'<td style="{style}">' in html for style in styles] == [True, True, True]


def test_html_of_known_cells_has_known_bytes():
    assert html_table(["a & b"], [["1"], ["<2"]], caption="what it says") == (
        '<figure class="mathjax_ignore tex2jax_ignore" style="margin:0">'
        "<figcaption>what it says</figcaption>\n"
        '<div style="overflow-x:auto"><table>\n'
        '<thead><tr><th scope="col" style="text-align:right;white-space:nowrap">a &amp; b</th></tr></thead>\n'
        "<tbody>\n"
        '<tr><td style="text-align:right;white-space:nowrap">1</td></tr>\n'
        '<tr><td style="text-align:right;white-space:nowrap">&lt;2</td></tr>\n'
        "</tbody>\n</table></div></figure>"
    )


# --- sentences ---------------------------------------------------------------------------------


def test_sentences_stand_one_per_line_and_cannot_leave_it():
    lines = Lines(["One\nline.", "a\x1b[2J\u202e", "<script>x</script>"])
    assert repr(lines) == "One line.\na�[2J�\n<script>x</script>"
    assert _parsed(lines._repr_html_()).tags == {"ul", "li"}
    assert "<li>&lt;script&gt;x&lt;/script&gt;</li>" in lines._repr_html_()
    assert (lines[0], len(lines)) == ("One\nline.", 3)
    assert repr(Lines()) == ""


# --- a sheet --------------------------------------------------------------------------------


def test_a_sheet_shows_its_caption_above_its_table():
    sheet = Sheet(pd.DataFrame({"n": [1]}), "what\x1b[1m it says", ["n"], [["1"]])
    assert repr(sheet) == "what�[1m it says\nn\n1"
    assert sheet._repr_html_() == html_table(["n"], [["1"]], caption="what\x1b[1m it says")


_SHOWS = """
import workbench as wb
old = wb.read([{"input": "a", "s": f"<{n}>", "topic": "x"} for n in range(9)])
new = wb.read([{"topic": "y", "input": "a", "s": f"<{n}>", "t": n} for n in range(1, 9)])
change = wb.data.diff(old, new)
print(repr(change), change._repr_html_(), wb.data.digest(new))
"""


def test_html_has_the_same_bytes_whatever_the_hash_seed(root):
    shown = {
        subprocess.run(
            [sys.executable, "-c", _SHOWS],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            cwd=root,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(shown) == 1
    assert b"&lt;3&gt;" in shown.pop()

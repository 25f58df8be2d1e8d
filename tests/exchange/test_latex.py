"""A LaTeX table: figures and marks of the comparison, and nothing in it that TeX obeys but ours."""

import re

import pytest

import workbench as wb
from workbench.exchange import latex, write

OURS = {
    "begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule", "textbf",
    "uparrow", "downarrow", "ast", "leq", "geq", "times", "infty",
    "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar",
    "symbol", "textasciigrave", "textquotesingle", "textendash", "textemdash", "ldots",
    "textperiodcentered", "textsuperscript",
}  # fmt: skip


def compared(systems, metrics=None, name="the data", samples=500, **options):
    rows = wb.read([{"input": "x", "references": ["yes"]}] * 20)
    rows.attrs["name"] = name
    scores = wb.score(wb.outputs(rows, systems), rows, metrics or [wb.ExactMatch()])
    return wb.compare(scores, samples=samples, **options)


def systems(base="base", good="good", bad="bad"):
    return {
        base: ["yes"] * 10 + ["no"] * 10,
        good: ["yes"] * 20,
        bad: ["no"] * 20,
        f"{base}2": ["yes"] * 11 + ["no"] * 9,
    }


def lines(text):
    body = text.split("\\midrule\n")[1].split("\\bottomrule")[0]
    return {line.split(" & ")[0]: line for line in body.splitlines()}


def test_marks_follow_the_verdicts_and_the_caption_says_what_they_mean():
    text = latex.table(compared(systems(), baseline="base"))
    told = lines(text)
    assert list(told) == ["good", "base2", "base", "bad"]
    assert told["good"] == r"good & \textbf{1.000}$^{\uparrow}$ [0.839, 1.000] & 20 \\"
    assert "$^{\\downarrow}$" in told["bad"]
    assert "$^" not in told["base"] + told["base2"]
    caption = text.split("\\caption{")[1].split("}\n\\label")[0]
    assert caption.startswith(
        r"Scores on the data with 95 \% intervals; the best of each metric is bold. $\uparrow$ better "
        r"and $\downarrow$ worse than base: adjusted $p \leq 0.05$ of 3 tests. No mark: not told apart "
        "from base. paired randomisation, 500 samples, seed 0, correction holm"
    )
    assert "Signatures: exact\\_match nrefs:1\\textbar{}norm:squad" in caption


def test_one_test_is_told_as_one():
    assert " of 1 test. No mark" in latex.table(compared({"a": ["yes"] * 20, "b": ["no"] * 20}))


def test_a_metric_without_a_better_end_is_marked_and_never_bold():
    wordy = {"base": ["yes"] * 20, "long": ["yes yes"] * 20}
    text = latex.table(compared(wordy, [wb.LengthRatio()], baseline="base"))
    assert lines(text)["long"] == r"long & 2.000$^{\ast}$ [2.000, 2.000] & 20 \\"
    assert r"$\ast$ other than base, under a metric without a better end" in text
    assert "\\textbf" not in text


def test_lower_is_better_where_it_is():
    text = latex.table(compared(systems(), [wb.TER()], baseline="base"))
    assert "\\uparrow" in lines(text)["good"]
    assert "\\textbf" in lines(text)["good"]


def test_what_cannot_be_told_apart_has_no_mark():
    same = {"base": ["yes"] * 20, "twin": ["yes"] * 20}
    assert "$^" not in "".join(lines(latex.table(compared(same, baseline="base"))).values())


def obeyed(text):
    """Read a table as TeX would: return the commands, with braces, dollars and comments checked."""
    depth, maths, commands, at = 0, False, set(), 0
    while at < len(text):
        mark = text[at]
        if mark == "\\":
            word = re.match(r"\\([A-Za-z]+|.)", text[at:], re.DOTALL)
            commands.add(word[1])
            at += len(word[0])
            continue
        depth += (mark == "{") - (mark == "}")
        maths ^= mark == "$"
        assert depth >= 0
        assert mark not in "%#~\"'`|<>" or maths, text[at - 20 : at + 20]
        assert mark not in "^_" or maths, text[at - 20 : at + 20]
        at += 1
    assert (depth, maths) == (0, False)
    return commands


def test_no_text_is_obeyed_by_tex(storable):
    c = compared(
        systems(storable, f"{storable}g", f"{storable}b"),
        baseline=storable,
        name=storable,
        samples=20,
    )
    text = latex.table(c)
    words = {word for word in obeyed(text) if word.isalpha()}
    assert words <= OURS
    assert {word for word in obeyed(text) if not word.isalpha()} <= set("\\%&#_{}$")
    assert len(text.splitlines()) == 15
    assert all(line.count(" & ") == 2 for line in lines(text).values())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b & 5 %", r"a\_b \& 5 \%"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("$x^2$ #1 ~", r"\$x\textasciicircum{}2\$ \#1 \textasciitilde{}"),
        ("^^5c", r"\textasciicircum{}\textasciicircum{}5c"),
        ("--\"a <b>", r"{-}{-}\symbol{34}a \textless{}b\textgreater{}"),
        ("[2cm] *a*", "{[}2cm] {*}a{*}"),
        ("two\n\nlines", "two lines"),
        ("−1 … é 猫", r"$-$1 \ldots{} é 猫"),
        ("10⁻¹⁴", r"10\textsuperscript{$-$}\textsuperscript{1}\textsuperscript{4}"),
        ("\x1b[2J", "?{[}2J"),
    ],
)  # fmt: skip
def test_a_text_for_tex(text, written):
    assert latex.escaped(text) == written


def test_a_label_holds_letters_digits_and_marks_of_labels():
    assert r"\label{tab:a-1}" in latex.table(
        compared(systems(), baseline="base"), label="tab:a-1}\\x"[:-2]
    )


def test_it_is_written_to_a_file(tmp_path):
    c = compared(systems(), baseline="base")
    write(c, tmp_path / "board.tex")
    assert (tmp_path / "board.tex").read_text(encoding="utf-8") == latex.table(c)

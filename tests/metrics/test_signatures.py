"""Which signature explains a figure: against sacrebleu tried by hand, and WMT23's published ones."""

import itertools
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU as PeerBLEU

import workbench as wb
from workbench.errors import BadKind, BadValue, UnknownName, Unreadable
from workbench.metrics import bleu, signatures

TEXTS = [
    "The cat sat, on the mat.", "It's raining; again!", "Nobody CAME to the party", "No, thanks.",
]  # fmt: skip
REFERENCES = [
    ["The cat sat on the mat.", "A cat was sitting on the mat."],
    ["It rains again!", "It's raining, again!"],
    ["Nobody came to the Party.", "No one came to the party"],
    ["No, thank you.", "No thanks."],
]


def tables(texts=TEXTS, references=REFERENCES, **more):
    rows = wb.read([{"input": "", "references": each} for each in references])
    return wb.outputs(rows, {"a": list(texts), **more}), rows


def peer(tokenize, lowercase, smooth, references):
    streams = [[each[at] for each in REFERENCES] for at in references]
    metric = PeerBLEU(lowercase=lowercase, tokenize=tokenize, smooth_method=smooth)
    return metric.corpus_score(TEXTS, streams).score


def test_the_combinations_that_match_are_those_that_sacrebleu_confirms():
    outputs, rows = tables()
    tokenizers = ("13a", "none", "intl", "char", "zh", "ja-mecab", "ko-mecab")
    figures = {
        (tokenize, lowercase, smooth, "+".join(str(at + 1) for at in chosen)): peer(
            tokenize, lowercase, smooth, chosen
        )
        for tokenize, lowercase, smooth, chosen in itertools.product(
            tokenizers, (False, True), ("exp", "floor", "add-k", "none"), ((0,), (1,), (0, 1))
        )
    }
    for wanted in (
        ("13a", False, "exp", "1"),
        ("char", True, "floor", "2"),
        ("intl", False, "add-k", "1+2"),
    ):
        published = round(figures[wanted], 2)
        found = wb.find_signature(f"{published:.2f}", outputs, rows).frame
        columns = ["tokenize", "lowercase", "smooth_method", "references"]
        assert set(map(tuple, found[columns].to_numpy())) == {
            key for key, figure in figures.items() if abs(figure - published) <= 0.005 + 1e-9
        }
        assert found["matches"].all()
        for row in found.to_dict("records"):
            key = tuple(row[name] for name in columns)
            assert row["score"] == pytest.approx(figures[key], abs=1e-9)


@settings(deadline=None, derandomize=True, max_examples=4)
@given(
    st.sampled_from(["13a", "none", "char"]), st.booleans(),
    st.sampled_from(["exp", "floor", "add-k", "none"]), st.integers(0, 3),
)  # fmt: skip
def test_the_signature_that_made_a_figure_is_always_found(tokenize, lowercase, smooth, places):
    outputs, rows = tables()
    metric = wb.BLEU(tokenize, lowercase, smooth)
    sums = wb.score(outputs, rows, [metric]).statistics["bleu"].sum(axis=0)
    figure = f"{float(metric.aggregate(sums)):.{places}f}"
    found = wb.find_signature(figure, outputs, rows).frame
    same = (found["tokenize"] == tokenize) & (found["lowercase"] == lowercase)
    assert (same & (found["smooth_method"] == smooth) & (found["references"] == "1+2")).any()


def test_several_that_match_are_all_told_and_said_to_be_several():
    rows = wb.read([{"input": "", "references": ["The cat sat, as ever, on the mat"]}])
    outputs = wb.outputs(rows, {"a": ["the cat sat, as always, on the mat"]})
    found = wb.find_signature("50.00", outputs, rows)
    assert found.frame["smooth_method"].tolist() == ["exp", "floor", "none"]
    assert len(found.body) == 1
    assert found.body[0][:3] == ["none", "yes", "exp, floor, none"]
    assert found.caption.startswith(
        "Which bleu? 3 of 56 combinations of options give 50.00 for a (n = 1 outputs); the figure "
        "cannot tell these apart: they differ in smooth_method, and agree in tokenize=none, "
        "lowercase=yes; not tried"
    )


def test_what_nothing_explains_shows_the_nearest_and_says_so():
    outputs, rows = tables()
    found = wb.find_signature("1.23", outputs, rows, n=2)
    assert not found.frame["matches"].any()
    assert found.frame["score"].nunique() == 2
    assert "none of 168 combinations of options give 1.23 for a" in found.caption
    assert "below are the nearest, which explain nothing" in found.caption
    everything = wb.find_signature("1.23", outputs, rows, n=1000).frame
    nearest = everything["difference"].abs().min()
    assert found.frame["difference"].abs().min() == nearest


def test_the_last_place_of_a_text_counts_and_that_of_a_number_cannot():
    outputs, rows = tables()
    exact = wb.find_signature("0", outputs, rows, n=1).frame["score"].iloc[0]
    coarse = wb.find_signature(round(float(exact)), outputs, rows).frame
    fine = wb.find_signature(f"{exact:.6f}", outputs, rows).frame
    assert set(fine["signature"]) < set(coarse["signature"])


def test_two_published_figures_leave_less_open_than_one():
    worse = [text.replace("the", "thee") for text in TEXTS]
    outputs, rows = tables(b=worse)
    alone = outputs[outputs["system"] == "a"]
    metric = wb.BLEU("intl", True)
    scores = wb.score(outputs, rows, [metric])
    sums = {
        name: scores.statistics["bleu"][(scores.outputs["system"] == name).to_numpy()].sum(axis=0)
        for name in "ab"
    }
    told = {name: f"{float(metric.aggregate(each)):.1f}" for name, each in sums.items()}
    both = set(wb.find_signature(told, outputs, rows).frame["signature"])
    one = set(wb.find_signature(told["a"], alone, rows).frame["signature"])
    assert both <= one
    assert any("tok:intl" in each and "case:lc" in each and "nrefs:2" in each for each in both)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("chrf", wb.ChrF(2, lowercase=True)),
        ("ter", wb.TER(normalized=True)),
        ("rouge1", wb.ROUGE("1", measure="recall", strict=False)),
        ("rougeL", wb.ROUGE("L", stemmer=True, strict=False)),
    ],
)
def test_other_metrics_are_explained_too(name, metric):
    outputs, rows = tables()
    scores = wb.score(outputs, rows, [metric])
    figure = float(metric.aggregate(scores.statistics[metric.name].sum(axis=0)))
    found = wb.find_signature(f"{figure:.4f}", outputs, rows, metric=name).frame
    assert found["matches"].all()
    assert scores.signatures[metric.name] in set(found["signature"])
    if name.startswith("rouge"):
        percent = wb.find_signature(f"{100 * figure:.2f}", outputs, rows, metric=name).frame
        assert percent["matches"].all()
        assert set(percent["scale"]) == {100.0}


def test_bleu_as_a_fraction_is_found_and_its_scale_told():
    outputs, rows = tables()
    metric = wb.BLEU("none")
    figure = float(
        metric.aggregate(wb.score(outputs, rows, [metric]).statistics["bleu"].sum(axis=0))
    )
    found = wb.find_signature(f"{figure / 100:.5f}", outputs, rows).frame
    assert set(found.loc[found["tokenize"] == "none", "scale"]) == {0.01}


def test_rows_with_unequal_references_are_tried_with_those_that_all_have_and_with_all():
    outputs, rows = tables(references=[["a b c d e", "f"], ["a b"], ["c"], ["d", "e", "f"]])
    found = wb.find_signature("99.99", outputs, rows, n=1000).frame
    assert set(found["references"]) == {"1", "all"}
    assert found.loc[found["references"] == "all", "signature"].str.contains("nrefs:var").all()


def test_of_four_references_each_and_the_first_ones_are_tried():
    outputs, rows = tables(references=[[*each, *each] for each in REFERENCES])
    found = wb.find_signature("99.99", outputs, rows, n=10_000).frame
    assert list(dict.fromkeys(found["references"].sort_values())) == [
        "1", "1+2", "1+2+3", "1+2+3+4", "2", "3", "4",
    ]  # fmt: skip


def test_a_tokenizer_that_is_not_installed_is_said_to_be_left_out(monkeypatch):
    def refuse(tokenize):
        raise Unreadable("not here")

    monkeypatch.setattr(bleu, "_require_sentencepiece", refuse)
    outputs, rows = tables()
    assert wb.find_signature("50", outputs, rows).caption.endswith(
        "not tried, since a package or a model is not here: spm, flores101, flores200, spBLEU-1K."
    )


def test_progress_is_told():
    outputs, rows = tables()
    told = []
    wb.find_signature("50", outputs, rows, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (22, 22)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_failed_outputs_are_left_out():
    outputs, rows = tables([*TEXTS[:3], None])
    frame = wb.find_signature("50", outputs, rows, n=1000).frame
    assert set(frame["n"]) == {3}
    fewer = wb.find_signature("50", *tables(TEXTS[:3], REFERENCES[:3]), n=1000).frame
    assert np.array_equal(frame["score"], fewer["score"])


def test_a_hostile_name_of_a_system_is_shown_and_not_obeyed(monkeypatch, storable):
    monkeypatch.setattr(signatures, "_TRIED", {"bleu": signatures._each([wb.BLEU("none")])})
    rows = wb.read([{"input": "", "references": ["a b c d"]}])
    outputs = wb.outputs(rows, {storable: ["a b c d"]})
    found = wb.find_signature({storable: "100"}, outputs, rows)
    assert found.frame["system"].tolist() == [storable]
    shown = repr(found)
    assert not {c for c in shown if c != "\n" and unicodedata.category(c) in {"Cc", "Cs"}}
    assert not set(shown) & set(
        "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )
    assert "<script" not in found._repr_html_()


REFUSED = [
    (UnknownName, {"metric": "blue"}, "metric must be one of"),
    (UnknownName, {"published": {"z": 1}}, "a system of published must be one of 'a', but 'z' came."),
    (BadValue, {"published": "40,23"},
     "a published figure must be a finite number such as 40.23, but '40,23' came; write it so, "
     "without a sign of percent."),
    (BadValue, {"published": float("nan")},
     "a published figure must be a finite number such as 40.23, but 'nan' came; write it so, "
     "without a sign of percent."),
    (BadKind, {"published": [1]},
     "a published figure must be a number or the text of one, but a list came; write it as it was "
     "published."),
    (BadValue, {"published": {}},
     "published must name a system or more, but no figure came; give one."),
    (BadValue, {"n": 0}, "n must be at least 1, but 0 came; ask for a line or more."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "message"), REFUSED)
def test_what_cannot_be_explained_is_refused(kind, given, message):
    outputs, rows = tables()
    with pytest.raises(kind) as caught:
        wb.find_signature(**{"published": 50, "outputs": outputs, "rows": rows} | given)
    assert str(caught.value).startswith(message)


def test_tables_that_do_not_fit_are_refused():
    outputs, rows = tables(b=TEXTS)
    with pytest.raises(BadValue) as caught:
        wb.find_signature(50, outputs, rows)
    assert str(caught.value) == (
        "one published figure needs the outputs of one system, but those of 'a', 'b' came; write "
        "published={system: figure}."
    )
    with pytest.raises(BadValue, match="ROWS came without the column 'references'; add it"):
        wb.find_signature({"a": 50}, outputs, rows.drop(columns="references"))
    twice = pd.concat([outputs, outputs.assign(repeat=1, output_id=outputs["output_id"] + "x")])
    with pytest.raises(BadValue, match="row '1' has several; keep one repeat"):
        wb.find_signature({"a": 50}, twice, rows)
    with pytest.raises(BadValue, match="all outputs of 'a' failed"):
        wb.find_signature({"a": 50}, outputs.assign(text=None), rows)
    bare, empty = tables(references=[["a"], [], ["a"], ["a"]])
    with pytest.raises(BadValue, match="row '2' has none; add them"):
        wb.find_signature(50, bare, empty)
    with pytest.raises(UnknownName, match="row_id in OUTPUTS must be one of"):
        wb.find_signature({"a": 50}, outputs, rows[:2])


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(
    ("pair", "system", "figure", "files", "tokenize", "references"),
    [
        ("en-ja", "ONLINE-B", 40.23, ("refA",), "char", "1"),
        ("he-en", "GPT4-5shot", 51.16, ("refA", "refB"), "13a", "1"),
        ("he-en", "GPT4-5shot", 67.43, ("refA", "refB"), "13a", "1+2"),
    ],
)
def test_published_figures_of_wmt23_are_explained_without_being_told(
    shared, pair, system, figure, files, tokenize, references
):
    home = shared / "mt" / f"wmt23.{pair}"
    rows = wb.read(references=[home / f"{each}.txt.gz" for each in files])
    outputs = wb.outputs(rows, {system: home / "systems" / f"{system}.txt.gz"})
    found = wb.find_signature(figure, outputs, rows).frame
    assert set(found["tokenize"]) == {tokenize}
    assert set(found["references"]) == {references}
    assert set(found["lowercase"]) == {False}
    # smoothing changes nothing on so much text, and add-k less than was published
    assert set(found["smooth_method"]) == {"exp", "floor", "none", "add-k"}

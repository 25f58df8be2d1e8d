"""Sites that send sums get the figures of one site with all rows."""

import gzip
import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadKind, BadValue, InputError, UnknownName

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "while",
    "dogs",
    "ran",
    "far",
    "away",
    "from",
    "their",
    "old",
    "house",
    "in",
    "town",
]
METRICS = (wb.BLEU(), wb.ExactMatch(), wb.Column("seconds", direction="down"))
FIGURES = ["score", "baseline_score", "delta", "ci_low", "ci_high", "p", "p_adjusted"]


def data(n=120, seed=0):
    """Return ROWS and OUTPUTS of three systems, one of them near the best."""
    rng = np.random.default_rng(seed)
    rows, texts = [], {"good": [], "near": [], "poor": []}
    for at in range(n):
        reference = list(rng.choice(WORDS, size=8))
        rows.append(
            {
                "row_id": f"secret-{at}", "input": f"question {at}", "references": [" ".join(reference)],
                "kind": "long" if at % 3 else "short", "person": f"person {at // 4}",
            }
        )  # fmt: skip
        for system, n_wrong in (("good", 1), ("near", 1 + (at % 9 == 0)), ("poor", 4)):
            changed = [*reference]
            for place in rng.choice(8, size=n_wrong, replace=False):
                changed[place] = str(rng.choice(WORDS))
            texts[system].append(" ".join(changed))
    rows = wb.read(rows)
    outputs = wb.outputs(rows, texts)
    return rows, outputs.assign(seconds=rng.gamma(2.0, size=len(outputs)))


ROWS, OUTPUTS = data()


def scored(row_ids=None, outputs=OUTPUTS, metrics=METRICS):
    if row_ids is None:
        return wb.score(outputs, ROWS, metrics)
    rows = ROWS[ROWS["row_id"].isin(row_ids)].reset_index(drop=True)
    return wb.score(outputs[outputs["row_id"].isin(row_ids)], rows, metrics)


def summary(row_ids=None, site="all", **options):
    return wb.federate.summary(scored(row_ids), site, **{"samples": 200, "key": "ours"} | options)


POOLED = wb.federate.merge([summary(by=["kind"])], baseline="good")


def same(found, expected):
    """Hold that two results are equal, figures to 1e-12, from however many sites."""
    for name in ("scores", "frame", "slices"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        words = ours.columns.difference([*FIGURES, "n_sites"])
        pd.testing.assert_frame_equal(ours[words], theirs[words])
        numbers = [column for column in FIGURES if column in ours]
        np.testing.assert_allclose(
            ours[numbers].to_numpy(float), theirs[numbers].to_numpy(float), rtol=1e-12, atol=1e-12
        )


@settings(deadline=None, derandomize=True, max_examples=5)
@given(st.permutations(range(120)), st.lists(st.integers(12, 30), min_size=4, max_size=4))
def test_five_sites_equal_one_with_all_rows(order, sizes):
    ends = [0, *np.cumsum(sizes), 120]
    if ends[-1] - ends[-2] < 10:
        ends[-2] -= 10
    ids = [f"secret-{at}" for at in order]
    parts = [ids[first:last] for first, last in pairwise(ends)]
    sites = [summary(part, f"site {at}") for at, part in enumerate(parts)]
    merged = wb.federate.merge(sites, baseline="good")
    whole = wb.federate.merge([summary()], baseline="good")
    same(merged, whole)
    same(wb.federate.merge(sites[::-1], baseline="good"), merged)


def test_slices_of_two_sites_equal_those_of_one():
    ids = ROWS["row_id"].tolist()
    sites = [summary(ids[:60], "a", by=["kind"]), summary(ids[60:], "b", by=["kind"])]
    same(wb.federate.merge(sites, baseline="good"), POOLED)
    assert POOLED.slices[["slice", "value", "n"]].drop_duplicates().to_numpy().tolist() == [
        ["kind", "long", 80],
        ["kind", "short", 40],
    ]


def test_scores_are_those_of_compare_and_the_rest_is_close():
    compared = wb.compare(scored(), baseline="good", interval="percentile")
    merged = wb.federate.merge([summary(samples=4_000)], baseline="good")
    keys = ["metric", "system"]
    ours = merged.frame.set_index(keys).sort_index()
    theirs = compared.frame.set_index(keys).sort_index()
    for exact in ("score", "baseline_score", "delta", "n", "n_changed", "n_clusters"):
        assert ours[exact].tolist() == pytest.approx(theirs[exact].tolist(), rel=1e-12)
    for words in ("verdict", "signature"):
        assert ours[words].tolist() == theirs[words].tolist()
    width = (theirs["ci_high"] - theirs["ci_low"]).to_numpy()
    for end in ("ci_low", "ci_high"):
        assert (np.abs(ours[end] - theirs[end]).to_numpy() <= 0.1 * width).all()
    assert (np.abs(ours["p"] - theirs["p"]) <= 0.03).all()


def test_the_interval_is_that_of_a_naive_poisson_bootstrap():
    from workbench.federate.weights import poisson

    scores = scored(metrics=[wb.ExactMatch()])
    merged = wb.federate.merge([wb.federate.summary(scores, "x", samples=50, key="k")])
    outputs, hits = scores.outputs, scores.statistics["exact_match"][:, 0]
    rows = sorted(set(outputs["row_id"]))
    drawn = poisson(rows, 50, seed=0, key="k")
    value = dict(zip(zip(outputs["row_id"], outputs["system"], strict=True), hits, strict=True))
    for row in merged.scores.to_dict("records"):
        figures = [
            sum(w * value[name, row["system"]] for w, name in zip(weights, rows, strict=True))
            / sum(weights)
            for weights in drawn
        ]
        low, high = np.quantile(figures, [0.025, 0.975])
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), abs=1e-12)


def test_clusters_are_resampled_whole():
    by_person = wb.federate.merge([summary(cluster="person")], baseline="good")
    assert set(by_person.frame["n_clusters"]) == {30}
    assert set(by_person.frame["n"]) == {120}
    # nothing but the unit differs where each cluster is a row
    alone = wb.federate.merge([summary(cluster="row_id")], baseline="good")
    same(alone, wb.federate.merge([summary()], baseline="good"))


def test_a_cluster_of_two_sites_is_resampled_as_one():
    ids = ROWS["row_id"].tolist()
    halves = [ids[::2], ids[1::2]]
    sites = [summary(half, f"{at}", cluster="person") for at, half in enumerate(halves)]
    merged = wb.federate.merge(sites, baseline="good")
    whole = wb.federate.merge([summary(cluster="person")], baseline="good")
    figures = [name for name in FIGURES if name in whole.scores]
    np.testing.assert_allclose(merged.scores[figures], whole.scores[figures], rtol=1e-12)
    assert "taken as different" not in repr(merged)


def numbered(names):
    """Return four sites of 20 rows of which the first ten, or eleven, favour a system."""
    sites = []
    for at in range(4):
        rows = wb.read([names(at, n) | {"input": "", "references": ["x"]} for n in range(20)])
        hits = [n < 10 or n == 10 + at for n in range(20)]
        texts = {
            "a": ["x" if hit else "y" for hit in hits],
            "b": ["y" if hit else "x" for hit in hits],
        }
        scores = wb.score(wb.outputs(rows, texts), rows, [wb.ExactMatch()])
        sites.append(wb.federate.summary(scores, f"site {at}"))
    return sites


def test_rows_that_are_numbered_at_each_site_are_different_rows():
    merged = wb.federate.merge(numbered(lambda at, n: {}))
    named = wb.federate.merge(numbered(lambda at, n: {"row_id": f"{at} {n}"}))
    one, other = merged.frame.iloc[0], named.frame.iloc[0]
    assert one["n_clusters"] == other["n_clusters"] == 80
    # were row 7 the same at all four, the interval would be twice as wide
    width, expected = (each["ci_high"] - each["ci_low"] for each in (one, other))
    assert width == pytest.approx(expected, rel=0.1)
    assert one["p"] == pytest.approx(other["p"], abs=0.05)
    said = "rows of one name at site 0, site 1, site 2, site 3 taken as different"
    assert said in repr(merged)
    assert said not in repr(named)
    same(wb.federate.merge(numbered(lambda at, n: {})[::-1]), merged)


def test_one_site_under_two_names_is_refused():
    with pytest.raises(BadValue) as caught:
        wb.federate.merge(
            [summary(), summary(site="b"), summary(ROWS["row_id"][:60].tolist(), "c")]
        )
    assert str(caught.value) == (
        "each site must send its own sums, but those of 'all' and 'b' are of units of the same names "
        "and equal; leave one of them out, or give rows names of their own where they are different."
    )


def test_repeats_are_averaged_as_in_compare():
    twice = pd.concat(
        [OUTPUTS.assign(repeat=0), OUTPUTS[OUTPUTS["system"] != "poor"].assign(repeat=1, output_id=lambda f: f["output_id"] + "b")]
    )  # fmt: skip
    scores = wb.score(twice, ROWS, [wb.ExactMatch()])
    merged = wb.federate.merge([wb.federate.summary(scores, "x", samples=50)], baseline="good")
    compared = wb.compare(scores, baseline="good", samples=50)
    assert merged.frame["score"].tolist() == pytest.approx(
        compared.frame["score"].tolist(), rel=1e-12
    )


def test_rows_that_a_system_did_not_answer_are_left_out_of_all_pairs():
    fewer = OUTPUTS.copy()
    fewer.loc[(fewer["system"] == "poor") & (fewer["row_id"] == "secret-7"), "text"] = None
    found = wb.federate.summary(wb.score(fewer, ROWS, [wb.BLEU()]), "x", samples=20)
    assert (found.cells[0].n, found.n_left_out) == (119, {"bleu": 1})
    assert found.n_failed == {"bleu": {"good": 0, "near": 0, "poor": 1}}


def with_outputs(n_failed):
    """Return the outputs, some of the latter half failed and one absent."""
    fewer = OUTPUTS[(OUTPUTS["system"] != "poor") | (OUTPUTS["row_id"] != "secret-119")].copy()
    lost = (fewer["system"] == "near") & fewer["row_id"].isin(ROWS["row_id"][60 : 60 + n_failed])
    fewer.loc[lost, "text"] = None
    return fewer


def with_failures(n_failed, metrics=METRICS, **options):
    """Return two sites, at the second of which some outputs failed."""
    ids, fewer = ROWS["row_id"].tolist(), with_outputs(n_failed)
    return [
        wb.federate.summary(scored(part, fewer, metrics), site, samples=50, **options)
        for site, part in (("a", ids[:60]), ("b", ids[60:]))
    ]


def test_failures_are_counted_in_every_table():
    merged = wb.federate.merge(with_failures(5, by=["kind"], least=2), baseline="good")
    counts = merged.scores.pivot(index="metric", columns="system", values="n_failed")
    assert counts.loc["bleu"].to_dict() == {"good": 0, "near": 5, "poor": 1}
    assert counts.loc["seconds"].to_dict() == {"good": 0, "near": 0, "poor": 1}
    assert merged.n_left_out == {"bleu": 6, "exact_match": 6, "seconds": 1}
    compared = wb.compare(
        wb.score(with_outputs(5), ROWS, METRICS), baseline="good", samples=20, correction="none"
    ).frame
    names = ["metric", "system", "n_failed", "baseline_n_failed"]
    expected = compared[names].sort_values(names).to_numpy().tolist()
    assert merged.frame[names].sort_values(names).to_numpy().tolist() == expected
    said = (
        "rows that every system answered (6 rows left out under bleu, exact_match, outputs without a "
        "value: 5 of near, 1 of poor; 1 row left out under seconds, outputs without a value: 1 of poor);"
    )
    for sheet in (merged.sheet, merged.slice_sheet):
        assert said in repr(sheet)
    assert "(every output has a value);" in repr(POOLED)


def test_more_failures_than_may_be_are_refused_as_in_compare():
    with pytest.raises(BadValue) as caught:
        with_failures(7, [wb.BLEU()])
    assert str(caught.value) == (
        "at most 10 % of a system's outputs may have failed, but 7 of 60 of 'near' did; look at the "
        "column 'error', and run them again, or pass most_failed=0.12."
    )
    merged = wb.federate.merge(with_failures(7, [wb.BLEU()], most_failed=0.12))
    assert merged.n_left_out == {"bleu": 8}


def test_what_leaves_a_site_names_nobody(tmp_path):
    path = tmp_path / "site.json"
    summary(by=["kind"], cluster="person").write(path)
    told = path.read_text()
    for word in ("secret-", "question", "person", "ours", *WORDS[:3]):
        assert f"{word}" not in told.replace('"n_units"', "")


@pytest.mark.parametrize("name", ["site.json", "site.json.gz"])
def test_a_summary_is_read_as_it_was_written(tmp_path, name):
    path = tmp_path / name
    written = summary(by=["kind"])
    written.write(path)
    first = path.read_bytes()
    same(wb.federate.merge([wb.federate.read(path)], baseline="good"), POOLED)
    written.write(path)
    assert path.read_bytes() == first
    assert repr(wb.federate.read(path)) == repr(written)


def test_small_values_are_withheld_and_so_is_what_would_tell_them():
    kinds = ["a"] * 100 + ["b"] * 14 + ["c"] * 6
    rows = ROWS.assign(kind=kinds)
    found = wb.federate.summary(wb.score(OUTPUTS, rows, [wb.BLEU()]), "x", by=["kind"], samples=9)
    # c holds 6, and whole − a − b would tell it, so that b is withheld too
    assert [(cell.slice, cell.value) for cell in found.cells] == [("", ""), ("kind", "a")]
    assert (found.n_withheld, found.least) == (2, 10)
    rows = ROWS.assign(kind=["a"] * 100 + ["b"] * 12 + ["c"] * 8)
    found = wb.federate.summary(
        wb.score(OUTPUTS, rows, [wb.BLEU()]), "x", by=["kind"], samples=9, least=8
    )
    assert [cell.value for cell in found.cells] == ["", "a", "b", "c"]


def told(columns, **options):
    """Return the cells that a site tells by columns of the 120 rows, and how many it withholds."""
    options = {"by": [*columns][:1], "samples": 2} | options
    scores = wb.score(OUTPUTS, ROWS.assign(**columns), [wb.ExactMatch()])
    found = wb.federate.summary(scores, "x", **options)
    return {(cell.slice, cell.value): cell for cell in found.cells}, found.n_withheld


def test_hidden_clusters_are_counted_once():
    # a and b have 6 clusters between them, and the whole less c would be their sum
    kinds = {"kind": ["a", "b"] * 6 + ["c"] * 108, "unit": [f"{at // 2}" for at in range(120)]}
    cells, n_withheld = told(kinds, cluster="unit")
    assert (list(cells), n_withheld) == ([("", "")], 3)


def letters(n):
    """Return n values of which none is of more than six rows."""
    return "".join("ABCDEFGHIJ"[at // 6] for at in range(n))


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        # the same rows, rows that differ by one, by ten
        ("a" * 60 + "b" * 60, "c" * 60 + "d" * 60, ["a", "b", "c", "d"]),
        ("a" * 60 + "b" * 60, "c" * 61 + "d" * 59, ["c"]),
        ("a" * 60 + "b" * 60, "c" * 70 + "d" * 50, ["a", "b", "c", "d"]),
        # a and c differ by the first row and the last
        ("a" * 60 + letters(60), "z" + "c" * 60 + letters(59), ["c"]),
        # the whole less a and less d is row 60, taken off once
        ("a" * 61 + letters(59), letters(60) + "d" * 60, ["a"]),
        # c less a and i is the nine rows of f, and d less b those of g
        ("a" * 20 + "i" * 20 + "f" * 9 + "b" * 62 + "g" * 9, "c" * 49 + "d" * 71, ["i", "c", "d"]),
    ],
)
def test_columns_do_not_tell_few_rows_together(one, two, expected):
    cells, _ = told({"one": list(one), "two": list(two)}, by=["one", "two"])
    assert [value for _, value in cells if value] == expected


def test_slices_say_which_sites_told_them():
    rows = ROWS.assign(kind=["u"] * 5 + ["v"] * 75 + ["w"] * 40, person="p")

    def site(name, first, last, by):
        part = rows[first:last].reset_index(drop=True)
        outputs = OUTPUTS[OUTPUTS["row_id"].isin(part["row_id"])]
        scores = wb.score(outputs, part, [wb.ExactMatch()])
        return wb.federate.summary(scores, name, by=by, samples=9)

    sites = [
        site("a", 0, 50, ["kind"]),
        site("b", 50, 90, ["kind", "person"]),
        site("c", 90, 120, ["person"]),
    ]
    # a withholds u, and so v, which would tell it; c was not asked for kinds
    merged = wb.federate.merge(sites, baseline="good")
    told = merged.slices[["slice", "value", "n_sites", "n"]].drop_duplicates().to_numpy().tolist()
    assert told == [["kind", "v", 1, 30], ["kind", "w", 1, 10], ["person", "p", 2, 70]]
    assert [each.withheld for each in sites] == [
        {"kind": 2},
        {"kind": 0, "person": 0},
        {"person": 0},
    ]
    assert merged.withheld == {"kind": ("a", "c"), "person": ("a",)}
    sheet = merged.slice_sheet
    assert sheet.notes[:2] == [
        "kind: values are missing that a, c withheld or did not sum.",
        "person: values are missing that a withheld or did not sum.",
    ]
    assert "at 3 sites (a, b, c), slices of 10 to 70 rows that every" in sheet.caption
    assert sheet.header[:3] == ["slice", "value", "n_sites"]
    assert "at 3 sites (a, b, c), 120 rows that every" in merged.sheet.caption
    assert "slices of no rows" in wb.federate.merge(sites[:1]).slice_sheet.caption
    assert not [note for note in POOLED.slice_sheet.notes if "missing" in note]


def test_a_metric_of_ones_own_is_given_to_merge():
    class Words(wb.Metric):
        name, direction = "words", "down"

        def statistics(self, outputs):
            return [[len(text.split()), 1] for text in outputs["text"]]

    found = wb.federate.summary(wb.score(OUTPUTS, ROWS, [Words()]), "x", samples=9)
    with pytest.raises(BadValue, match="words is no metric of this package"):
        wb.federate.merge([found])
    assert wb.federate.merge([found], metrics=[Words()]).scores["score"].tolist() == [8.0, 8.0, 8.0]


@pytest.mark.parametrize(("way", "order"), [("up", "acdb"), ("down", "dcab")])
def test_systems_without_a_score_come_last(way, order):
    class Share(wb.Metric):
        name, direction = "share", way

        def statistics(self, outputs):
            return [[float(each) for each in text.split()] for text in outputs["text"]]

    rows = wb.read([{"row_id": f"{at}", "input": ""} for at in range(12)])
    texts = {"a": "3 4", "b": "0 0", "c": "2 4", "d": "1 4"}
    outputs = wb.outputs(rows, {system: [text] * 12 for system, text in texts.items()})
    found = wb.federate.summary(wb.score(outputs, rows, [Share()]), "x", samples=9)
    scores = wb.federate.merge([found], metrics=[Share()]).scores
    assert "".join(scores["system"]) == order


def test_sheets_say_how_sure_they_are():
    told = repr(POOLED)
    assert "Differences from good at 1 site (all), 120 rows" in told
    assert "Poisson bootstrap, 200 samples" in told
    assert "correction holm over 6 differences." in told
    signatures = POOLED.frame["signature"].unique()
    assert [line.partition(": ")[2] for line in told.splitlines()[-3:]] == signatures.tolist()
    assert "<table" in POOLED._repr_html_()
    assert "short" in repr(POOLED.slice_sheet)


def test_a_p_value_near_the_level_tells_on_which_side_it_lies():
    p = POOLED.frame["p"][POOLED.frame["p"].between(0.001, 0.999)].iloc[0]
    merged = wb.federate.merge([summary()], baseline="good", level=1 - p + 1e-6)
    shown = max((row[4] for row in merged.sheet.body), key=len)
    assert p - 1e-6 < float(shown) <= p + 1e-5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key": "other"}, "the same seed and key"),
        ({"seed": 1}, "the same seed and key"),
        ({"samples": 10}, "the same samples"),
    ],
)
def test_sites_that_resampled_otherwise_are_refused(options, said):
    with pytest.raises(BadValue, match=said):
        wb.federate.merge([summary(), summary(site="b", **options)])


def test_what_cannot_be_merged_is_refused():
    own = summary()
    with pytest.raises(BadValue, match="must have a summary"):
        wb.federate.merge([])
    with pytest.raises(BadValue, match="each site must come once"):
        wb.federate.merge([own, own])
    with pytest.raises(UnknownName, match="baseline"):
        wb.federate.merge([own], baseline="best")
    lower = wb.score(OUTPUTS, ROWS, [wb.BLEU(lowercase=True), *METRICS[1:]])
    other = wb.federate.summary(lower, "b", samples=200, key="ours")
    with pytest.raises(BadValue, match="bleu in the same way"):
        wb.federate.merge([own, other])
    fewer = wb.federate.summary(scored(metrics=METRICS[:2]), "b", samples=200, key="ours")
    with pytest.raises(BadValue, match="must have seconds, but 'b' lack"):
        wb.federate.merge([own, fewer])


@pytest.mark.parametrize("given", [None, POOLED, "site.json", summary()])
def test_what_is_no_list_of_summaries_is_refused(given):
    with pytest.raises(BadKind) as caught:
        wb.federate.merge(given)
    assert str(caught.value) == (
        f"merge must have a list of summaries, but {type(given).__name__} came; write "
        "merge([one, another])."
    )
    with pytest.raises(BadKind) as caught:
        wb.federate.merge([summary(), "site.json"])
    assert str(caught.value) == (
        "merge must have summaries alone, but 'str' came among them; read what a site wrote with "
        "wb.federate.read."
    )


@pytest.mark.parametrize("level", [95, 0, 1, float("nan"), "x", None])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(BadValue) as caught:
        wb.federate.merge([summary()], level=level)
    assert str(caught.value) == f"level must be between 0 and 1, but {level!r} came; use 0.95."


@pytest.mark.parametrize(
    "options",
    [{"least": 1}, {"samples": 0}, {"seed": -1}, {"samples": 10.5}, {"least": "x"}, {"seed": 1.5}],
)
def test_bad_numbers_are_refused(options):
    with pytest.raises(BadValue) as caught:
        summary(**options)
    samples, seed, least = ({"samples": 200, "seed": 0, "least": 10} | options).values()
    assert str(caught.value) == (
        "samples, seed and least must be whole numbers of at least 1, 0 and 2, but "
        f"{samples!r}, {seed!r} and {least!r} came; use 1000, 0 and 10."
    )


@pytest.mark.parametrize(
    ("options", "came"),
    [({"site": 5}, "int and str"), ({"key": 5}, "str and int"), ({"site": ""}, "no site")],
)
def test_a_site_and_a_key_are_texts(options, came):
    with pytest.raises(BadValue) as caught:
        summary(**options)
    assert str(caught.value) == f"site and key must be texts, but {came} came; write site='Basel'."


def test_a_site_too_small_is_refused():
    with pytest.raises(BadValue, match="at least 10 units"):
        summary(ROWS["row_id"][:9].tolist())


BROKEN = {
    "other": lambda told: {"rows": []},
    "list": lambda told: [told],
    "no cells": lambda told: {k: v for k, v in told.items() if k != "cells"},
    "strange": lambda told: told | {"more": 1},
    "a cell less": lambda told: told | {"cells": [told["cells"][0] | {"sums": [[1.0]]}]},
    "small": lambda told: told | {"cells": [told["cells"][0] | {"n_units": 3}]},
    "no number": lambda told: told | {"cells": [told["cells"][0] | {"sums": "x"}]},
    "texts": lambda told: told | {"cells": [told["cells"][0] | {"sums": [["x"] * 10] * 3}]},
    "ragged": lambda told: told | {"cells": [told["cells"][0] | {"sums": [[1], [1, 2], [3]]}]},
    "no cell": lambda told: told | {"cells": [*told["cells"][:2], 5]},
    "a metric less": lambda told: told | {"cells": told["cells"][:2]},
    "twice": lambda told: told | {"cells": told["cells"] + told["cells"][:1]},
    "no samples": lambda told: told | {"samples": 0},
    "other counts": lambda told: told | {"n_left_out": {}},
    "other systems": lambda told: told | {"n_failed": {name: {} for name in told["n_failed"]}},
    **{
        f"{name} {value}": lambda told, name=name, value=value: told | {name: value}
        for name, value in [
            ("metrics", None), ("metrics", {"bleu": 5}), ("site", 5), ("n_left_out", 5), ("key", 3),
            ("samples", "5"), ("samples", True), ("least", 2.5), ("systems", "good"), ("units", [1]),
            ("signatures", []), ("cells", {}), ("withheld", {"kind": "x"}), ("clustered", None),
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_sentence(tmp_path, name):
    path = tmp_path / "site.json"
    summary(samples=5).write(path)
    path.write_text(json.dumps(BROKEN[name](json.loads(path.read_text()))))
    with pytest.raises(InputError) as caught:
        wb.federate.read(path)
    assert str(path) in str(caught.value)
    assert "ask the site" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_file_says_what_is_wrong(tmp_path):
    path = tmp_path / "site.json"
    summary(samples=5).write(path)
    told = json.loads(path.read_text())
    for changed, said in (
        ({"site": 5}, "'site' of the summary cannot be 5"),
        ({"metrics": None, "key": 3}, "'metrics', 'key' of the summary cannot be None"),
        ({"more": 1}, "the summary holds 'more' too"),
        ({"n_failed": {}}, "it does not tell the same of all metrics"),
    ):
        path.write_text(json.dumps(told | changed))
        with pytest.raises(BadValue) as caught:
            wb.federate.read(path)
        assert str(caught.value) == (
            f"{path} must hold a whole summary, but {said}; ask the site for it again."
        )


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", gzip.compress(b"{}", mtime=0)[:9]])
def test_no_json_is_one_sentence(tmp_path, content):
    path = tmp_path / ("x.json.gz" if content[:1] == b"\x1f" else "x.json")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.json"):
        wb.federate.read(path)
    with pytest.raises(InputError):
        wb.federate.read(tmp_path / "none.json")

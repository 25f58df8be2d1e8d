"""On real texts: what was planted is found, and where nothing is, next to nothing is found."""

import gzip
import json
import os
from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from workbench.stats import adjusted

pytestmark = pytest.mark.shared
# 200 when somebody has the time; the seeds are the first of them
TRIALS = 200 if os.environ.get("WORKBENCH_SCALE") == "full" else 60


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return file.read().rstrip("\n").split("\n")


def translations(shared):
    """WMT23 en-de: 557 paragraphs and two systems that BLEU cannot tell apart."""
    folder = shared / "mt" / "wmt23.en-de"
    texts = zip(lines(folder / "source.txt.gz"), lines(folder / "refA.txt.gz"), strict=True)
    rows = wb.read([{"input": source, "references": [truth]} for source, truth in texts])
    return rows, {n: lines(folder / "systems" / f"{n}.txt.gz") for n in ("ONLINE-A", "ONLINE-G")}


def summaries(shared):
    """DialSummEval: 100 dialogues, and the summaries of BART and PEGASUS."""
    by_dialogue = {}
    path = shared / "summarisation" / "dialsummeval" / "human_judgment.jsonl.gz"
    for record in map(json.loads, lines(path)):
        own = by_dialogue.setdefault(record["id"], {"input": record["dialogue"]})
        own[record["model_id"]] = record["summary"]
    rows = wb.read(
        [
            {"row_id": name, "input": own["input"], "references": [own["A"]]}
            for name, own in by_dialogue.items()
        ]
    )
    names = {"bart": "F", "pegasus": "G"}
    return rows, {
        name: [own[model] for own in by_dialogue.values()] for name, model in names.items()
    }


SETS = {"wmt23": (translations, [wb.BLEU(), wb.ChrF()]), "dialsummeval": (summaries, [wb.ROUGE("L"), wb.ChrF()])}  # fmt: skip


@pytest.fixture(scope="module", params=SETS)
def real(request, shared):
    read, metrics = SETS[request.param]
    return *read(shared), metrics


def mixed(systems, seed):
    """Exchange the outputs of two systems on a random half of the rows: they are equal then."""
    coins = np.random.default_rng(seed).integers(2, size=len(next(iter(systems.values()))))
    pairs = [
        pair[:: -1 if coin else 1]
        for coin, pair in zip(coins, zip(*systems.values(), strict=True), strict=True)
    ]
    return dict(zip("ab", map(list, zip(*pairs, strict=True)), strict=True))


def compared(rows, systems, metrics, **options):
    scores = wb.score(wb.outputs(rows, systems), rows, metrics)
    return wb.compare(scores, baseline="a", **options)


def test_a_slice_made_worse_is_found_with_its_rows(real):
    rows, systems, metrics = real
    even = mixed(systems, 1)
    before = compared(rows, even, metrics, samples=1000)
    bucket = before.slices("reference_length", metrics=["chrf"]).frame.iloc[2]
    planted = bucket["row_ids"][:20]
    place = dict(zip(rows["row_id"], range(len(rows)), strict=True))
    for row in planted:  # the first third of the text, its words in reverse
        words = even["b"][place[row]].split()
        even["b"][place[row]] = " ".join(words[: len(words) // 3 + 1][::-1])
    found = compared(rows, even, metrics, samples=1000)
    frame = found.slices().frame
    first = frame.sort_values("p_adjusted", kind="stable").iloc[0]
    own = frame[(frame["slice"] == "reference_length") & (frame["value"] == bucket["value"])]
    assert (own["verdict"] == "worse").all()
    assert own["p_adjusted"].min() <= first["p_adjusted"] + 1e-12
    assert set(own["row_ids"].iloc[0]) >= set(planted)
    others = frame[(frame["slice"] == "reference_length") & (frame["value"] != bucket["value"])]
    assert not (others["verdict"] == "worse").any()
    rows_first = found.influence("b", metric="chrf", rows=own["row_ids"].iloc[0]).frame
    assert len(set(rows_first["row_id"][:20]) & set(planted)) >= 18
    assert rows_first["share"][:20].sum() > 0.9


def test_a_habit_that_was_put_in_is_on_top(real):
    rows, systems, metrics = real
    even = mixed(systems, 2)
    for at in np.random.default_rng(0).choice(len(rows), 25, replace=False):
        words = even["b"][at].split()
        even["b"][at] = " ".join([*words[:3], "in order to", *words[3:]])
    frame = compared(rows, even, metrics, samples=100).ngrams("b").frame
    first = frame.iloc[0]
    assert first["ngram"] == "in order to"
    assert (first["kind"], first["more"], first["verdict"]) == ("extra", "b", "more")
    assert first["n_more"] >= 24
    assert frame["verdict"].tolist().count("more") <= 6  # parts of it, and no more


def exchanged(scores, seed):
    """Exchange the scored outputs of two systems on a random half of the rows."""
    pairs = np.arange(len(scores.outputs)).reshape(-1, 2)
    coins = np.random.default_rng(seed).integers(2, size=(len(pairs), 1))
    order = np.where(coins == 1, pairs[:, ::-1], pairs).ravel()
    texts = scores.outputs["text"].to_numpy()[order]
    return replace(
        scores,
        outputs=scores.outputs.assign(text=texts),
        statistics={name: values[order] for name, values in scores.statistics.items()},
    )


@pytest.mark.slow
def test_equal_systems_are_told_apart_in_at_most_5_percent_of_trials(real):
    rows, systems, metrics = real
    scores = wb.score(wb.outputs(rows, mixed(systems, 0)), rows, metrics[:1])
    by = ["reference_length", "lexical_rarity", "edit_distance"]
    found = {"slices": 0, "ngrams": 0, "one column": 0}
    for seed in range(TRIALS):
        # seed 0 would undo what `mixed` did
        c = wb.compare(exchanged(scores, 1000 + seed), baseline="a", samples=1000, seed=seed)
        slices = c.slices(by).frame
        for name, frame in {"slices": slices, "ngrams": c.ngrams("b").frame}.items():
            found[name] += bool((frame["p_adjusted"] <= 0.05).any())
        p_values = slices.loc[slices["slice"] == "edit_distance", "p"].to_numpy()
        found["one column"] += bool((adjusted(p_values, "benjamini-hochberg") <= 0.05).any())
    assert max(found["slices"], found["ngrams"]) <= 0.05 * TRIALS, found
    # Hochberg's correction of one column has just the size of the level: 3 standard errors more
    assert found["one column"] <= 0.05 * TRIALS + 3 * (0.05 * 0.95 * TRIALS) ** 0.5, found

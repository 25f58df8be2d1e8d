"""Recorded preferences: AlpacaEval's published win rates, and numbers on any scale."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.judging import Rated, likings, preferences, recorded
from workbench.ratings import rank

BASELINE = "gpt4_1106_preview"
MODEL = "gpt-3.5-turbo-1106"


@pytest.fixture(scope="module")
def alpaca(shared):
    """The baseline's rows, OUTPUTS of six systems and the baseline, and the published figures."""
    folder = shared / "prompts" / "alpaca_eval"
    oracle = json.loads((folder / "oracle.json").read_text())["leaderboard_rows"]
    rows = _read(folder / f"baseline.{BASELINE}.jsonl.gz", BASELINE)
    frames = [rows, *(_read(folder / f"{name}.jsonl.gz", name) for name in oracle)]
    return rows, pd.concat(frames, ignore_index=True), oracle


def _read(path, system):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        frame = pd.DataFrame([json.loads(line) for line in lines])
    frame["row_id"] = frame["idx"].astype("str")
    frame = frame.rename(columns={"output": "text", "instruction": "input"})
    return frame.assign(system=system, output_id=system + ":" + frame["row_id"])


@pytest.fixture(scope="module")
def judged(alpaca):
    return recorded(alpaca[1], "judge_preference", baseline=BASELINE, scale=(1, 2), rater="gpt-4")


@pytest.mark.shared
def test_win_rates_and_standard_errors_are_those_that_alpaca_eval_published(alpaca, judged):
    frame = preferences(judged, baseline=BASELINE, samples=500).frame.set_index("system")
    assert len(frame) == 6
    for system, published in alpaca[2].items():
        found = frame.loc[system]
        assert 100 * found["win_rate"] == pytest.approx(float(published["win_rate"]), abs=1e-12)
        assert 100 * found["standard_error"] == pytest.approx(
            float(published["standard_error"]), abs=1e-12
        )
        assert found[["wins", "losses", "n"]].tolist() == [
            int(published[name]) for name in ("n_wins", "n_wins_base", "n_total")
        ]
        assert found["ci_low"] < found["win_rate"] < found["ci_high"]
        assert found["verdict"] == "worse"
        assert np.isnan(found["flip_rate"])


@pytest.mark.shared
def test_ties_are_those_of_the_file(judged):
    assert (judged["value"] == "tie").sum() == 3 + 2 + 2 + 4 + 4 + 2


@pytest.mark.shared
def test_of_one_model_the_verbose_prompt_wins_more_and_the_concise_one_less(alpaca, judged):
    rows, outputs, _ = alpaca
    family = outputs[outputs["system"].str.startswith(MODEL)]
    scores = wb.score(family, rows[["row_id", "input"]], [Rated(judged)])
    found = wb.compare(scores, baseline=MODEL, samples=500).frame.set_index("system")
    # the published win rates, 7.42, 9.18 and 12.76 %, less the plain prompt's
    concise, verbose = found.loc[f"{MODEL}_concise"], found.loc[f"{MODEL}_verbose"]
    assert (round(concise["delta"], 4), round(verbose["delta"], 4)) == (-0.0176, 0.0359)
    assert (concise["verdict"], verbose["verdict"]) == ("worse", "better")
    for each in (concise, verbose):
        assert each["n"] == 805
        assert each["ci_low"] < each["delta"] < each["ci_high"]


@pytest.mark.shared
def test_longer_answers_win_more_often_within_every_system(alpaca, judged):
    one = judged[judged["system_a"] == "gpt-3.5-turbo-1106_verbose"]
    slope = likings(one, outputs=alpaca[1], samples=300).frame.iloc[0]
    assert 0.03 < slope["ci_low"] < slope["value"] < slope["ci_high"]
    lengths = alpaca[1].assign(n=alpaca[1]["text"].str.len()).pivot_table("n", "row_id", "system")
    ratio = np.log2(lengths["gpt-3.5-turbo-1106_verbose"] / lengths[BASELINE])
    naive = np.polyfit(ratio, one.set_index("row_id")["preference"].reindex(ratio.index), 1)
    assert slope["value"] == pytest.approx(naive[0], abs=1e-9)


@pytest.mark.shared
def test_the_leaderboard_orders_the_systems_by_strength_too(judged):
    standings = rank(judged, ties="half").frame["system"].tolist()
    assert standings[:2] == [BASELINE, "gpt-3.5-turbo-1106_verbose"]


def outputs(**columns):
    rows = wb.read([{"input": "a"}, {"input": "b"}, {"input": "c"}])
    return wb.outputs(rows, {"one": ["x", "y", "z"]}).assign(**columns)


def test_a_number_becomes_a_share_and_a_verdict():
    found = recorded(outputs(mark=[-1.0, 0.0, 1.0]), "mark", baseline="base", scale=(-1, 1))
    assert found[["value", "preference"]].to_numpy().tolist() == [["b", 0], ["tie", 0.5], ["a", 1]]
    assert set(found["side"]) == {"unknown"}


def test_a_missing_number_is_a_missing_answer():
    found = recorded(outputs(mark=[0.0, None, 1.0]), "mark", baseline="base")
    shown = preferences(found, samples=100)
    assert shown.frame[["n", "n_asked", "n_failed"]].to_numpy().tolist() == [[2, 3, 1]]
    assert shown.notes[0] == (
        "Of 1 of 1 pair of systems nobody says which output was shown first, so a liking for a "
        "position cannot be told from one for a system."
    )


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownName, match=r"^the column of preferences must be one of"):
        recorded(outputs(), "mark", baseline="base")
    with pytest.raises(BadValue) as caught:
        recorded(outputs(mark=[0, 1, 3]), "mark", baseline="base")
    assert str(caught.value) == (
        "a preference must be from 0 to 1, but 3 came for output 'one:3:0'; say what the ends are "
        "with `scale`."
    )
    with pytest.raises(
        BadValue, match=r"^outputs must hold another system than the baseline 'one'"
    ):
        recorded(outputs(mark=[0, 1, 1]), "mark", baseline="one")

"""HELM: a run written by its own classes."""

import json
import shutil
from pathlib import Path

import pytest

from workbench import exchange
from workbench.errors import BadValue, Unreadable

HOME = Path(__file__).parent / "fixtures" / "helm"


def test_instances_trials_and_perturbations():
    e = exchange.read(HOME)
    perturbed = "id1:typos,seed=0"
    assert e.rows["row_id"].tolist() == ["id1", "id2", perturbed]
    assert e.rows["cluster"].tolist() == ["id1", "id2", "id1"]
    assert e.rows["references"].tolist() == [["Paris"], ["Tokyo"], ["Paris"]]
    outputs = e.outputs.set_index(["row_id", "repeat"])
    assert outputs.loc[(perturbed, 0), "text"] == "Rome"
    assert outputs.loc[(perturbed, 1), "exact_match"] == 1
    assert outputs.loc[("id2", 0), ["output_tokens", "latency_s"]].tolist() == [2, 0.25]
    assert outputs.loc[("id2", 0), "finish_reason"] == "stop"


def test_the_letter_of_an_option_is_read_as_the_option(tmp_path):
    shutil.copytree(HOME, tmp_path / "run")
    path = tmp_path / "run" / "scenario_state.json"
    value = json.loads(path.read_text())
    letters = iter([" B", "A.", "\nA"])
    for each in value["request_states"]:
        each["output_mapping"] = {"A": "Paris", "B": "Tokyo"}
        for completion in each["result"]["completions"]:
            completion["text"] = next(letters, "C")
    path.write_text(json.dumps(value))
    texts = exchange.read(tmp_path / "run").outputs["text"].dropna().tolist()
    assert texts[:4] == ["Tokyo", "A.", "Paris", "C"]


def test_a_failed_request_is_an_error_without_a_score():
    failed = exchange.read(HOME).outputs.set_index(["row_id", "repeat"]).loc[("id2", 1)]
    assert failed["error"] == "the service is away"
    assert failed.isna()[["text", "exact_match"]].all()


def test_requests_that_only_score_a_reference_are_told():
    assert exchange.read(HOME).notes == (
        "1 requests only score a reference, and are no outputs of simple/model1.",
    )


def test_a_statistic_of_nothing_is_none():
    assert "logprob" not in exchange.read(HOME).outputs


@pytest.mark.parametrize("name", ["scenario_state.json", "per_instance_stats.json"])
def test_either_file_leads_to_both_and_both_are_needed(tmp_path, name):
    assert exchange.read(HOME / name).outputs.equals(exchange.read(HOME).outputs)
    shutil.copy(HOME / name, tmp_path / name)
    with pytest.raises(Unreadable, match=r"a run of HELM must hold scenario_state\.json and"):
        exchange.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("scenario_state.json", lambda v: v.pop("request_states"), "holds no adapter_spec and"),
        ("scenario_state.json", lambda v: v["request_states"].insert(1, {}),
         "request state 2 has no instance with an id"),
        ("per_instance_stats.json", lambda v: v.insert(0, []), "element 1 has no stats"),
    ],
)  # fmt: skip
def test_broken_files_are_refused(tmp_path, name, change, message):
    shutil.copytree(HOME, tmp_path / "run")
    value = json.loads((HOME / name).read_text())
    change(value)
    (tmp_path / "run" / name).write_text(json.dumps(value))
    with pytest.raises(BadValue, match=message):
        exchange.read(tmp_path / "run")

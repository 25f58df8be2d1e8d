"""The claims agent: whether the planted cause is found, in runs from which nothing was learned."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.trajectories import read
from workbench.trajectories.attribution import Habits, attribute

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = ROOT / "datasets" / "claims-agent"
REFERENCE = json.loads(
    (Path(__file__).parent / "reference" / "attribution.json").read_text(encoding="utf-8")
)["claims-agent"]


@pytest.fixture(scope="module")
def truth():
    """What is true of each run in which something went wrong."""
    lines = (CLAIMS / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    return {each["run_id"]: each for each in map(json.loads, lines) if each["fault"]}


@pytest.fixture(scope="module")
def runs():
    # what a run says of its own outcome is taken away
    return [
        replace(run, outcome=None, status="unset", extra={})
        for run in read(CLAIMS / "runs.jsonl.gz")
    ]


def judge(runs, truth, habits):
    """For each faulty run, alone and beside the others: whether step and owner were found."""
    return [(run, truth[run.run_id], attribute(run), attribute(run, peers=habits)) for run in runs]


@pytest.fixture(scope="module")
def faulty(runs, truth):
    return [run for run in runs if run.run_id in truth]


@pytest.fixture(scope="module")
def some(runs, faulty, truth):
    """Every fifth faulty run: they come in the order of their claims, whose faults vary."""
    return judge(faulty[::5], truth, Habits.of(runs))


@pytest.fixture(scope="module")
def judged(runs, faulty, truth):
    return judge(faulty, truth, Habits.of(runs))


def figures(judged, which, *, unseen=False):
    """Return the shares found first, in the first three, and with the right owner."""
    # rules were tried on the even-numbered claims alone
    kept = [each for each in judged if not unseen or int(each[0].task_id.split("-")[1]) % 2]
    pairs = [(each[1], each[which]) for each in kept]
    first = sum(found.first.step == true["step"] for true, found in pairs)
    top = sum(true["step"] in [each.step for each in found.suspects[:3]] for true, found in pairs)
    owner = sum(found.first.owner == true["owner"] for true, found in pairs)
    n = len(pairs)
    return {
        "n": n,
        "step": round(first / n, 4),
        "top 3": round(top / n, 4),
        "owner": round(owner / n, 4),
    }


ALONE, AMONG_PEERS = 2, 3


@pytest.mark.parametrize("which", [ALONE, AMONG_PEERS], ids=["alone", "among peers"])
def test_of_some_runs_step_and_owner_are_found(some, which):
    found = figures(some, which)
    assert found["n"] == 64
    assert found["top 3"] >= 0.90
    assert found["owner"] >= 0.85


def test_evidence_is_given_in_words_that_name_the_value(faulty, truth):
    run = next(each for each in faulty if truth[each.run_id]["variant"] == "transposed")
    evidence = attribute(run).first.evidence[0]
    assert evidence.startswith("passes policy_number=")
    assert "which stands in nothing read before; " in evidence


# all of them, which takes longer


@pytest.mark.slow
def test_every_true_step_is_one_that_can_be_suspected(judged):
    assert len(judged) == 319
    for _, true, found, _ in judged:
        assert true["step"] in {each.step for each in found.suspects}


@pytest.mark.slow
@pytest.mark.parametrize("which", [ALONE, AMONG_PEERS], ids=["alone", "among peers"])
def test_the_true_step_is_among_the_first_three_and_its_owner_named(judged, which):
    found = figures(judged, which)
    assert found["top 3"] >= 0.90
    assert found["owner"] >= 0.85


@pytest.mark.slow
def test_claims_on_which_no_rule_was_tried_do_as_well(judged):
    found = figures(judged, AMONG_PEERS, unseen=True)
    assert found["n"] == 162
    assert found["top 3"] >= 0.90
    assert found["owner"] >= 0.85


@pytest.mark.slow
def test_the_figures_are_those_that_are_stored(judged):
    assert {
        "alone": figures(judged, ALONE),
        "among peers": figures(judged, AMONG_PEERS),
        "alone, unseen half": figures(judged, ALONE, unseen=True),
        "among peers, unseen half": figures(judged, AMONG_PEERS, unseen=True),
    } == REFERENCE

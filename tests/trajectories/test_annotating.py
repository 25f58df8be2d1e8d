"""What people coded, as annotations of runs: and from there to attribution."""

import pandas as pd
import pytest

from workbench.errors import BadKind, BadValue, UnknownName
from workbench.ratings import code_agreement
from workbench.trajectories import (
    Annotation,
    Part,
    Run,
    Runs,
    Step,
    evaluate,
    fit,
    with_annotations,
    without_annotations,
)


def says(text, agent="bot"):
    return Step("chat", "", [Part("out", "", "text", text)], agent=agent)


def some_runs(n=12):
    texts = [
        "What does a ticket cost, on the evening train to Lund?",
        "I shall look into that first of all, and then tell you.",
        "It is approximately 31 crowns, I assume, for most people.",
    ]
    return Runs.of(
        [
            Run(
                "mine", name=f"r{at}", task_id=f"q{at}", outcome=0.0, steps=[says(t) for t in texts],
                annotations=[Annotation("mistake", "source", step=0), Annotation("note")],
            )
            for at in range(n)
        ]
    )  # fmt: skip


def codes(*rows):
    columns = ["run_id", "target", "step", "label", "annotator", "comment", "severity"]
    return pd.DataFrame([(*row, "ann", "why", None) for row in rows], columns=columns)


def mistakes(runs):
    return {run.run_id: [e.step for e in run.annotations if e.name == "mistake"] for run in runs}


def test_codes_become_annotations_and_the_earliest_of_the_labels_the_mistake():
    rows = [("r0", "step", 2, "wrong"), ("r0", "range", 1, "wrong"), ("r0", "step", 0, "odd"),
            ("r1", "run", None, "wrong"), ("r1", "done", None, None), ("x", "step", 1, "wrong")]  # fmt: skip
    runs = some_runs()
    found = with_annotations(runs, codes(*rows), mistake=["wrong"])
    assert mistakes(found)["r0"] == [1]
    assert mistakes(found)["r1"] == [0]
    told = [(e.label, e.step, e.identifier, e.explanation) for e in found["r0"].annotations if e.name == "code"]  # fmt: skip
    assert told == [
        ("wrong", 2, "ann", "why"),
        ("wrong", 1, "ann", "why"),
        ("odd", 0, "ann", "why"),
    ]
    assert [e.name for e in found["r1"].annotations] == ["mistake", "note", "code"]
    assert mistakes(runs)["r0"] == [0]
    assert len(found.annotations) == 12 * 2 + 4
    assert mistakes(with_annotations(runs, codes(*rows), mistake="any"))["r0"] == [0]
    assert mistakes(with_annotations(runs, codes(*rows), mistake=["wrong"], targets=["step"]))["r0"] == [2]  # fmt: skip
    assert mistakes(with_annotations(runs, codes(*rows), keep=False))["r1"] == []


@pytest.mark.parametrize(
    ("target", "step", "mistake"),
    [("omission", 0, 1), ("omission", 3, 3), ("step", 2, 1), ("step", 0, 1), ("range", 3, 3)],
)
def test_a_mistake_is_a_step_in_which_somebody_acts(target, step, mistake):
    steps = [Step("wb.system", ""), says("a"), Step("wb.state", ""), says("b")]
    runs = Runs.of([Run("mine", name="r", steps=steps)])
    found = with_annotations(runs, codes(("r", target, step, "wrong")), mistake="any")
    assert mistakes(found)["r"] == [mistake]
    assert fit(found).n_runs == 1


def test_a_model_learns_from_codes_and_is_scored_by_them():
    rows = [(f"r{at}", "step", 2 if at % 4 else 1, "wrong") for at in range(12)]
    coded = with_annotations(some_runs(), codes(*rows), mistake=["wrong"])
    assert fit(coded) != fit(some_runs())
    found = evaluate(coded, folds=4, inner_folds=2).frame
    step = found.query("method == 'features' and target == 'step'")["value"].iloc[0]
    assert step == 0.75
    agent = found.query("method == 'features' and target == 'agent'")["value"].iloc[0]
    assert agent == 1.0


def test_what_makes_no_sense_is_refused():
    runs, frame = some_runs(2), codes(("r0", "step", 1, "wrong"))
    with pytest.raises(BadKind, match="runs must be what"):
        with_annotations([], frame)
    with pytest.raises(BadValue, match="codes must have 'label'"):
        with_annotations(runs, frame.drop(columns="label"))
    with pytest.raises(UnknownName, match=r"a label of the mistake .*'wrung'"):
        with_annotations(runs, frame, mistake=["wrung"])
    with pytest.raises(UnknownName, match="a target"):
        with_annotations(runs, frame, targets=["world"])
    with pytest.raises(BadValue, match="run 'r0' of 3 steps has one on step 7"):
        with_annotations(runs, codes(("r0", "step", 7, "wrong")), mistake="any")


def test_runs_without_annotations_hide_where_they_were_read_from(tmp_path):
    from workbench.trajectories import read

    log = tmp_path / "log.json"
    log.write_text(
        '{"history": [{"role": "assistant", "content": "Hi"}], "mistake_step": "0", "mistake_agent": "a"}'
    )
    runs = read(log)
    assert mistakes(runs) == {runs.ids[0]: [0]}
    blind = without_annotations(runs)
    assert blind[0].annotations == []
    assert len(blind.annotations) == 0
    assert runs.document(runs.ids[0]) is not None
    with pytest.raises(BadValue, match="hidden from whoever codes"):
        blind.document(runs.ids[0])
    assert with_annotations(runs, codes()).document(runs.ids[0]) is not None


def test_a_demonstration_is_a_step_that_can_be_coded():
    demo = Step("chat", "", [Part("out", "", "text", "Like this.")], flags=frozenset({"demo"}))
    runs = Runs.of([Run("mine", name="r", steps=[demo, says("And now?")])])
    done = [("r", who, "done", None, None) for who in "ab"]
    said = [("r", who, "step", 1, "wrong") for who in "ab"]
    columns = ["run_id", "annotator", "target", "step", "label"]
    found = code_agreement(pd.DataFrame(done + said, columns=columns), units=runs).frame
    assert runs.frame["n_steps"].tolist() == [1]
    # the run, two steps, and what is missing after each
    assert set(found["n_units"]) == {5}

"""Whoever codes is led by nothing: what judges the runs does not leave the kernel, or does when asked for."""

import json
import runpy
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue
from workbench.trajectories import Annotation, Part, Run, Runs, Step
from workbench.trajectories.auditing.policy import Policy
from workbench.trajectories.auditing.rules import AllowedTools
from workbench.trajectories.blinding import HIDDEN, unjudged
from workbench.widgets.inspector import inspect

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
asked, data_of = SHARED["asked"], SHARED["data_of"]

VERDICTS = {
    "finding": "FINDING-SAYS", "score": "METRIC-SAYS", "rating": "RATING-SAYS", "judge": "JUDGE-SAYS",
    "scorer": "SCORER-SAYS", "policy": "POLICY-SAYS", "source": "SOURCE-SAYS", "reward": "REWARD-SAYS",
}  # fmt: skip
TOLD = ('"outcome"', '"suspect"', '"owner"', '"loop"', "succeeded", '"scored": true')


def said(text, **more):
    return Step("chat", "/0", [Part("out", "assistant", "text", text)], agent="bot", **more)


def called(name):
    parts = [
        Part("in", "assistant", "tool_call", '{"id": 1}', name, arguments={"id": 1}),
        Part("out", "tool", "tool_call_response", "no", name),
    ]
    return Step("execute_tool", "/1", parts, tool=name)


def judged(name, outcome):
    steps = [
        said("Please."), *[called(VERDICTS["policy"])] * 4,
        Step("wb.other", "", name="scorers", extra={"type": "scorers", "x": VERDICTS["scorer"]}),
        said(VERDICTS["judge"], parent=5),
        Step("wb.evaluation", "", [Part("out", "judge", "text", VERDICTS["judge"])], parent=5),
        said(VERDICTS["scorer"], parent=7), said("Done."),
    ]  # fmt: skip
    told = [Annotation("mistake", VERDICTS["source"], step=1)]
    more = {"scores": {VERDICTS["reward"]: outcome}, "extra": {"reward": VERDICTS["reward"]}}
    return Run(
        "mine", name=name, steps=steps, outcome=outcome, task_id="t", annotations=told, **more
    )


def tables():
    run = {"run_id": "b", "row_id": "t", "output_id": "o-b"}
    return {
        "findings": pd.DataFrame(
            [run | {"check": "x", "step": 1, "evidence": VERDICTS["finding"]}]
        ),
        "scores": pd.DataFrame([run | {"metric": VERDICTS["score"], "value": 0.25}]),
        "ratings": pd.DataFrame([run | {"question": VERDICTS["rating"], "value": 2}]),
        # a name of our own: a tool's name would be told with its calls
        "policy": Policy("p", (AllowedTools(tools=["other"]),)),
    }


@pytest.fixture
def opened(tmp_path):
    def opens(**more):
        runs = Runs.of([judged("a", 1.0), judged("b", 0.0)])
        who = {"annotator": "ann", "journal": tmp_path / "codes.sqlite"} | more
        return inspect(runs, **tables(), **who)

    return opens


def sent(widget, tmp_path):
    """Return all that a browser could ever get of a panel, and its file."""
    told = [
        {n: v for n, v in widget.get_state().items() if n not in ("_esm", "_css")},
        widget._repr_html_(), repr(widget), widget.timeline_svg("b"),
    ]  # fmt: skip
    for run, step in ((run, step) for run in (0, 1) for step in (0, 1, 6, 7, 8)):
        for kind in ("step", "source", "next", "path", "tree"):
            told.append(asked(widget, type=kind, run=run, step=step, what="error", way=1))
        told += [asked(widget, type="text", run=run, step=step, part=part) for part in (-1, 0, 1)]
    for run in (0, 1):
        for kind in (
            "marks",
            "suspects",
            "suspect_counts",
            "codes",
            "coded",
            "rows",
            "runs",
            "stack",
        ):
            told.append(asked(widget, type=kind, run=run, to=100))
        for kind in ("tree", "timeline", "places"):
            told += [asked(widget, type=kind, run=run, part=part, step=-1) for part in (0, 20)]
    told += [asked(widget, type=kind, runs=[0, 1]) for kind in ("align", "aligned")]
    for verdict in VERDICTS.values():
        for kind in ("search", "count", "snippets"):
            query = {"query": verdict, "steps": [1, 5, 6, 7, 8]}
            told.append(asked(widget, type=kind, run=1, **query))
    widget.to_html(tmp_path / "page.html")
    told.append(data_of((tmp_path / "page.html").read_text()))
    return json.dumps(told, ensure_ascii=False, default=str)


def test_nothing_that_judges_the_runs_is_sent_to_who_codes(opened, tmp_path):
    for adjudicate in (False, True):
        told = sent(opened(adjudicate=adjudicate), tmp_path)
        found = {name for name, word in VERDICTS.items() if word in told and name != "policy"}
        assert found == set()
        assert [word for word in TOLD if word in told] == []
        assert '"policy"' not in told
        assert HIDDEN in told


def test_with_hints_and_for_who_only_reads_all_of_it_is_sent(opened, tmp_path):
    shown = sent(opened(hints=True, show_source_labels=True), tmp_path)
    assert {name for name, word in VERDICTS.items() if word not in shown} == {"reward"}
    assert [word for word in TOLD if word not in shown] == []
    assert '"policy"' in shown
    hinted = sent(opened(hints=True), tmp_path)
    assert VERDICTS["source"] not in hinted
    assert VERDICTS["finding"] in hinted
    labelled = sent(opened(show_source_labels=True), tmp_path)
    assert VERDICTS["source"] in labelled
    assert VERDICTS["finding"] not in labelled
    read = sent(opened(annotator=None, journal=None), tmp_path)
    assert all(VERDICTS[name] in read for name in ("finding", "score", "rating", "judge"))


def test_tables_still_lead_to_runs_and_are_still_checked(opened, tmp_path):
    widget = opened(at="o-b")
    assert widget.at == ("b", 0)
    assert widget.rows["output_id"].tolist()[1] == "o-b"
    assert "hidden" in asked(widget, type="suspects", run=1)["reason"]
    with pytest.raises(BadValue, match="findings must have the column 'check'"):
        wb.inspect(
            Runs.of([judged("a", 1.0)]), findings=pd.DataFrame([{"x": 1}]), annotator="ann",
            journal=tmp_path / "codes.sqlite",
        )  # fmt: skip


def test_steps_keep_their_places_where_judgements_are_hidden():
    run = judged("a", 1.0)
    hidden = unjudged(run)
    assert [step.kind for step in hidden.steps] == [step.kind for step in run.steps]
    assert [at for at, step in enumerate(hidden.steps) if step.name == HIDDEN] == [5, 6, 7, 8]
    assert (run.outcome, run.steps[6].text) == (1.0, VERDICTS["judge"])
    circle = [Step("chat", "", parent=1), Step("chat", "", parent=0), Step("chat", "", parent=9)]
    assert unjudged(Run("mine", steps=circle)).steps == circle


@pytest.mark.shared
def test_the_scores_of_real_logs_are_hidden(shared, tmp_path):
    path = shared / "trajectories" / "inspect" / "2025-05-12T20-28-13-04-00_popularity.json"
    runs = wb.trajectories.read(path)
    judging = [
        (run, at) for run in runs for at, s in enumerate(run.steps) if s.kind == "wb.evaluation"
    ]
    assert len(judging) == 3
    widget = inspect(runs, annotator="ann", journal=tmp_path / "codes.sqlite")
    for run, at in judging:
        place = runs.ids.index(run.run_id)
        told = asked(widget, type="text", run=place, step=at, part=-1)["text"]
        assert '"extra"' not in told
        assert json.loads(told)["parts"] == []
        assert json.loads(told)["name"] == HIDDEN
        assert runs[place].outcome is not None
    assert widget.runs.frame["outcome"].isna().all()

"""Whatever agents wrote is shown and never obeyed; the table of texts is in tests/conftest.py."""

import functools
import json
import re
import runpy
from dataclasses import replace
from pathlib import Path

import workbench as wb
from workbench.cli import main
from workbench.trajectories import Annotation, Part, Run, Runs, Step, Usage

TEXTS = runpy.run_path(str(Path(__file__).parents[1] / "test_hostile_text.py"))
Document, OURS, commands = TEXTS["Document"], TEXTS["OURS"], TEXTS["commands"]


def called(text, at, result):
    """A call of a tool, with a text in every place, and its answer."""
    asked = Part("out", text, "tool_call", text, text, text, arguments={text: [text, at]})
    heard = Part("in", text, "tool_call", text, text, text, arguments={text: [text, at]})
    said = Part("out", text, "tool_call_response", result, text, text)
    chat = Step("chat", text, [asked], agent=text, model=text, usage=Usage(5, 1), name=text)
    tool = Step(
        "execute_tool", text, [heard, said], tool=text, agent=text, status="error", error_type=text,
        error_message=text, call_step=at, tool_call_id=text, extra={text: text},
    )  # fmt: skip
    return [chat, tool]


@functools.cache
def runs(text):
    def run(name, n, result):
        steps = [step for at in range(n) for step in called(text, 2 * at, result)]
        steps.append(Step("chat", text, [Part("out", text, "text", f"{text} {n}")], agent=text))
        for at, step in enumerate(steps):
            step.start_ns, step.end_ns = at * 10**9, (at + 1) * 10**9
        return Run(
            "x", steps=steps, name=f"{text}{name}", agent=text, agent_version=text, task_id=text,
            trial=n, model=text, status="error", termination=text, outcome=n % 2,
            annotations=[Annotation(text, text, explanation=text)], extra={text: text},
        )  # fmt: skip

    return Runs.of([run("a", 3, text), run("b", 3, text), run("c", 2, "else")])


@functools.cache
def shown(text):
    """Return everything that is shown as text or HTML, by name."""
    some, trajectories = runs(text), wb.trajectories
    return {
        "summary": trajectories.summary(some),
        "suspects": trajectories.attribute(some[0]),
        "alignment": trajectories.align(some[0], some[1], some[2]),
        "consensus": trajectories.consensus(some),
        "loops": trajectories.loops(some),
        "match": trajectories.reference_scores(some, lambda _: [(text, {text: text})]),
        "completion": trajectories.analysis.completion(some),
        "bottlenecks": trajectories.analysis.bottlenecks(some),
    }


def test_html_holds_our_tags_and_nothing_of_theirs(storable):
    for name, thing in shown(storable).items():
        document = Document(thing._repr_html_().encode("utf-8").decode("utf-8"))
        assert set(document.tags) <= OURS, name
        assert document.attributes <= {"class", "style", "scope"}, name


def test_a_repr_commands_no_terminal(storable):
    for name, thing in {**shown(storable), "runs": runs(storable)}.items():
        assert commands(repr(thing)) == set(), name
        repr(thing).encode("utf-8")


DRAWN = {
    "dashboard": lambda some, how: wb.views.dashboard(how.over_time(some, every="1min")),
    "latency_over_time": lambda some, how: wb.views.latency_over_time(how.over_time(some)),
    "pass_hat_k": lambda some, how: wb.views.pass_hat_k(how.completion(some)),
    "steps_by_outcome": lambda some, how: wb.views.steps_by_outcome(some),
    "timeline": lambda some, how: wb.views.timeline(how.step_times(some[:1])),
    "tool_sankey": lambda some, how: wb.views.tool_sankey(how.tool_links(some)),
}


def test_every_figure_of_runs_is_drawn_here():
    assert set(DRAWN) == TEXTS["OF_RUNS"]


def test_plotly_finds_no_markup_no_formula_and_no_template_in_a_figure(storable):
    for name, draw in DRAWN.items():
        figure = draw(runs(storable), wb.trajectories.analysis)
        for text in TEXTS["labels"](json.loads(figure.to_json())):
            rest = TEXTS["OUR_MARKUP"].sub("", text)
            assert not re.search(r"<|\$|%\{|&(?!(?:lt|gt|amp|#36|#123);)", rest), (name, text)
            assert commands(rest) == set(), name
            assert len(text) < 1_000, name


def test_a_log_of_hostile_texts_is_told_harmlessly_in_a_shell(storable, tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    wb.trajectories.write(runs(storable), log)
    audit = tmp_path / "audit.jsonl"
    for command in (
        ["summary", log], ["loops", log], ["attribute", log], ["diff", log], ["seal", log, audit],
        ["verify", audit],
    ):  # fmt: skip
        assert main(["trajectories", *map(str, command)]) == 0
        told = capsys.readouterr()
        assert commands(told.out) | commands(told.err) == set(), command


def test_what_was_written_comes_back_in_every_format(storable, tmp_path):
    for format in ("jsonl", "otlp", "atif", "openai-chat"):
        wb.trajectories.write(runs(storable), tmp_path / "log.json", format=format)
        again = wb.trajectories.read(tmp_path / "log.json")
        assert again.ids == runs(storable).ids
        for one, other in zip(again, runs(storable), strict=True):
            # where a step stands is another place in another file
            assert [replace(step, source="") for step in one.steps] == [
                replace(step, source="") for step in other.steps
            ], format


def test_a_name_is_never_a_path(storable, tmp_path):
    place = tmp_path / "folder"
    place.mkdir()
    wb.trajectories.write(runs(storable), place / "log.jsonl")
    wb.trajectories.seal(runs(storable), place / "audit.jsonl", secret=b"s")
    assert sorted(each.name for each in tmp_path.rglob("*")) == [
        "audit.jsonl",
        "folder",
        "log.jsonl",
    ]

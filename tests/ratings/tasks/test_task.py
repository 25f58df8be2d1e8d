"""Tasks: what raters are asked, by hand, by preset, from JSON and from YAML."""

import json
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import plain_yaml
from workbench.errors import BadValue, UnknownName
from workbench.ratings import tasks
from workbench.ratings.tasks import (
    LETTERS,
    BestWorst,
    Correction,
    Example,
    Labels,
    Preference,
    Ranking,
    Scale,
    Spans,
    Task,
    Text,
)

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=50)
SCALE = Scale("q", 1, 5)
PRESETS = {
    "likert": Task.likert(criteria=["fluency", "coverage"]),
    "mqm": Task.mqm(),
    "esa": Task.esa(),
    "pairwise": Task.pairwise(strength=3, both_bad=True),
    "best-worst": Task.best_worst(),
}


# random tasks, as wild as they may be

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
any_line = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=30
).filter(str.strip)
any_name = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,12}", fullmatch=True)


def different(lines, **sizes):
    look = lambda text: " ".join(text.split()).casefold()  # noqa: E731
    return st.lists(lines, unique_by=look, **sizes).filter(_tell_apart)


def _tell_apart(texts):
    try:
        tasks.entries.once(texts, "texts")
    except BadValue:
        return False
    return True


@st.composite
def scales(draw, **common):
    step = draw(st.sampled_from([1, 0.1, 0.25, 0.001, 5, 2.5]))
    low = draw(st.integers(-1_000, 1_000))
    n_steps = draw(st.integers(1, 120))
    high = low + round(step * n_steps, 3)
    at = draw(st.lists(st.integers(0, n_steps), unique=True, max_size=4))
    labels = {low + round(step * each, 3): draw(any_line) for each in at}
    return Scale(draw(any_name), low, high, step=step, labels=labels, **common)


@st.composite
def spans(draw, **common):
    categories = draw(different(any_line, min_size=1, max_size=4))
    names = draw(different(any_line, min_size=1, max_size=3))
    weight = st.integers(0, 50) | st.sampled_from([0.1, 2.5])
    return Spans(
        draw(any_name),
        categories,
        severities={name: draw(weight) for name in names},
        weights=draw(st.dictionaries(st.sampled_from(categories), st.dictionaries(st.sampled_from(names), weight))),
        sides=draw(st.sampled_from([("output",), ("source",), ("output", "source")])),
        whole=draw(st.booleans()),
        **common,
    )  # fmt: skip


@st.composite
def questions(draw, n_outputs):
    common = {"text": draw(any_text), "help": draw(any_text), "required": draw(st.booleans())}
    flag = draw(st.booleans())
    options = draw(different(any_line, min_size=2, max_size=5))
    kinds = [
        scales(**common),
        spans(**common),
        st.builds(Labels, any_name, st.just(options), several=st.just(flag), **_just(common)),
        st.builds(Text, any_name, lines=st.integers(1, 40), longest=st.integers(1, 100_000), **_just(common)),
        st.builds(Correction, any_name, **_just(common)),
    ]  # fmt: skip
    if n_outputs == 2:
        kinds.append(
            st.builds(Preference, any_name, strength=st.integers(1, 5), tie=st.just(flag), both_bad=st.booleans(), **_just(common))
        )  # fmt: skip
    if n_outputs >= 2:
        kinds.append(st.builds(Ranking, any_name, ties=st.just(flag), **_just(common)))
    if n_outputs >= 3:
        kinds.append(st.builds(BestWorst, any_name, **_just(common)))
    return draw(st.one_of(kinds))


def _just(common):
    return {key: st.just(value) for key, value in common.items()}


@st.composite
def random_tasks(draw):
    n_outputs = draw(st.integers(1, 5))
    asked = st.lists(
        questions(n_outputs), min_size=1, max_size=3, unique_by=lambda each: each.name.casefold()
    )
    examples = st.builds(
        Example, st.lists(any_text, min_size=1, max_size=3), any_text, any_text, any_text
    )
    return Task(
        draw(any_name),
        draw(asked),
        title=draw(st.just("") | any_line),
        instructions=draw(any_text),
        outputs=n_outputs,
        reference=draw(st.booleans()),
        diff=draw(st.booleans()),
        format=draw(st.sampled_from(["plain", "markdown", "code"])),
        direction=draw(st.sampled_from(["auto", "ltr", "rtl"])),
        examples=draw(st.lists(examples, max_size=2)),
        skip_reasons=draw(different(any_line, max_size=3)),
        comments=draw(st.booleans()),
    )


@st.composite
def answered(draw):
    """Return a question, what an item shows, and an answer that should be right."""
    n_outputs = draw(st.integers(2, 5))
    question = draw(questions(n_outputs))
    letters = LETTERS[:n_outputs] if question.comparative else "A"
    texts = {letter: draw(any_text) for letter in letters}
    source = draw(any_text)
    return question, texts, source, draw(answers(question, texts, source))


def answers(question, texts, source):  # noqa: C901 - a case for each kind of question
    letters = st.permutations(list(texts))
    match question:
        case Scale(low=low, step=step, n_values=n_values):
            return st.integers(0, n_values - 1).map(lambda at: low + at * step)
        case Preference(neither=neither, strength=most):
            chosen = st.fixed_dictionaries(
                {"choice": st.sampled_from(list(texts)), "strength": st.integers(1, most)}
            )
            others = [st.just({"choice": each}) for each in neither]
            return st.one_of(chosen, *others)
        case Ranking():
            return letters.map(lambda order: {each: at for at, each in enumerate(order, 1)})
        case BestWorst():
            return letters.map(lambda order: {"best": order[0], "worst": order[-1]})
        case Labels(options=options, several=several):
            option = st.sampled_from(options)
            return st.lists(option, max_size=2 * len(options)) if several else option
        case Spans():
            return st.lists(marks(question, texts, source), max_size=6)
        case Text(longest=longest):
            return any_line.map(lambda text: text[:longest] if text[:longest].strip() else "x")
        case Correction():
            return any_text


@st.composite
def marks(draw, question, texts, source):
    side = draw(st.sampled_from(question.sides))
    length = len(source if side == "source" else texts["A"])
    mark = {
        "side": side,
        "category": draw(st.sampled_from(question.categories)),
        "severity": draw(st.sampled_from(list(question.severities))),
        "note": draw(any_text),
    }
    start = draw(st.integers(0, length - 1)) if length else 0
    end = draw(st.integers(start + 1, length)) if length else 0
    return {**mark, "start": start, "end": end, **({} if length else {"whole": True})}


# round trips


@REPEATABLE
@given(random_tasks())
def test_a_task_comes_back_from_json_as_it_was(task):
    there = json.loads(json.dumps(task.to_dict(), sort_keys=True))
    back = Task.from_dict(there)
    assert back == task
    assert back.version == task.version
    # an equal mapping may be in another order, which raters would see
    assert repr(back) == repr(task)
    assert json.dumps(back.shown()) == json.dumps(task.shown())


@REPEATABLE
@given(random_tasks())
def test_a_task_comes_back_from_yaml_as_it_was(task):
    back = Task.from_dict(plain_yaml.parse(task.to_yaml().encode("utf-8")))
    assert back == task
    assert back.to_yaml() == task.to_yaml()


@REPEATABLE
@given(answered())
def test_checking_an_answer_again_changes_nothing(asked):
    question, texts, source, answer = asked
    try:
        kept = question.check(answer, texts=texts, source=source)
    except BadValue as error:
        # only this cannot be foretold: the whole was marked where it may not be
        assert "must mark a part of the text" in str(error)  # noqa: PT017
        return
    there = json.loads(json.dumps(kept, sort_keys=True))
    assert question.check(there, texts=texts, source=source) == kept
    assert json.dumps(question.check(there, texts=texts, source=source)) == json.dumps(kept)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["A", "B", "tie", "output"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["choice", "strength", "A", "B", "best", "worst", "side", "start", "end", "whole"]) | st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@REPEATABLE
@given(questions(2), json_values)
def test_any_json_is_an_answer_or_refused(question, value):
    texts = {"A": "one", "B": "two"} if question.comparative else {"A": "one"}
    try:
        kept = question.check(value, texts=texts, source="three")
    except BadValue as error:
        assert len(str(error)) < 3_000  # noqa: PT017
    else:
        json.dumps(kept, allow_nan=False).encode("utf-8")


def test_a_storable_text_goes_through_every_free_field(storable, tmp_path):
    text = storable[:5_000]
    task = Task(
        "t",
        [Scale("q", 1, 5, text=text, help=text)],
        instructions=text,
        examples=[Example([text], text, text, text)],
        format="markdown",
    )
    task.write(tmp_path / "task.yaml")
    assert Task.read(tmp_path / "task.yaml") == task
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    json.dumps(task.shown())


def test_a_hostile_text_shows_itself_harmlessly_in_repr(hostile):
    line = "".join(mark for mark in hostile if mark.isprintable())[:400].strip() or "x"
    task = Task("t", [Labels("q", [line, "other one"], text=line)], title=line)
    assert not set(repr(task)) & set("\x1b\x9b\r\u202e\u2066")
    html = task._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "<svg" not in html
    html.encode("utf-8")


# presets


@pytest.mark.parametrize("task", PRESETS.values(), ids=PRESETS)
def test_a_preset_is_a_task_like_any_other(task):
    assert Task.from_dict(task.to_dict()) == task
    assert replace(task, title="Mine", comments=False).title == "Mine"


def test_likert_has_a_scale_for_each_criterion():
    task = Task.likert("mine", criteria={"fluency": "Is it fluent?", "truth": "Is it true?"})
    assert [(each.name, each.text) for each in task.questions] == [
        ("fluency", "Is it fluent?"),
        ("truth", "Is it true?"),
    ]
    assert dict(task.questions[0].labels) == {
        1: "very bad", 2: "bad", 3: "fair", 4: "good", 5: "very good",
    }  # fmt: skip
    assert Task.likert(criteria="fluency", high=7).questions == (Scale("fluency", 1, 7),)


def test_mqm_marks_errors_in_both_texts():
    (errors,) = Task.mqm().questions
    assert (errors.sides, errors.whole, len(errors.categories)) == (("output", "source"), True, 24)
    assert dict(errors.severities) == {"neutral": 0, "minor": 1, "major": 5}


def test_esa_asks_for_spans_and_then_for_a_score():
    errors, score = Task.esa().questions
    assert (errors.categories, list(errors.severities)) == (("error",), ["minor", "major"])
    assert (score.low, score.high, list(score.labels)) == (0, 100, [0, 33, 66, 100])


def test_pairwise_and_best_worst_say_how_many_outputs_they_need():
    assert (PRESETS["pairwise"].outputs, PRESETS["best-worst"].outputs) == (2, 4)
    assert PRESETS["pairwise"].questions[0].neither == ("tie", "both bad")
    assert Task.best_worst(outputs=3, reference=True).reference


# what is refused


@pytest.mark.parametrize(
    ("asked", "given", "message"),
    [
        ([], {}, "task 't' must ask something, but no question came; add one."),
        (["q"], {}, "'questions' of task 't' must be questions, but 'q' came; use Scale, Preference, Ranking, BestWorst, Labels, Spans, Text or Correction."),
        ("q", {}, "'questions' of task 't' must be a list, but 'q' came; write a list."),
        ([SCALE, Text("Q")], {}, "the names of 'questions' of task 't' must differ by more than case and spaces, but 'q' and 'Q' came; rename one of them."),
        ([Preference("p")], {}, "question 'p' (preference) needs exactly 2 outputs, but task 't' shows 1; set 'outputs', or ask something else."),
        ([Preference("p")], {"outputs": 3}, "question 'p' (preference) needs exactly 2 outputs, but task 't' shows 3; set 'outputs', or ask something else."),
        ([Ranking("r")], {}, "question 'r' (ranking) needs 2 or more outputs, but task 't' shows 1; set 'outputs', or ask something else."),
        ([BestWorst("b")], {"outputs": 2}, "question 'b' (best-worst) needs 3 or more outputs, but task 't' shows 2; set 'outputs', or ask something else."),
        ([Spans("s", ["a"], sides=["source"])], {"source": False}, "question 's' marks errors in the source, but task 't' does not show it; set 'source' to true, or leave \"source\" out of 'sides'."),
        ([SCALE], {"outputs": 0}, "'outputs' of task 't' must be a whole number from 1 to 26, but 0 came; change it."),
        ([SCALE], {"outputs": 27}, "'outputs' of task 't' must be a whole number from 1 to 26, but 27 came; change it."),
        ([SCALE], {"outputs": True}, "'outputs' of task 't' must be a finite number, but True came; write it in digits."),
        ([SCALE], {"title": "a\nb"}, "'title' of task 't' must be one line without control characters, but '\\n' stands at character 2; remove it."),
        ([SCALE], {"title": None}, "'title' of task 't' must be text, but None came; write text."),
        ([SCALE], {"instructions": "a" * 100_001}, "'instructions' of task 't' must have at most 100,000 characters, but 100,001 came; shorten it."),
        ([SCALE], {"format": "markdwn"}, "'format' of task 't' must be one of 'plain', 'markdown', 'code', but 'markdwn' came; did you mean 'markdown'?"),
        ([SCALE], {"direction": None}, "'direction' of task 't' must be one of 'auto', 'ltr', 'rtl', but 'None' came."),
        ([SCALE], {"diff": "yes"}, "'diff' of task 't' must be true or false, but 'yes' came; write one of them."),
        ([SCALE], {"comments": 1}, "'comments' of task 't' must be true or false, but 1 came; write one of them."),
        ([SCALE], {"skip_reasons": ["a", "A"]}, "'skip_reasons' of task 't' must differ by more than case and spaces, but 'a' and 'A' came; rename one of them."),
        ([SCALE], {"skip_reasons": None}, "'skip_reasons' of task 't' must be a list, but None came; write a list."),
        ([SCALE], {"examples": [{"output": ["a"]}]}, "a key of example 1 must be one of 'outputs', 'source', 'reference', 'explanation', but 'output' came; did you mean 'outputs'?"),
        ([SCALE], {"examples": [{"source": "a"}]}, "example 1 must have 'outputs', but 'source' came; add what is missing."),
        ([SCALE], {"examples": [{"outputs": []}]}, "an example must have an output, but none came; add one."),
        ([SCALE], {"examples": [{"outputs": [1]}]}, "each output of an example must be text, but 1 came; put it in quotes if it is meant as text."),
    ],
)  # fmt: skip
def test_a_task_is_refused_unless_its_parts_fit(asked, given, message):
    with pytest.raises((BadValue, UnknownName)) as caught:
        Task("t", asked, **given)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([1], "a task must be a mapping of keys to values, but [1] came; write one."),
        ({}, "a task must have 'name', 'questions', but nothing came; add what is missing."),
        ({"name": "t", "questions": {"a": 1}}, "the questions of a task must be a list, but {'a': 1} came; write a list."),
        ({"name": "t", "questions": ["q"]}, "question 1 must be a mapping of keys to values, but 'q' came; write one."),
        ({"name": "t", "questions": [{"name": "q"}]}, "question 1 must say its 'kind', one of 'scale', 'preference', 'ranking', 'best-worst', 'labels', 'spans', 'text', 'correction'; add it."),
        ({"name": "t", "questions": [{"kind": "scale", "name": "q", "low": 1}]}, "question 1 (scale) must have 'high', but 'kind', 'name', 'low' came; add what is missing."),
        ({"name": "t", "questions": [{"kind": "text", "name": "q"}, {"kind": "text", "name": "r", "line": 1}]}, "a key of question 2 (text) must be one of 'kind', 'name', 'text', 'required', 'help', 'lines', 'longest', but 'line' came; did you mean 'lines'?"),
        ({"name": "t", "questions": [{"kind": ["x"], "name": "q"}]}, "the kind of question 1 must be one of 'scale', 'preference', 'ranking', 'best-worst', 'labels', 'spans', 'text', 'correction', but \"['x']\" came."),
    ],
)  # fmt: skip
def test_a_record_is_refused_with_the_place_of_what_is_wrong(record, message):
    with pytest.raises((BadValue, UnknownName)) as caught:
        Task.from_dict(record)
    assert str(caught.value) == message


# what others see


def test_the_version_depends_on_the_content_alone():
    task = Task.likert()
    assert task.version == Task.likert().version
    assert task.version != replace(task, title="Other").version
    # what is written out at its default is the same task, and a number is one in either form
    spelt = {**task.to_dict(), "outputs": 1.0, "comments": True}
    assert Task.from_dict(spelt).version == task.version
    assert len(task.version) == 12


def test_the_browser_gets_every_field_as_json():
    task = Task(
        "t",
        [SCALE, Spans("s", ["a"])],
        instructions="**Read**",
        examples=[{"outputs": ["*x*"], "explanation": "`y`"}],
        format="markdown",
    )
    shown = json.loads(json.dumps(task.shown()))
    assert set(shown) == {each.name for each in fields(Task)}
    assert shown["title"] == "t"
    assert shown["instructions"] == [["p", [["strong", ["Read"]]]]]
    assert shown["skip_reasons"] == ["I cannot judge this", "The text is broken"]
    assert shown["questions"][0] == {
        "kind": "scale", "comparative": False, "name": "q", "text": "", "required": True, "help": "",
        "low": 1, "high": 5, "step": 1, "labels": {}, "buttons": True,
    }  # fmt: skip
    assert shown["questions"][1]["severities"] == {"minor": 1, "major": 5}
    assert shown["examples"] == [
        {
            "outputs": ["*x*"], "source": "", "reference": "",
            "explanation": [["p", [["code", ["y"]]]]],
            "source_tree": [], "trees": [[["p", [["em", ["x"]]]]]],
        }
    ]  # fmt: skip


def test_each_kind_is_called_as_the_browser_knows_it():
    assert list(Task.kinds) == [
        "scale", "preference", "ranking", "best-worst", "labels", "spans", "text", "correction",
    ]  # fmt: skip
    assert [kind for kind, question in Task.kinds.items() if question.comparative] == [
        "preference", "ranking", "best-worst",
    ]  # fmt: skip


def test_a_task_shows_itself_in_a_line_per_question():
    task = Task("t", [Text("why", required=False), *Task.pairwise(strength=2).questions], outputs=2)
    assert repr(task) == (
        f"Task 't' (version {task.version}), 2 outputs\n"
        "  why: text of up to 10,000 characters (optional)\n"
        "  better: A / B / tie, 2 degrees"
    )
    assert "<td" in task._repr_html_()


def test_nothing_heavy_is_imported_for_a_task():
    code = (
        "import sys; from workbench.ratings import Task; Task.likert().version\n"
        "heavy = {'yaml', 'markdown_it', 'pandas', 'numpy', 'sqlalchemy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""promptfoo: what it wrote, and its older shapes."""

import json
from pathlib import Path

import pytest

from workbench import exchange
from workbench.errors import BadValue

HOME = Path(__file__).parent / "fixtures" / "promptfoo"
FILE, REPEATS = HOME / "results.json", HOME / "repeats.json"


def told():
    return json.loads(FILE.read_text(encoding="utf-8"))


def written(tmp_path, value):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    return exchange.read(path)


def test_counts_are_those_of_promptfoo():
    stats = told()["results"]["stats"]
    outputs = exchange.read(FILE).outputs
    assert (outputs["pass"] == 1).sum() == stats["successes"]
    assert (outputs["pass"] == 0).sum() == stats["failures"]
    assert outputs["error"].notna().sum() == stats["errors"]


def test_a_failed_assertion_is_no_error_and_an_error_no_score():
    outputs = exchange.read(FILE).outputs.set_index("output_id")
    failed = outputs.loc["echo · polite:0:0"]
    assert (failed["text"], failed["score"]) == ("Please say hello", 0)
    assert failed.isna()["error"]
    away = outputs.loc["shout · plain:2:0"]
    assert away["error"] == "the service is away"
    assert away.isna()[["text", "score", "pass"]].all()


def test_systems_are_providers_with_prompts_and_their_figures_are_kept():
    e = exchange.read(FILE)
    assert sorted(e.outputs["system"].unique()) == [
        "echo · plain", "echo · polite", "shout · plain", "shout · polite",
    ]  # fmt: skip
    output = e.outputs.set_index("output_id").loc["shout · plain:1:0"]
    assert output[["model", "prompt", "text", "loud"]].tolist() == ["shout", "plain", "BYE!", 1.0]
    assert output[["input_tokens", "output_tokens", "cost_usd"]].tolist() == [7, 2, 0.001]
    assert e.rows["references"].tolist() == [["hello"], ["bye", "BYE!"], ["broken"]]
    assert e.rows["kind"].tolist() == ["greeting", "greeting", "trouble"]


def test_one_prompt_needs_no_name(tmp_path):
    value = told()
    results = value["results"]["results"]
    value["results"]["results"] = [each for each in results if each["prompt"]["label"] == "plain"]
    assert sorted(written(tmp_path, value).outputs["system"].unique()) == ["echo", "shout"]


@pytest.mark.parametrize(
    ("name", "systems"),
    [
        ("display", ["echo · plain", "echo · polite", "shout · plain", "shout · polite"]),
        (None, ["echo", "shout"]),
    ],
)
def test_a_rendered_prompt_makes_no_system(tmp_path, name, systems):
    value = told()
    for each in value["results"]["results"]:
        label = each["prompt"].pop("label")
        each["prompt"] |= {name: label} if name else {}
        del each["promptIdx"], each["testIdx"]
    assert sorted(written(tmp_path, value).outputs["system"].unique()) == systems


def test_providers_of_one_name_are_numbered():
    e = exchange.read(REPEATS)
    assert sorted(e.outputs["system"].unique()) == ["echo", "shout #1", "shout #2"]
    assert e.outputs["system"].value_counts().tolist() == [6, 6, 6]
    assert set(e.outputs["model"]) == {"echo", "shout"}
    assert e.notes[0] == (
        "2 columns of promptfoo bear the name 'shout'; they are systems with #1 to #2 behind it, in its "
        "order (a label for each provider tells them apart)."
    )


def test_repeats_are_of_one_row_and_a_test_that_stands_twice_is_two():
    e = exchange.read(REPEATS)
    assert e.rows["row_id"].tolist() == ["0", "1", "4"]
    assert e.rows["input"].tolist() == ["hello", "ciao", "hello"]
    by_row = e.outputs.groupby(["system", "row_id"])["repeat"].agg(list)
    assert by_row.tolist() == [[0, 1]] * 9
    assert e.notes[1] == "9 results are repeats of 3 rows."


def test_without_a_number_of_repeats_tests_of_one_content_are_one_row(tmp_path):
    value = json.loads(REPEATS.read_text(encoding="utf-8"))
    del value["runtimeOptions"]
    e = written(tmp_path, value)
    assert e.outputs.groupby(["system", "row_id"]).size().tolist() == [4, 2] * 3
    assert e.notes[1] == (
        "12 results are repeats of 2 rows, or tests written twice, which the file does not tell apart."
    )
    value["config"]["evaluateOptions"] = {"repeat": 1}
    assert len(written(tmp_path, value).rows) == 6


def test_results_that_share_test_and_column_are_told(tmp_path):
    value = json.loads(REPEATS.read_text(encoding="utf-8"))
    for each in value["results"]["results"]:
        each["promptIdx"] = min(each["promptIdx"], 1)
    e = written(tmp_path, value)
    assert e.outputs["system"].value_counts().to_dict() == {"shout": 12, "echo": 6}
    assert e.notes[1] == (
        "6 results came again with the same test and column, as of providers of one name; nothing tells "
        "them apart, so they are read as repeats."
    )


def test_repeats_are_numbered_as_they_began_whatever_came_while_they_ran(tmp_path):
    value = json.loads(REPEATS.read_text(encoding="utf-8"))
    value["results"]["results"].reverse()
    for at, each in enumerate(value["results"]["results"]):
        each["vars"]["sessionId"] = str(at)
        each["response"]["output"] = str(each["testIdx"])
    outputs = written(tmp_path, value).outputs
    assert outputs.groupby(["row_id", "repeat"])["text"].agg(set).tolist() == [
        {"0"}, {"2"}, {"1"}, {"3"}, {"4"}, {"5"},
    ]  # fmt: skip


def test_tests_that_differ_in_what_they_assert_are_rows_apart(tmp_path):
    value = json.loads(REPEATS.read_text(encoding="utf-8"))
    for each in value["results"]["results"]:
        each["testCase"]["description"] = str(each["testIdx"])
    assert len(written(tmp_path, value).rows) == 6


def test_lines_are_read_like_the_whole_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in told()["results"]["results"]))
    lines, whole = exchange.read(path), exchange.read(FILE)
    assert lines.outputs.equals(whole.outputs)
    assert lines.scores.equals(whole.scores)


def test_repeats_are_numbered_and_version_2_knows_rows_by_their_variables(tmp_path):
    value = told()
    for each in value["results"]["results"]:
        del each["testIdx"], each["failureReason"]
    value["results"]["results"] *= 2
    e = written(tmp_path, value)
    assert len(e.outputs) == 24
    assert e.outputs["repeat"].tolist() == [0] * 12 + [1] * 12
    assert e.rows["row_id"][0] == '{"word": "hello", "kind": "greeting"}'
    assert e.outputs["error"].notna().sum() == 4


def test_a_result_without_variables_is_refused(tmp_path):
    value = told()
    value["results"]["results"][2]["vars"] = None
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    with pytest.raises(BadValue) as caught:
        exchange.read(path)
    assert str(caught.value) == (
        f"{path} must be as its tool writes it, but result 3 has no vars; write it again with the tool."
    )

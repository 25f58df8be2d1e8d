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
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    assert sorted(exchange.read(path).outputs["system"].unique()) == ["echo", "shout"]


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
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    assert sorted(exchange.read(path).outputs["system"].unique()) == systems


def test_providers_of_one_name_are_numbered():
    e = exchange.read(REPEATS)
    assert sorted(e.outputs["system"].unique()) == ["echo", "shout #1", "shout #2"]
    assert e.outputs["system"].value_counts().tolist() == [6, 6, 6]
    assert set(e.outputs["model"]) == {"echo", "shout"}
    assert e.notes[0] == (
        "2 columns of promptfoo bear the name 'shout'; they are systems with #1 to #2 behind it, in its "
        "order (a label for each provider tells them apart)."
    )


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
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    e = exchange.read(path)
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

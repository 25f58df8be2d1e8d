"""Evaluations of other tools: found by content, read into our tables, with the right counts."""

import gzip
import json
import shutil
import unicodedata
from pathlib import Path

import pytest

import workbench as wb
from workbench import exchange
from workbench.errors import BadValue, Unreadable
from workbench.exchange import write

FIXTURES = Path(__file__).parent / "fixtures"

# rows, outputs, systems, scores, ratings
COUNTS = {
    "lm_eval": ("lm-eval", 9, 9, 1, 18, 0),
    "promptfoo/results.json": ("promptfoo", 3, 12, 4, 24, 0),
    "llm_comparator/comparison.json": ("llm-comparator", 3, 6, 2, 0, 9),
    "helm": ("helm", 3, 6, 1, 10, 0),
}


@pytest.mark.parametrize("name", COUNTS)
def test_each_tool_is_known_by_content_and_comes_in_whole(name):
    e = exchange.read(FIXTURES / name)
    n_ratings = 0 if e.ratings is None else len(e.ratings)
    assert (
        e.format, len(e.rows), len(e.outputs), e.outputs["system"].nunique(), len(e.scores), n_ratings,
    ) == COUNTS[name]  # fmt: skip
    assert set(e.outputs["row_id"]) <= set(e.rows["row_id"])
    assert set(e.scores["output_id"]) <= set(e.outputs["output_id"])
    for row in e.scores.to_dict("records"):
        cell = e.outputs.set_index("output_id").loc[row["output_id"], row["metric"]]
        assert cell == row["value"]
    assert repr(e).splitlines()[0].startswith(f"{e.format}: {len(e.rows)} rows, ")


@pytest.mark.parametrize("name", COUNTS)
def test_the_usual_functions_read_the_same(name):
    path = FIXTURES / name
    e = exchange.read(path)
    rows = wb.read(path)
    assert rows.equals(e.rows)
    assert rows.attrs["source"] == str(path)
    assert wb.outputs(rows, path).equals(e.outputs)


@pytest.mark.parametrize("name", ["lm_eval", "promptfoo/results.json", "helm"])
def test_figures_of_a_tool_can_be_compared_here(name):
    e = exchange.read(FIXTURES / name)
    scores = wb.score(e.outputs, e.rows, e.metrics)
    merged = scores.frame.merge(e.scores, on=["output_id", "metric"], suffixes=("", "_there"))
    assert len(merged) == len(e.scores)
    assert (merged["value"] == merged["value_there"]).all()


def test_the_name_of_a_file_does_not_matter(tmp_path):
    for at, (name, (tool, *_)) in enumerate(COUNTS.items()):
        path = FIXTURES / name
        if path.is_file():
            odd = tmp_path / f"{at}.json.gz"
            odd.write_bytes(gzip.compress(path.read_bytes()))
            assert exchange.read(odd).format == tool
    line = next((FIXTURES / "lm_eval").glob("samples_wb_sums*"))
    shutil.copy(line, tmp_path / "x.jsonl")
    assert exchange.read(tmp_path / "x.jsonl").format == "lm-eval"


def test_a_system_can_be_given_another_name():
    e = exchange.read(FIXTURES / "helm", system="mine")
    assert set(e.outputs["system"]) == {"mine"}
    assert e.outputs["output_id"].str.startswith("mine:").all()
    with pytest.raises(BadValue, match="holds several; leave system= out"):
        exchange.read(FIXTURES / "promptfoo" / "results.json", system="mine")


def test_runs_of_two_models_in_one_folder_stand_side_by_side(tmp_path):
    for name in ("one", "two"):
        shutil.copytree(FIXTURES / "helm", tmp_path / name)
        state = json.loads((tmp_path / name / "scenario_state.json").read_text())
        state["adapter_spec"]["model"] = name
        (tmp_path / name / "scenario_state.json").write_text(json.dumps(state))
    e = exchange.read(tmp_path)
    assert (len(e.rows), len(e.outputs)) == (3, 12)
    assert sorted(e.outputs["system"].unique()) == ["one", "two"]
    rows = wb.read(tmp_path)
    scores = wb.score(wb.outputs(rows, tmp_path), rows, [wb.Column("exact_match")])
    c = wb.compare(scores, samples=50, most_failed=0.2)
    assert c.frame["verdict"].tolist() == ["identical"]


def test_two_runs_of_one_model_in_a_folder_are_refused_and_can_be_read_apart(tmp_path):
    for name in ("one", "two"):
        shutil.copytree(FIXTURES / "helm", tmp_path / name)
    with pytest.raises(BadValue) as caught:
        exchange.read(tmp_path)
    assert str(caught.value) == (
        f"the files of {tmp_path} must hold outputs of their own, but one and two both hold repeat 0 of "
        "row 'id1' by 'simple/model1'; read each by itself, with system= for its name, and join the "
        "tables."
    )
    apart = [exchange.read(tmp_path / name, system=name).outputs for name in ("one", "two")]
    assert [set(each["system"]) for each in apart] == [{"one"}, {"two"}]


def test_a_prompt_that_differs_between_files_is_told(tmp_path):
    source = next((FIXTURES / "lm_eval").glob("samples_wb_sums*"))
    for model in ("one", "two"):
        (tmp_path / model).mkdir()
        text = source.read_text().replace('"arg_0": "', f'"arg_0": "{model}: ')
        (tmp_path / model / source.name).write_text(text)
    e = exchange.read(tmp_path)
    assert (len(e.rows), len(e.outputs)) == (4, 8)
    assert e.rows["input"].str.startswith("one: ").all()
    assert (
        "4 rows came again with another input or references (as other prompts make them); the first "
        "is kept."
    ) in e.notes


def test_common_files_are_read_as_before(tmp_path):
    for name, content in {
        "a.jsonl": '{"input": "x"}\n',
        "b.json": '[{"input": "x"}]',
    }.items():
        (tmp_path / name).write_text(content)
        assert len(wb.read(tmp_path / name)) == 1
        with pytest.raises(BadValue) as caught:
            exchange.read(tmp_path / name)
        assert str(caught.value) == (
            f"{tmp_path / name} must be of one known tool (inspect, lm-eval, promptfoo, "
            "llm-comparator, helm), but it is not; name one of its files."
        )
    shutil.copy(FIXTURES / "promptfoo" / "results.json", tmp_path / "other.json")
    (tmp_path / "rows.jsonl").write_text('{"input": "x"}\n')
    assert wb.read(tmp_path)["input"].tolist() == ["x"]


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("a.json", '{"version": 2,\n "eval": {"task": 1', "line 2 is not (Expecting ',' delimiter"),
        ("a.jsonl", '\n{"doc_id": 0, "doc', "line 2 is not (Unterminated string"),
    ],
)  # fmt: skip
def test_a_file_that_is_cut_off_says_where(tmp_path, name, content, where):
    (tmp_path / name).write_text(content)
    for read in (exchange.read, wb.read):
        with pytest.raises(BadValue) as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name} must be JSON, but {where}")


def test_hostile_texts_come_in_whole_and_are_shown_and_not_obeyed(tmp_path, storable):
    result = {
        "vars": {"ask": storable, storable: storable}, "testIdx": 0, "promptIdx": 0, "success": True,
        "provider": {"id": storable, "label": storable}, "prompt": {"raw": storable, "label": storable},
        "response": {"output": storable}, "score": 1, "namedScores": {storable: 1},
        "testCase": {"assert": [{"type": "equals", "value": storable}]},
    }  # fmt: skip
    value = {"results": {"results": [result], "stats": {}}}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    e = exchange.read(path)
    output = e.outputs.iloc[0]
    assert (output["text"], output["system"], e.rows["references"][0]) == (
        storable,
        storable,
        [storable],
    )
    shown = repr(e)
    assert not {c for c in shown if c != "\n" and unicodedata.category(c) in {"Cc", "Cs"}}
    c = wb.compare(wb.score(e.outputs, e.rows, e.metrics), samples=10)
    for kind in ("tex", "xlsx", "csv", "parquet", "jsonl"):
        write(c, tmp_path / f"c.{kind}")
    for kind in ("parquet", "jsonl"):
        write(e.rows, tmp_path / f"rows.{kind}")
        assert wb.read(tmp_path / f"rows.{kind}")[storable].tolist() == [storable]


def test_what_is_not_there_or_of_two_tools_is_refused(tmp_path):
    with pytest.raises(Unreadable) as caught:
        exchange.read(tmp_path / "none.json")
    assert str(caught.value) == (
        f"an evaluation must be a file or a folder, but there is no {tmp_path / 'none.json'}; check "
        "the path."
    )
    shutil.copy(FIXTURES / "promptfoo" / "results.json", tmp_path / "a.json")
    shutil.copy(FIXTURES / "llm_comparator" / "comparison.json", tmp_path / "b.json")
    with pytest.raises(BadValue, match=r"but llm-comparator and promptfoo came; name one of its"):
        exchange.read(tmp_path)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'reed'"):
        exchange.reed  # noqa: B018
    assert set(exchange.__all__) <= set(dir(exchange))

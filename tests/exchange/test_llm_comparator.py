"""LLM Comparator: what it wrote itself, and what we write for it and read again."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench import exchange
from workbench.errors import BadValue, UnknownName
from workbench.exchange import write

FILE = Path(__file__).parent / "fixtures" / "llm_comparator" / "comparison.json"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def test_its_own_file_gives_outputs_and_ratings():
    e = exchange.read(FILE)
    assert e.outputs["text"].tolist()[:2] == ["Hello!", "Hello, dear friend!"]
    ratings = e.ratings
    assert ratings["value"].tolist() == ["a"] * 3 + ["b"] * 3 + ["tie"] * 3
    assert ratings["side"].tolist() == ["short", "short", "long"] * 3
    assert ratings["strength"].tolist() == [1.0, 1.0, 0.5, 0.5, 0.5, 1.0, 0.0, 0.0, 0.0]
    told = json.loads(FILE.read_text())["examples"]
    for example, (_, part) in zip(told, ratings.groupby("item_id"), strict=True):
        signs = part["value"].map({"a": 1, "b": -1, "tie": 0})
        assert (signs * part["strength"]).mean() == pytest.approx(example["score"])


def test_its_ratings_can_be_ranked():
    standings = wb.ratings.rank(exchange.read(FILE).ratings)
    assert standings.frame.set_index("system")["wins"].to_dict() == {"short": 3, "long": 3}


@pytest.mark.parametrize("without", ["individual_rater_scores", None])
def test_a_score_alone_is_one_rating_of_an_unknown_side(tmp_path, without):
    value = json.loads(FILE.read_text())
    for example, score in zip(value["examples"], (0.5, -1, 0), strict=True):
        example |= {"score": score, "individual_rater_scores": []}
        example.pop(without, None)
    path = tmp_path / "c.json"
    path.write_text(json.dumps(value))
    ratings = exchange.read(path).ratings
    assert ratings[["item_id", "rater", "value", "side", "strength"]].values.tolist() == [
        ["1", "average", "a", "unknown", 0.5],
        ["2", "average", "b", "unknown", 1.0],
        ["3", "average", "tie", "unknown", 0.0],
    ]
    assert wb.ratings.rank(ratings).frame["wins"].tolist() == [1, 1]


def test_an_example_without_a_score_has_no_rating(tmp_path):
    value = json.loads(FILE.read_text())
    for example in value["examples"]:
        example |= {"score": None, "individual_rater_scores": []}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(value))
    assert exchange.read(path).ratings is None


def scored(texts, references, topics):
    rows = wb.read(
        [
            {"input": f"q{at}", "references": each, "topic": topic}
            for at, (each, topic) in enumerate(zip(references, topics, strict=True))
        ]
    )
    a, b = zip(*texts, strict=True)
    return wb.score(
        wb.outputs(rows, {"a": list(a), "b": list(b)}), rows, [wb.ChrF(), wb.LengthRatio()]
    )


PAIRS = st.lists(
    st.tuples(
        st.one_of(st.none(), TEXT), st.one_of(st.none(), TEXT), st.lists(TEXT, min_size=1, max_size=2)
    ),
    min_size=2, max_size=5,
).filter(lambda each: any(a is not None for a, _, _ in each) and any(b for _, b, _ in each))  # fmt: skip


def test_what_is_written_comes_back_as_it_was(tmp_path):
    @settings(
        deadline=None, derandomize=True, max_examples=25, suppress_health_check=list(HealthCheck)
    )
    @given(PAIRS)
    def holds(pairs):
        topics = ["x", "y"] + ["x"] * (len(pairs) - 2)
        scores = scored([p[:2] for p in pairs], [p[2] for p in pairs], topics)
        write(scores, tmp_path / "c.json")
        e = exchange.read(tmp_path / "c.json")
        assert e.rows[["row_id", "input", "references", "topic"]].to_dict("records") == (
            scores.outputs.drop_duplicates("row_id")[["row_id", "input", "references", "topic"]]
        ).to_dict("records")
        keys = ["output_id", "row_id", "system"]
        assert e.outputs[keys].equals(scores.outputs[keys])
        for there, here in zip(e.outputs["text"], scores.outputs["text"], strict=True):
            assert there == here or (there != there and here != here)
        known = scores.frame.dropna(subset="value").set_index(["output_id", "metric"])["value"]
        assert e.scores.set_index(["output_id", "metric"])["value"].to_dict() == known.to_dict()

    holds()


def test_clusters_and_conversations_come_back(tmp_path):
    asked = [{"role": "user", "content": "“Hi”"}]
    rows = wb.read(
        [
            {
                "row_id": f"r{at}", "input": asked if at else "Hi", "references": ["x"],
                "cluster": f"c{at % 2}",
            }
            for at in range(4)
        ]
    )  # fmt: skip
    outputs = wb.outputs(rows, {"a": ["x"] * 4, "b": ["y y"] * 4})
    write(wb.score(outputs, rows, [wb.LengthRatio()]), tmp_path / "c.json")
    back = exchange.read(tmp_path / "c.json").rows
    assert back["input"].tolist() == ["Hi", asked, asked, asked]
    assert back["cluster"].tolist() == ["c0", "c1"] * 2


@pytest.mark.parametrize(
    ("metric", "column", "twice"),
    [("row_id", "topic", "row_id"), ("m", "m", "m"), ("m", "failed", "failed")],
)
def test_a_name_that_stands_for_two_fields_is_refused(tmp_path, metric, column, twice):
    rows = wb.read([{"input": "x", column: topic} for topic in "abab"])
    outputs = wb.outputs(rows, {"a": ["x"] * 4, "b": ["y"] * 4}).assign(mark=1.0)
    scores = wb.score(outputs, rows, [wb.Column("mark", name=metric)])
    with pytest.raises(
        BadValue, match=f"has one field for a name, .* its own: '{twice}'; rename it"
    ):
        write(scores, tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()


def test_a_preference_follows_the_first_metric_and_its_direction(tmp_path):
    rows = wb.read([{"input": "x", "references": ["a b c"]}] * 4)
    outputs = wb.outputs(
        rows, {"a": ["a b c", "a b", "a b", None], "b": ["a b", "a b c", "a b", "a"]}
    )
    for metric, expected in ((wb.ChrF(), [1, -1, 0, None]), (wb.TER(), [1, -1, 0, None]),
                             (wb.LengthRatio(), [None] * 4)):  # fmt: skip
        write(wb.score(outputs, rows, [metric]), tmp_path / "c.json")
        told = json.loads((tmp_path / "c.json").read_text())
        assert [each["score"] for each in told["examples"]] == expected
        assert [each["name"] for each in told["models"]] == ["a", "b"]
        assert exchange.read(tmp_path / "c.json").ratings is None


def test_it_holds_what_the_application_asks_for(tmp_path):
    scores = scored([("a", "b"), ("c", None)], [["a"], ["b"]], ["x", "y"])
    write(scores, tmp_path / "c.json")
    told, its = (json.loads(path.read_text()) for path in (tmp_path / "c.json", FILE))
    assert told.keys() >= its.keys() - {"rationale_clusters"}
    needed = its["examples"][0].keys() - {"rationale_list"}
    assert all(example.keys() >= needed for example in told["examples"])
    schema = {each["name"]: each["type"] for each in told["metadata"]["custom_fields_schema"]}
    assert schema == {
        "row_id": "string", "references": "text", "failed": "per_model_boolean",
        "chrf": "per_model_number", "length_ratio": "per_model_number", "topic": "category",
    }  # fmt: skip
    assert all(example["custom_fields"].keys() == schema.keys() for example in told["examples"])


def test_systems_are_chosen_and_a_comparison_puts_its_baseline_second(tmp_path):
    rows = wb.read([{"input": "x", "references": ["a"]}] * 3)
    outputs = wb.outputs(rows, {name: ["a", "b", "a"] for name in "abc"})
    c = wb.compare(wb.score(outputs, rows, [wb.ExactMatch()]), baseline="b", samples=50)
    for thing, options, expected in (
        (c, {}, ["a", "b"]), (c, {"systems": ["c", "a"]}, ["c", "a"]),
        (c.scores, {"systems": ("b", "c")}, ["b", "c"]),
    ):  # fmt: skip
        write(thing, tmp_path / "c.json", **options)
        assert exchange.read(tmp_path / "c.json").outputs["system"].unique().tolist() == expected
    with pytest.raises(BadValue) as caught:
        write(c.scores, tmp_path / "c.json")
    assert str(caught.value) == (
        "LLM Comparator shows two systems side by side, but 3 came (['a', 'b', 'c']); name them, such "
        "as systems=('a', 'b')."
    )
    with pytest.raises(UnknownName, match="system must be one of 'a', 'b', 'c', but 'd' came"):
        write(c, tmp_path / "c.json", systems=["a", "d"])
    with pytest.raises(BadValue, match="systems= is for LLM Comparator"):
        write(c, tmp_path / "c.csv", systems=["a", "b"])
    twice = wb.outputs(rows, {"a": [["a", "b"]] * 3, "b": ["a"] * 3})
    with pytest.raises(BadValue, match="some rows have repeats; keep one of them"):
        write(wb.score(twice, rows, [wb.ExactMatch()]), tmp_path / "c.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": [{"name": "a"}]}, "models must hold two names that differ"),
        ({"models": [{"name": "a"}, {"name": "a"}]}, "models must hold two names that differ"),
        ({"examples": {}}, "examples is no list"),
        ({"examples": [{"input_text": "x"}]}, "example 1 has no output_text_a"),
    ],
)
def test_broken_files_are_refused(tmp_path, change, message):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(json.loads(FILE.read_text()) | change))
    with pytest.raises(BadValue) as caught:
        exchange.read(path)
    assert str(caught.value) == (
        f"{path} must be as its tool writes it, but {message}; write it again with the tool."
    )


def test_chunks_tags_and_labels_of_others_are_read(tmp_path):
    value = json.loads(FILE.read_text())
    value["metadata"]["custom_fields_schema"] = [{"name": "tone", "type": "per_model_category"}]
    first = value["examples"][0]
    first |= {"output_text_a": [{"type": "text", "data": "Hel"}, {"type": "text", "data": "lo"}]}
    first |= {"tags": ["x", "y"], "custom_fields": {"tone": ["mild", "warm"], "level": 3}}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(value))
    e = exchange.read(path)
    assert e.outputs["text"][0] == "Hello"
    assert e.outputs["tone"].tolist()[:2] == ["mild", "warm"]
    assert (e.rows["tags"][0], e.rows["level"][0]) == ("x, y", 3)

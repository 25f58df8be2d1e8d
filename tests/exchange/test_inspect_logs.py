"""Inspect's real logs, and what their own heads say of them."""

import json
import zipfile

import pytest

import workbench as wb
from workbench import exchange
from workbench.errors import BadValue

pytestmark = pytest.mark.shared

# rows, outputs, scores: as the logs themselves say
COUNTS = {
    "2025-05-12T20-27-36-04-00_browser.json": (1, 1, 1),
    "2025-05-12T20-28-13-04-00_popularity.json": (3, 3, 3),
    "log_formats.eval": (1, 1, 1),
    "log_formats.json": (1, 1, 1),
    "log_images.json": (1, 1, 1),
    "log_message_deduplication.eval": (1, 1, 1),
    "log_read_sample.eval": (1, 1, 1),
    "log_read_sample.json": (1, 1, 1),
    "log_tool_call_error.json": (1, 1, 0),
}


@pytest.fixture
def home(shared):
    return shared / "trajectories" / "inspect"


def samples(path):
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))["samples"]
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("samples/")]
        return [json.loads(archive.read(name)) for name in names]


@pytest.mark.parametrize("name", COUNTS)
def test_every_real_log_comes_in_with_its_samples(home, name):
    e = exchange.read(home / name)
    assert e.format == "inspect"
    assert (len(e.rows), len(e.outputs), len(e.scores)) == COUNTS[name]
    assert wb.outputs(wb.read(home / name), home / name).equals(e.outputs)


@pytest.mark.parametrize(
    "name",
    ["2025-05-12T20-28-13-04-00_popularity.json", "log_formats.json", "log_read_sample.json"],
)
def test_texts_targets_and_scores_are_those_of_the_file(home, name):
    e = exchange.read(home / name)
    for sample, row, output in zip(
        samples(home / name), e.rows.to_dict("records"), e.outputs.to_dict("records"), strict=True
    ):
        assert row["input"] == sample["input"]
        assert row["references"] == [sample["target"]]
        assert output["text"] == sample["output"]["choices"][0]["message"]["content"]
        (name, score), *_ = sample["scores"].items()
        assert output[name] == {"C": 1.0, "I": 0.0}[score["value"]]


def test_the_mean_is_the_accuracy_that_inspect_reports(home):
    path = home / "2025-05-12T20-28-13-04-00_popularity.json"
    told = json.loads(path.read_text(encoding="utf-8"))["results"]["scores"][0]
    e = exchange.read(path)
    assert e.scores["value"].mean() == pytest.approx(told["metrics"]["accuracy"]["value"])
    scores = wb.score(e.outputs, e.rows, e.metrics)
    assert scores.frame["value"].tolist() == e.scores["value"].tolist()


def test_both_forms_of_a_log_are_the_same_evaluation(home):
    zipped, plain = (exchange.read(home / f"log_formats.{kind}") for kind in ("eval", "json"))
    assert zipped.rows.equals(plain.rows)
    assert zipped.scores.equals(plain.scores)


def test_a_log_without_samples_is_refused(home):
    path = home / "2025-05-12T20-28-13-04-00_no-samples.json"
    with pytest.raises(BadValue) as caught:
        exchange.read(path)
    assert str(caught.value) == (
        f"an evaluation must hold an output or more, but {path} (inspect) holds none; it may be a run "
        "that did not end."
    )

"""Some steps of a run of a large file, read where they stand, beside the run read in full."""

import gzip
import json
import runpy
from itertools import islice
from pathlib import Path

import pytest

from workbench import trajectories
from workbench.widgets.inspector.pages import step_row

ROOT = Path(__file__).resolve().parents[3]
OTLP = runpy.run_path(str(ROOT / "tests" / "bench" / "otlp_files.py"))


def rows(steps):
    return [[*step_row(step), step.source] for step in steps]


def some_claims(folder):
    path = folder / "claims.jsonl"
    with gzip.open(ROOT / "datasets" / "claims-agent" / "runs.jsonl.gz", "rb") as stream:
        path.write_bytes(b"".join(islice(stream, 20)))
    return path


@pytest.mark.parametrize("written", [some_claims, lambda _: OTLP["otlp_file"](3, n_spans=50)])
def test_some_steps_are_listed_as_in_the_whole_run(written, tmp_path):
    runs = trajectories.read(written(tmp_path))
    for run_id in runs.ids:
        steps = runs[run_id].steps
        for start, stop in ((0, 7), (5, 6), (0, len(steps)), (len(steps), len(steps) + 3)):
            found = runs.glance(run_id, start, stop)
            assert rows(found) == rows(steps[start:stop])


def test_some_steps_of_a_chosen_run_are_those_of_that_run(tmp_path):
    runs = trajectories.read(some_claims(tmp_path))
    chosen = runs.only(runs.ids[3:1:-1])
    for run_id in chosen.ids:
        assert rows(chosen.glance(run_id, 1, 4)) == rows(runs[run_id].steps[1:4])


def test_a_run_that_tells_a_span_twice_must_be_read_in_full(tmp_path):
    path = some_claims(tmp_path)
    line = json.loads(path.read_bytes().splitlines()[0])
    spans = line["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans.append(spans[0])
    path.write_text(json.dumps(line) + "\n")
    runs = trajectories.read(path)
    assert len(runs[0].steps) == len(spans) - 1
    assert runs.glance(runs.ids[0], 0, 5) is None


def test_a_run_in_memory_must_be_taken_whole():
    runs = trajectories.Runs.of([trajectories.Run("mine", name="a")])
    assert runs.glance("a", 0, 5) is None


def test_steps_are_hidden_from_who_is_blind(tmp_path):
    runs = trajectories.read(some_claims(tmp_path))
    first = runs.ids[0]
    assert rows(runs.noting({}).glance(first, 0, 3)) == rows(runs[first].steps[:3])
    assert runs.noting({}, hide_sources=True).glance(first, 0, 3) is None
    assert runs.noting({}, hide_verdicts=True).glance(first, 0, 3) is None

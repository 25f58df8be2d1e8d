"""Inspect's logs made here: what values of scores count, and what is broken or missing."""

import json

import pytest

from workbench import exchange


def sample(at, *values, epoch=1):
    return {
        "id": at, "epoch": epoch, "input": f"question {at}", "target": "a",
        "output": {"choices": [{"message": {"role": "assistant", "content": f"answer {at}"}}]},
        "scores": {f"s{at}": {"value": value} for at, value in enumerate(values)},
    }  # fmt: skip


HEAD = {"version": 2, "status": "success", "eval": {"task": "t", "model": "openai/m"}}


def logged(tmp_path, samples):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(HEAD | {"samples": samples}))
    return exchange.read(path)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("C", 1.0), ("P", 0.5), ("I", 0.0), ("N", 0.0), ("0.5", 0.5), ("1.0", 1.0), ("-3", -3.0),
        ("yes", 1.0), ("No", 0.0), ("TRUE", 1.0), ("False", 0.0), (True, 1.0), (7, 7.0),
    ],
)  # fmt: skip
def test_a_value_counts_as_inspect_counts_it(tmp_path, value, number):
    e = logged(tmp_path, [sample(1, value)])
    assert e.scores["value"].tolist() == [number]
    assert e.notes == ()


def test_values_that_are_no_numbers_are_told(tmp_path):
    values = [("X", [1, 2], "C"), ("c", [3], float("nan")), ("inf", 1, None)]
    e = logged(tmp_path, [sample(at, *each) for at, each in enumerate(values)])
    assert e.scores[["metric", "value"]].values.tolist() == [["s2", 1.0], ["s1", 1.0]]
    assert e.notes == (
        "3 values of the scorer 's0' are no numbers, such as 'X', and are left out.",
        "2 values of the scorer 's1' are no numbers, such as [1, 2], and are left out.",
    )

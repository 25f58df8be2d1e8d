"""Inspect's logs made here: what values of scores count, and what is broken or missing."""

import gzip
import json
import zipfile

import pytest

from workbench import exchange
from workbench.errors import BadValue


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


ENTRIES = {
    f"samples/{at}_epoch_{epoch}.json": json.dumps(sample(at, "C", epoch=epoch))
    for at in (1, 2)
    for epoch in (1, 2)
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.eval"


def pack(path, entries, named=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(HEAD))
        archive.writestr("summaries.json", json.dumps(named))
        for name, content in entries.items():
            archive.writestr(name, content)


def cells(e):
    return e.outputs[["row_id", "repeat", "text"]].values.tolist()


ANSWERS = [["t:1", 0, "answer 1"], ["t:1", 1, "answer 1"], ["t:2", 0, "answer 2"], ["t:2", 1, "answer 2"]]  # fmt: skip


def test_samples_that_are_named_and_missing_are_told(path):
    pack(path, ENTRIES, [{"id": at, "epoch": 1} for at in (1, 2, 3, 4)])
    e = exchange.read(path)
    assert cells(e) == ANSWERS
    assert e.notes == (
        "2 findings 'missing' in the log, the first at log.eval#summaries.json!: the log does not hold "
        "sample 3 of epoch 1.",
    )


@pytest.mark.parametrize("n_kept", [2, 8, 45])
def test_a_broken_sample_is_no_output(path, n_kept):
    name = "samples/1_epoch_2.json"
    pack(path, ENTRIES | {name: ENTRIES[name][:n_kept]})
    e = exchange.read(path)
    assert cells(e) == [ANSWERS[0], *ANSWERS[2:]]
    assert len(e.rows) == 2
    assert e.notes[0].startswith(
        f"1 findings 'unreadable' in the log, the first at log.eval#{name}!: "
    )
    assert e.notes[1:] == ("1 samples that cannot be read whole are left out.",)


def test_a_log_that_is_cut_off_gives_its_whole_samples_and_says_so(path):
    pack(path, ENTRIES)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"PK\x03\x04") + 100])
    e = exchange.read(path)
    assert cells(e) == ANSWERS[:3]
    assert e.notes[0].endswith(
        "at log.eval#: its list of entries is broken; 6 were found by their headers."
    )
    assert e.notes[1] == "1 samples that cannot be read whole are left out."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "as its tool writes it, but it is empty; write it again with the tool."),
        (b"PK\x03\x04", "as its tool writes it, but no sample can be read (its list of entries is "
         "broken; 0 were found by their headers); write it again with the tool."),
        (gzip.compress(b"PK\x03\x04"),
         "a log as Inspect writes it, but it is packed by gzip too; unpack it."),
    ],
)  # fmt: skip
def test_an_eval_that_is_none_says_what_it_is(path, content, message):
    path.write_bytes(content)
    with pytest.raises(BadValue) as caught:
        exchange.read(path)
    assert str(caught.value) == f"{path} must be {message}"


def test_two_logs_of_one_task_and_model_are_refused_with_what_to_do(tmp_path):
    for name in ("a", "b"):
        pack(tmp_path / f"{name}.eval", ENTRIES)
    with pytest.raises(BadValue) as caught:
        exchange.read(tmp_path)
    assert str(caught.value) == (
        f"the files of {tmp_path} must hold outputs of their own, but a.eval and b.eval both hold repeat "
        "0 of row 't:1' by 'openai/m'; read each by itself, with system= for its name, and join the "
        "tables."
    )

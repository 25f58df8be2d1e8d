"""What the detail pane gets from Python: the source of a step as it stands in its file, and its links."""

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.trajectories import Run, Step, read
from workbench.widgets.inspector import inspect
from workbench.widgets.inspector.links import links_of
from workbench.widgets.inspector.raw import Sources, _span

LOG = """[
 {"task_id": 1, "reward": 1.0, "trial": 0, "info": {}, "traj": [
  {"role": "user",  "content": "H\u00e9llo \\u00e9"},
  {"content": "Hi!", "role": "assistant", "odd": 1.50, "odd": [1e5, {}]}
 ]}
]
"""
ANSWER = '{"content": "Hi!", "role": "assistant", "odd": 1.50, "odd": [1e5, {}]}'


def piece(runs, step, start=0, run=0):
    return Sources(runs).piece(runs[run], step, start)


def written(path, data):
    path.write_bytes(data)
    return read(path)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_source_is_the_exact_piece_and_says_which_bytes_it_is(tmp_path, mark):
    data = mark + LOG.encode()
    found = piece(written(tmp_path / "log.json", data), 1)
    start = data.index(ANSWER.encode())
    assert found == {
        "text": ANSWER,
        "n_chars": len(ANSWER),
        "reason": f"log.json, bytes {start} to {start + len(ANSWER)}: /0/traj/1",
    }


def test_a_packed_file_and_a_value_in_memory_have_sources_too(tmp_path):
    packed = written(tmp_path / "log.json.gz", gzip.compress(LOG.encode()))
    assert piece(packed, 1)["text"] == ANSWER
    assert "once unpacked" in piece(packed, 1)["reason"]
    assert (
        piece(read(json.loads(LOG)), 0)["text"]
        == r'{"role": "user", "content": "H\u00e9llo \u00e9"}'
    )


def test_a_line_of_json_lines_is_found_by_its_number(tmp_path):
    lines = [json.dumps({"role": "user", "content": f"number {at} é"}) for at in range(3)]
    bundle = [json.dumps({"messages": [json.loads(line)]}) for line in lines]
    runs = written(tmp_path / "chat.jsonl", ("\n\n" + "\n".join(bundle) + "\n").encode())
    for run in range(len(runs)):
        found = piece(runs, 0, run=run)
        assert json.loads(found["text"]) == json.loads(lines[run])
        assert f"L{run + 3}" in found["reason"]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["inspect", "swe-agent", "openinference", "tau2-voice", "who_and_when"])  # fmt: skip
def test_every_step_of_the_real_logs_has_its_source(shared, name):
    runs = read(shared / "trajectories" / name)
    sources, n = Sources(runs), 0
    for run in runs:
        for step in range(0, len(run.steps), max(1, len(run.steps) // 5)):
            found = sources.piece(run, step, 0)
            assert "text" in found, (run.run_id, run.steps[step].source, found)
            if found["n_chars"] == len(found["text"]):
                json.loads(found["text"], strict=False)
            n += 1
    assert n > 10


@pytest.mark.shared
def test_an_entry_of_an_archive_is_named(shared):
    runs = read(shared / "trajectories" / "inspect" / "log_formats.eval")
    source = runs[0].steps[0].source
    entry, _, pointer = source.partition("!")
    value = json.loads(
        zipfile.ZipFile(shared / "trajectories/inspect/log_formats.eval").read(entry)
    )
    for token in pointer.split("/")[1:]:
        value = value[int(token) if isinstance(value, list) else token]
    assert json.loads(piece(runs, 0)["text"]) == value
    assert piece(runs, 0)["reason"].startswith(f"log_formats.eval, {entry}, bytes ")


def test_a_file_that_changed_or_is_gone_is_said(tmp_path):
    path = tmp_path / "log.json"
    runs = written(path, LOG.encode())
    sources, run = Sources(runs), runs[0]
    assert "text" in sources.piece(run, 0, 0)
    before = path.stat()
    path.write_bytes(LOG.replace("Hi!", "Ho!").encode())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    # as large and as old as before, and another
    assert sources.piece(run, 1, 0) == {
        "reason": "log.json has changed since it was read; read it again."
    }
    os.utime(path)
    assert "has changed" in sources.piece(run, 1, 0)["reason"]
    path.unlink()
    assert "log.json" in sources.piece(run, 1, 0)["reason"]
    lost = Sources(inspect(Run("mine", name="a", steps=[Step("chat", "/0")])).runs)
    assert lost.piece(lost._runs[0], 0, 0) == {
        "reason": "This run is in memory: it was not read from a file."
    }


def test_a_long_source_comes_piece_by_piece(tmp_path):
    long = LOG.replace("Hi!", "é\U0001f600" * 50_000)
    widget = inspect(written(tmp_path / "log.json", long.encode()))
    got = ""
    while True:
        reply = widget.answer({"type": "source", "run": 0, "step": 1, "from": len(got)})
        assert len(json.dumps(reply, ensure_ascii=False).encode()) <= 64_000
        got += reply["text"]
        if len(got) == reply["n_chars"]:
            break
    assert got == ANSWER.replace("Hi!", "é\U0001f600" * 50_000)
    assert widget.answer({"type": "source", "run": 0, "step": 9}) == {}


def test_a_broken_file_gives_what_stands_before_the_break(tmp_path):
    cut = LOG[: LOG.index('"odd": [')]
    runs = written(tmp_path / "log.json", cut.encode())
    assert piece(runs, 0)["text"].startswith('{"role": "user"')
    if len(runs[0].steps) > 1:
        assert "could not be found" in piece(runs, 1)["reason"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def places(value, pointer=""):
    yield pointer, value
    if isinstance(value, (list, dict)):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}")


@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_every_pointer_leads_to_its_value(value, indent, ascii):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    data = text.encode("utf-8", "surrogatepass")
    for pointer, wanted in places(value):
        start, end = _span(data.decode("latin-1"), pointer)
        assert json.loads(data[start:end].decode("utf-8", "surrogatepass")) == wanted
    assert _span(text, "/no/where") is None


def test_a_hundred_thousand_levels_are_a_piece_too():
    deep = "[" * 100_000 + "]" * 100_000
    text = '{"deep": ' + deep + ', "b": 1}'
    start, end = _span(text, "/deep")
    assert text[start:end] == deep
    assert _span(text, "/b") == (len(text) - 2, len(text) - 1)
    assert _span('{"deep": ' + "[" * 100_000, "/deep") is None


def test_links_lead_into_an_agent_and_out_of_it():
    steps = [
        Step("chat", "", agent="boss"),
        Step("invoke_agent", "", agent="clerk"),
        Step("chat", "", agent="clerk", parent=1),
        Step("execute_tool", "", tool="find", parent=1),
        Step("chat", "", agent="clerk", parent=1),
        Step("chat", "", agent="boss"),
    ]
    others = [links_of(steps, at).get("links", {}).get("others") for at in range(6)]
    assert others == [
        [[1, "then clerk"]],
        [[2, "first step inside"], [4, "last step inside"], [0, "after boss"], [5, "then boss"]],
        None,
        None,
        [[5, "then boss"]],
        [[4, "after clerk"]],
    ]
    assert links_of(steps, 3) == {"links": {"caller": "clerk"}}
    assert links_of([Step("chat", "", parent=7)], 0) == {}


def test_a_log_of_this_repository_has_sources():
    runs = read("claims-agent")
    found = piece(runs, 0)
    assert json.loads(found["text"])["spanId"]
    assert Path(runs[0].source).name in found["reason"]

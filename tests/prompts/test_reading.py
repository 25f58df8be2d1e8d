"""Prompts from files, folders, shipped sets and strings."""

from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import BadKind, BadValue, InputError, UnknownName, Unreadable
from workbench.prompts import Prompt

read = wb.prompts.read


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("set").mkdir()
    for name, text in (
        ("b.md", "B {{ a }}"),
        ("a.md", "A {{ a }}"),
        ("README.md", "No."),
        ("c.txt", "C"),
    ):
        Path("set", name).write_text(text)
    Path("set", "d.prompty").write_text("---\nname: d\n---\nuser:\nD")
    return tmp_path


def names(where):
    return [each.name for each in read(where)]


def test_every_source_of_prompts(place):
    prompt = Prompt.of("P", name="p")
    assert names("set") == names(Path("set")) == ["a", "b", "d"]
    assert names("set/c.txt") == ["c"]
    assert read("set/a.md")[0].source == "set/a.md"
    assert names("Hi {{ a }}") == [f"prompt {read('Hi {{ a }}')[0].digest[:7]}"]
    assert names("---\nname: q\n---\nHi") == ["q"] == names("---\r\nname: q\r\n---\r\nHi")
    assert names({"x": "X", "y": "Y {{ a }}"}) == ["x", "y"]
    assert names(prompt) == ["p"]
    assert names([prompt, "set", Path("set/c.txt"), {"x": "X"}]) == ["p", "a", "b", "d", "c", "x"]


def test_prompts_of_a_shipped_set():
    assert names("news-summaries") == ["concise", "focused", "plain"]
    rows = wb.read("news-summaries").to_dict("records")
    for prompt in read("news-summaries"):
        assert {"temperature", "max_tokens"} == prompt.parameters.keys()
        for row in rows:
            *_, last = prompt.render(row)
            assert last["content"].endswith(row["input"])
    concise, focused, plain = read("news-summaries")
    assert plain.render(rows[0])[0]["content"].startswith("Summarise the article below.\n\n")
    assert "in one sentence of at most 25 words." in concise.render(rows[0])[1]["content"]
    told = focused.render({**rows[0], "focus": "people", "words": 30})[1]["content"]
    assert "at most 30 words. Focus on what it says about people. Lead with the figures." in told


def test_a_file_may_have_a_byte_order_mark_and_any_line_ends(place):
    Path("x.md").write_bytes(b"\xef\xbb\xbf---\r\nname: x\r\n---\r\nHi\r\n{{ a }}\r\n")
    assert read("x.md")[0].digest == Prompt.of("Hi\n{{ a }}").digest


REFUSED = {
    "no path": (
        lambda: read("set/z.md"), Unreadable,
        "a prompt must be a file, a folder, the name of a shipped set or a template with `{{ … }}`, but "
        "'set/z.md' is none of these; check the path.",
    ),
    "no name": (
        lambda: read("nws-summaries"), UnknownName,
        "the name of a shipped dataset must be one of 'claims-agent', 'news-summaries', "
        "'phrasebook-en-es', but 'nws-summaries' came; did you mean 'news-summaries'?",
    ),
    "a set without prompts": (
        lambda: read("claims-agent"), BadValue,
        "a folder of prompts must hold files that end in .md or .prompty, but 'claims-agent' has none; "
        "add one.",
    ),
    "an empty folder": (
        lambda: [Path("no").mkdir(), read("no")], BadValue,
        "a folder of prompts must hold files that end in .md or .prompty, but 'no' has none; add one.",
    ),
    "nothing": (
        lambda: read([]), BadValue,
        "there must be at least one prompt, but none came; add one.",
    ),
    "one name twice": (
        lambda: read(["set/a.md", Prompt.of("x", name="a")]), BadValue,
        "prompts must have different names, but 'a' comes from the prompt 'set/a.md' and from the prompt "
        "'a'; change the name of one.",
    ),
    "a number": (
        lambda: read(5), BadKind,
        "prompts must be a file, a folder, the name of a shipped set, a template or a list of these, but a "
        "int came; turn it into one of these.",
    ),
    "bytes": (
        lambda: read(b"x"), BadKind,
        "prompts must be a file, a folder, the name of a shipped set, a template or a list of these, but a "
        "bytes came; turn it into one of these.",
    ),
    "no UTF-8": (
        lambda: [Path("l.md").write_bytes(b"a\ncaf\xe9"), read("l.md")], BadValue,
        "l.md must be UTF-8 text, but line 2 has the byte 0xe9; save it as UTF-8.",
    ),
    "a large file": (
        lambda: [Path("l.md").write_bytes(b"a" * 1_000_001), read("l.md")], BadValue,
        "a prompt must have at most 1 MB, but l.md has more; shorten it.",
    ),
    "an empty file": (
        lambda: [Path("e.md").write_bytes(b""), read("e.md")], BadValue,
        "a message must have a text, but that of the user at line 1 of the prompt 'e.md' has none; write "
        "one, or remove it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_prompt_is_refused(place, what):
    work, kind, told = REFUSED[what]
    with pytest.raises(kind) as caught:
        work()
    assert str(caught.value) == told


@pytest.mark.parametrize("where", ["", "\x00", "a" * 5_000, "\udcff", "."])
def test_strange_names_are_refused_in_a_sentence(place, where):
    with pytest.raises(InputError):
        read(where)

"""Tasks in YAML: what people write, and what is meant to do harm."""

import pytest

from workbench.errors import BadValue, InputError, Unreadable
from workbench.ratings.tasks import Task

SMALL = """\
# A comment.
name: summaries
title: Zusammenfassungen – 要約
questions:
- kind: scale
  name: fluency
  low: 1
  high: 5
  labels: {1: bad, 5: good}
- {kind: text, name: why, required: false}
"""


def refused(tmp_path, content):
    path = tmp_path / "task.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(InputError) as caught:
        Task.read(path)
    return str(caught.value)


def test_a_file_as_a_person_writes_it(tmp_path):
    path = tmp_path / "task.yaml"
    for content in (SMALL, "\ufeff" + SMALL, SMALL.replace("\n", "\r\n")):
        path.write_bytes(content.encode("utf-8"))
        task = Task.read(path)
        assert task.title == "Zusammenfassungen – 要約"
        assert task.questions[0].labels == {1: "bad", 5: "good"}
        assert not task.questions[1].required


def test_a_file_as_it_is_written(tmp_path):
    task = Task.likert(
        title="要約", instructions="# Read\n\nThen *rate*.\n", labels={1: "bad", 5: "good"}
    )
    task.write(tmp_path / "new" / "task.yaml")
    assert (tmp_path / "new" / "task.yaml").read_text("utf-8") == (
        "name: likert\n"
        "questions:\n"
        "- kind: scale\n"
        "  name: quality\n"
        "  low: 1\n"
        "  high: 5\n"
        "  labels:\n"
        "    1: bad\n"
        "    5: good\n"
        "title: 要約\n"
        "instructions: |\n"
        "  # Read\n"
        "\n"
        "  Then *rate*.\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the text must hold a task, but it is empty; write one."),
        ("# nothing\n", "the text must hold a task, but it is empty; write one."),
        ("- a", "a task must be a mapping of keys to values, but ['a'] came; write one."),
        ("hello", "a task must be a mapping of keys to values, but 'hello' came; write one."),
        ("name: a\nname: b", "each key must stand once in a mapping, but 'name' comes again in line 2; remove one of them."),
        (SMALL + "  low: 3\n", "the text must be YAML, but in line 11 expected <block end>, but found '<block mapping start>'; mend it there."),
        ("name: a\nquestions:\n- {low: 1, low: 2}", "each key must stand once in a mapping, but 'low' comes again in line 3; remove one of them."),
        ("1: a\n1.0: b", "each key must stand once in a mapping, but '1.0' comes again in line 2; remove one of them."),
        ("? [a]\n: b", "a key must be a word or a number, but a collection stands in line 1; mend it."),
        ("name: a: b", "the text must be YAML, but in line 1 mapping values are not allowed here; mend it there."),
        ('name: "a\n', "the text must be YAML, but in line 2 found unexpected end of stream; mend it there."),
        ("name:\n\t- a", "the text must be YAML, but in line 2 found character '\\t' that cannot start any token; mend it there."),
        ("name: a\n---\nname: b", "the text must be YAML, but in line 2 but found another document; mend it there."),
        ("name: a\n\nb: \x00", "the text must be YAML, but in line 3 the character U+0000 must be escaped; mend it there."),
        ("a: &x [1]\nb: *x", "the text must write everything out, but an alias ('*') repeats what stands in line 1; copy it instead."),
        ("a: *x", "the text must be YAML, but in line 1 found undefined alias 'x'; mend it there."),
        ("&a [*a]", "the text must write everything out, but an alias ('*') repeats what stands in line 1; copy it instead."),
        ("a: 2024-01-01", "a value must be text, a number, true, false or null, but one of the kind 'timestamp' stands in line 1; put it in quotes."),
        ("<<: {a: 1}", "a value must be text, a number, true, false or null, but one of the kind 'merge' stands in line 1; put it in quotes."),
        ("a: !!python/name:os.system x", "a value must be text, a number, true, false or null, but one of the kind 'python/name:os.system' stands in line 1; put it in quotes."),
        ("a: !!python/object/apply:os.system [ls]", "a collection must be a mapping or a list, but one of the kind 'python/object/apply:os.system' stands in line 1; write it plainly."),
        ("a: !!binary YQ==", "a value must be text, a number, true, false or null, but one of the kind 'binary' stands in line 1; put it in quotes."),
        ("a: !!set {a}", "a collection must be a mapping or a list, but one of the kind 'set' stands in line 1; write it plainly."),
        ("a: !!int one", "a value must be of the kind it names, but 'one' is no 'int' in line 1; remove the tag."),
        ("a: !!bool maybe", "a value must be of the kind it names, but 'maybe' is no 'bool' in line 1; remove the tag."),
        (b"name: x\ntitle: \xe9", "the text must be UTF-8, but byte 0xe9 stands in line 2; save the file as UTF-8."),
        (SMALL.encode("utf-16"), "the text must be UTF-8, but byte 0xff stands in line 1; save the file as UTF-8."),
        (SMALL.replace("title", "titel"), "a key of a task must be one of 'name', 'questions', 'title', 'instructions', 'outputs', 'source', 'reference', 'diff', 'format', 'direction', 'examples', 'skip_reasons' …, but 'titel' came; did you mean 'title'?"),
        (SMALL.replace("low: 1", "low: .nan"), "'low' of question 'fluency' must be a finite number, but nan came; write it in digits."),
        (SMALL.replace("1: bad", "1: no"), "label 1 of question 'fluency' must be text, but False came; put it in quotes if it is meant as text."),
        (SMALL.replace("1: bad, 5: good", "true: good"), "each key of 'labels' of question 'fluency' must be a finite number, but True came; write it in digits."),
        (SMALL.replace("kind: scale", "kind: scal"), "the kind of question 1 must be one of 'scale', 'preference', 'ranking', 'best-worst', 'labels', 'spans', 'text', 'correction', but 'scal' came; did you mean 'scale'?"),
    ],
)  # fmt: skip
def test_what_is_no_task_is_refused_with_its_place(tmp_path, content, message):
    assert refused(tmp_path, content) == f"in task.yaml, {message}"


def test_a_bomb_of_aliases_does_not_go_off(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 30)]
    message = refused(tmp_path, "\n".join(lines))
    assert message.startswith(
        "in task.yaml, the text must write everything out, but an alias ('*') repeats what stands"
    )


@pytest.mark.parametrize("content", ["[" * 600, "{a: " * 600, "- " * 600, "? " * 600])
def test_a_depth_beyond_all_reading_is_refused(tmp_path, content):
    assert refused(tmp_path, content) == (
        "in task.yaml, the text must be nested as a task is, but it goes hundreds of levels deep; "
        "mend it."
    )


@pytest.mark.parametrize("digits", ["9" * 5_000, "1" + ":1" * 2_500, "0x" + "f" * 5_000])
def test_a_number_of_thousands_of_digits_is_refused_unread(tmp_path, digits):
    assert refused(tmp_path, f"name: a\noutputs: {digits}") == (
        f"in task.yaml, a number must have at most 100 digits, but one of {len(digits):,} stands in "
        "line 2; shorten it."
    )


def test_a_file_of_more_than_a_megabyte_is_refused_unread(tmp_path):
    assert refused(tmp_path, b"\xff" * 1_000_001) == (
        "in task.yaml, the text must have at most 1 MB, but it has more; shorten it."
    )
    assert refused(tmp_path, "#" * 1_000_000) == (
        "in task.yaml, the text must hold a task, but it is empty; write one."
    )


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    missing = str(tmp_path / "no.yaml")
    for path, reason in [
        (missing, "No such file or directory"),
        (str(tmp_path), "Is a directory"),
        ("a\0b", "embedded null byte"),
    ]:
        with pytest.raises(Unreadable) as caught:
            Task.read(path)
        assert str(caught.value) == (
            f"a task file must be readable, but {path!r} is not ({reason}); check the path."
        )


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    place = str(tmp_path / "file" / "task.yaml")
    with pytest.raises(Unreadable) as caught:
        Task.likert().write(place)
    assert str(caught.value) == (
        f"a task must be written to a file that can be written, but {place!r} cannot (File "
        "exists); choose another."
    )


def test_the_kind_of_error_stays(tmp_path):
    path = tmp_path / "task.yaml"
    path.write_text("name: 1st\nquestions: []\n")
    with pytest.raises(BadValue):
        Task.read(path)

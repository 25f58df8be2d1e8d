"""A journal's events as a file: the whole chain, its head at the end, and a journal again."""

import pytest

from workbench.errors import BadValue
from workbench.ratings.events import GENESIS, Draft, chained
from workbench.ratings.exchange import from_file, read_chain, restore, write, write_chain
from workbench.ratings.journal import Journal


def chain(n):
    events, previous = [], GENESIS
    for seq in range(1, n + 1):
        draft = Draft(f"op{seq}", "note", {"text": f"ä {seq}"}, at="2026-01-01T00:00:00.000Z")
        events.append(chained(draft, seq, previous))
        previous = events[-1].hash
    return events


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_chain_comes_back_equal(tmp_path, n):
    events = chain(n)
    write_chain(events, tmp_path / "a.jsonl", store_id="s1")
    assert read_chain(tmp_path / "a.jsonl") == (events, "s1")


def test_a_broken_chain_is_not_written(tmp_path):
    with pytest.raises(BadValue) as caught:
        write_chain(chain(3)[1:], tmp_path / "a.jsonl")
    assert str(caught.value) == (
        "the journal must be an unbroken chain of events, but event 1 is not in order (event 1 is "
        "missing; 2 follows); fetch it again from where it was made."
    )
    assert not (tmp_path / "a.jsonl").exists()


def test_every_changed_byte_is_found(tmp_path):
    path = tmp_path / "a.jsonl"
    write_chain(chain(3), path)
    whole = path.read_bytes()
    end = whole.rindex(b'"store_id"')
    for at in range(end):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            found = read_chain(path)
        except BadValue:
            continue
        # the name of a key of the last line, or the format's, is no part of the chain
        assert found.events == chain(3)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_file_without_its_end_is_refused(tmp_path, kept):
    path = tmp_path / "a.jsonl"
    write_chain(chain(3), path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:kept]))
    with pytest.raises(BadValue) as caught:
        read_chain(path)
    assert str(caught.value) == (
        f"{path} must end with the head of its chain, but none stands after event {kept}; events "
        "are missing at its end: fetch it again."
    )


def test_events_taken_from_the_end_are_found_by_the_head(tmp_path):
    path = tmp_path / "a.jsonl"
    write_chain(chain(3), path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[3]]))
    with pytest.raises(BadValue) as caught:
        read_chain(path)
    assert str(caught.value) == (
        f"{path} must end with the head of its chain, but another stands after event 2; events are "
        "missing at its end: fetch it again."
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "{path} must hold one event per line, but line 1 is a list; fetch it again from "
         "where it was made."),
        ("{", "{path} must hold one event per line, but line 1 holds none (Expecting property name "
         "enclosed in double quotes); fetch it again from where it was made."),
        ('{"op_id": "a"}', "{path} must hold one event per line, but in line 1 'kind' is wrong; "
         "fetch it again from where it was made."),
    ],
)  # fmt: skip
def test_a_line_that_is_no_event_is_refused(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(BadValue) as caught:
        read_chain(path)
    assert str(caught.value) == message.format(path=path)


def test_a_journal_restored_from_its_file_has_the_same_head(tmp_path):
    with Journal.open(tmp_path / "one.sqlite") as journal:
        journal.append([Draft(f"op{n}", "note", {"text": "x"}) for n in range(4)])
        head = journal.head()
        write(journal, tmp_path / "events.jsonl", format="events")
    with restore(tmp_path / "events.jsonl", tmp_path / "two.sqlite") as again:
        assert again.head() == head
        assert again.verify() == []
        with pytest.raises(BadValue) as caught:
            restore(tmp_path / "events.jsonl", tmp_path / "two.sqlite")
    assert str(caught.value) == (
        f"a journal must be restored where there is none, but {tmp_path}/two.sqlite has events; "
        "restore it elsewhere, and merge the two."
    )


def test_events_are_no_ratings(tmp_path):
    write_chain(chain(2), tmp_path / "a.jsonl")
    with pytest.raises(BadValue):
        from_file(tmp_path / "a.jsonl")

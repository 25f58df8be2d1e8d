"""The journal keeps what it acknowledges, once, whoever else writes and whatever fails."""

import os
import resource
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as hooks

from workbench.errors import BadValue, InputError
from workbench.ratings.events import GENESIS, Broken, Draft, chained
from workbench.ratings.journal import Head, Journal, Origin, Receipt, StoreError
from workbench.ratings.journal.verifying import verify

AT = "2026-01-01T00:00:00.000Z"


def notes(*names, **more):
    return [Draft(name, "note", {"text": name}, **more) for name in names]


def op_ids(journal):
    return [event.op_id for event in journal.events()]


def failure(kind, call, *arguments, **named):
    with pytest.raises(kind) as caught:
        call(*arguments, **named)
    return str(caught.value)


def sql(place, *statements):
    connection = sqlite3.connect(place, isolation_level=None)
    try:
        return [connection.execute(statement).fetchall() for statement in statements][-1]
    finally:
        connection.close()


# --- what is kept ---------------------------------------------------------------------------


def test_what_is_appended_is_there_in_its_order(any_journal):
    assert any_journal.append(notes("a", "b")) == [Receipt("a", 1, True), Receipt("b", 2, True)]
    assert any_journal.append(notes("c")) == [Receipt("c", 3, True)]
    assert op_ids(any_journal) == ["a", "b", "c"]
    assert [event.seq for event in any_journal.events()] == [1, 2, 3]
    assert any_journal.head() == Head(3, any_journal.events()[-1].hash)
    assert any_journal.verify(head=any_journal.head()) == []


def test_a_new_journal_is_empty_and_whole(any_journal):
    assert any_journal.events() == []
    assert any_journal.head() == Head(0, GENESIS)
    assert any_journal.verify(head=any_journal.head()) == []
    assert any_journal.append([]) == []


def test_an_event_is_what_the_chain_says(any_journal):
    draft = Draft("a", "answer", {"value": [1, "é"]}, "ann", "i1", "s1", AT)
    any_journal.append([draft])
    assert any_journal.events() == [chained(draft, 1, GENESIS)]


def test_the_store_says_when_unless_the_draft_does(any_journal):
    any_journal.append([*notes("a", at=AT), *notes("b")])
    given, set_by_store = (event.at for event in any_journal.events())
    assert given == AT
    assert len(set_by_store) == len(AT)
    assert set_by_store.endswith("Z")


def test_events_are_picked_by_place_kind_and_rater(any_journal):
    any_journal.append(
        [
            Draft("a", "answer", rater="ann"), Draft("b", "answer", rater="bob"),
            Draft("c", "skip", rater="ann"), Draft("d", "note"),
        ]
    )  # fmt: skip
    picked = [
        {}, {"after": 2}, {"after": 9}, {"kinds": ["answer", "note"]}, {"rater": "ann"},
        {"rater": ""}, {"after": 1, "kinds": {"answer", "skip"}, "rater": "ann"},
    ]  # fmt: skip
    assert ["".join(event.op_id for event in any_journal.events(**each)) for each in picked] == [
        "abcd", "cd", "", "abd", "ac", "d", "c",
    ]  # fmt: skip


def test_hostile_texts_come_back_as_they_were(any_journal, hostiles):
    drafts = [
        Draft(f"op {name}", "comment", {"text": text, text: 1}, rater="" if "\0" in text else text)
        for name, text in hostiles.items()
    ]
    any_journal.append(drafts)
    assert [(event.body, event.rater) for event in any_journal.events()] == [
        (draft.body, draft.rater) for draft in drafts
    ]
    assert any_journal.verify() == []


def test_a_body_is_hashed_as_it_is_read_back(any_journal):
    any_journal.append([Draft("a", "note", {10: "x", 9: ("y", 1e22, -0.0)})])
    assert any_journal.events()[0].body == {"10": "x", "9": ["y", 1e22, -0.0]}
    assert any_journal.verify() == []


def test_a_journal_is_as_it_was_when_it_is_opened_again(any_place):
    with Journal.open(any_place) as first:
        first.append(notes("a"))
    with Journal.open(any_place, create=False) as second:
        assert second.store_id == first.store_id
        second.append(notes("b"))
        assert op_ids(second) == ["a", "b"]
        assert second.verify() == []


def test_two_that_are_open_see_each_other(any_place):
    with Journal.open(any_place) as one, Journal.open(any_place) as other:
        one.append(notes("a"))
        assert other.append(notes("b", "a")) == [Receipt("b", 2, True), Receipt("a", 1, False)]
        one.append(notes("c"))
        assert op_ids(one) == op_ids(other) == ["a", "b", "c"]


def test_a_second_way_to_a_file_leaves_the_locks_of_the_first(place):
    # https://www.sqlite.org/howtocorrupt.html, section 2.2
    with Journal.open(place) as journal:
        journal.append(notes("a"))
        Journal.open(place).close()
        script = "import sys, workbench.ratings.journal as j; j.Journal.open(sys.argv[1]).close()"
        subprocess.run([sys.executable, "-c", script, place], check=True)
        # had it thought itself the last, it would have taken the log with it
        assert Path(f"{place}-wal").stat().st_size > 0
        journal.append(notes("b"))
    with Journal.open(place) as journal:
        assert op_ids(journal) == ["a", "b"]


def test_to_import_the_journal_imports_no_database():
    script = "import sys, workbench.ratings.journal; print('sqlalchemy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_file_is_synchronised_strict_and_written_ahead(place):
    with Journal.open(place) as journal, journal._transaction() as connection:
        asked = ("journal_mode", "synchronous")
        assert [connection.exec_driver_sql(f"PRAGMA {a}").scalar() for a in asked] == ["wal", 2]
        tables = connection.exec_driver_sql("PRAGMA table_list").mappings()
        assert {t["name"]: t["strict"] for t in tables if "sqlite" not in t["name"]} == {
            "events": 1, "meta": 1,
        }  # fmt: skip
    # its log is folded in when it is closed
    assert [each.name for each in Path(place).parent.iterdir()] == ["ratings.db"]


@pytest.mark.parametrize("name", ["a b", "50 %", "what?", "#1", "mode=ro&x", "é", "file:x"])
def test_a_file_may_bear_any_name(tmp_path, name):
    with Journal.open(tmp_path / "new" / name) as journal:
        journal.append(notes("a"))
        assert journal.verify() == []
    assert [each.name for each in (tmp_path / "new").iterdir()] == [name]


def test_a_url_of_sqlite_names_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Journal.open("sqlite:///ratings.db") as journal:
        assert journal.place == str(tmp_path / "ratings.db")
    with Journal.open(f"sqlite:///{tmp_path}/ratings.db", create=False) as again:
        assert again.store_id == journal.store_id


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.data())
def test_batches_repeats_and_reopening_make_the_same_chain(data):
    names = [f"op{n}" for n in range(data.draw(st.integers(1, 12)))]
    drafts = {name: Draft(name, "note", {"text": name * 3}, at=AT) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        with Journal.open(f"{folder}/one.db") as one:
            for draft in drafts.values():
                one.append([draft])
            expected = one.events()
        done = 0
        while done < len(names):
            upto = data.draw(st.integers(done + 1, len(names)))
            again = data.draw(st.lists(st.sampled_from(names[:upto]), max_size=3))
            with Journal.open(f"{folder}/two.db") as two:
                batch = [*names[done:upto], *again]
                receipts = two.append([drafts[name] for name in batch])
            assert [r.new for r in receipts] == [True] * (upto - done) + [False] * len(again)
            assert [r.seq for r in receipts] == [names.index(name) + 1 for name in batch]
            done = upto
        with Journal.open(f"{folder}/two.db") as two:
            assert two.events() == expected


# --- once -----------------------------------------------------------------------------------


def test_the_same_act_is_stored_once(any_journal):
    any_journal.append(notes("a", "b"))
    assert any_journal.append(notes("b", "c", "c")) == [
        Receipt("b", 2, False), Receipt("c", 3, True), Receipt("c", 3, False),
    ]  # fmt: skip
    assert op_ids(any_journal) == ["a", "b", "c"]


def test_the_first_content_of_an_act_stays(any_journal):
    any_journal.append([Draft("a", "answer", {"value": 1}, "ann")])
    any_journal.append([Draft("a", "answer", {"value": 2}, "ann")])
    assert [event.body for event in any_journal.events()] == [{"value": 1}]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize(
    ("kind", "rater", "came"),
    [("skip", "ann", "'skip' of 'ann'"), ("answer", "bob", "'answer' of 'bob'")],
)
def test_an_op_id_belongs_to_one_act_of_one_rater(any_journal, kind, rater, came, batch):
    first, other = Draft("a", "answer", rater="ann"), Draft("a", kind, rater=rater)
    if not batch:
        any_journal.append([first])
    drafts = [first, *notes("b"), other]
    assert failure(BadValue, any_journal.append, drafts) == (
        f"an op_id must name one act, but 'a' came as {came} and is event 1, 'answer' of 'ann'; "
        "give each act its own."
    )
    assert op_ids(any_journal) == ([] if batch else ["a"])


def test_threads_with_the_same_acts_store_each_once(any_journal):
    drafts = notes(*(f"op{n}" for n in range(40)))
    begin, receipts, wrong = threading.Barrier(8), [], []

    def send():
        try:
            begin.wait()
            receipts.extend(receipt for draft in drafts for receipt in any_journal.append([draft]))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(op_ids(any_journal)) == sorted(draft.op_id for draft in drafts)
    assert len(receipts) == 320
    assert sum(receipt.new for receipt in receipts) == 40
    stored = {event.op_id: event.seq for event in any_journal.events()}
    assert all(stored[receipt.op_id] == receipt.seq for receipt in receipts)
    assert any_journal.verify() == []


WRITER = """
import sys
from workbench.ratings.events import Draft
from workbench.ratings.journal import Journal
place, name = sys.argv[1:]
sys.stdin.readline()
with Journal.open(place, busy_s=60) as journal:
    for n in range(100):
        journal.append([Draft(f"{name}-{n}", "note"), Draft(f"shared-{n}", "note")])
"""


def test_processes_that_write_at_once_lose_and_repeat_nothing(any_place):
    # the first of them makes the journal
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, any_place, str(n)], stdin=subprocess.PIPE)
        for n in range(4)
    ]
    for writer in writers:
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait(120) for writer in writers] == [0] * 4
    expected = [f"{who}-{n}" for who in [*range(4), "shared"] for n in range(100)]
    with Journal.open(any_place, create=False) as journal:
        assert sorted(op_ids(journal)) == sorted(expected)
        assert journal.verify() == []


KILLER = """
import os, random, signal, sys
from workbench.ratings.events import Draft
from workbench.ratings.journal import Journal
place, rounds = sys.argv[1], int(sys.argv[2])
random = random.Random(0)

def write_until_killed(turn, out):
    with Journal.open(place) as journal:
        for n in range(1_000_000):
            names = [f"{turn}-{n}-{k}" for k in range(1 + n % 3)]
            journal.append([Draft(name, "note", {"text": name * 40}) for name in names])
            os.write(out, "".join(f"{name}\\n" for name in names).encode())

acknowledged = set()
for turn in range(rounds):
    into, out = os.pipe()
    writer = os.fork()
    if not writer:
        write_until_killed(turn, out)
    os.close(out)
    with os.fdopen(into) as lines:
        for _ in range(random.randrange(1, 20)):
            acknowledged.add(lines.readline().strip())
        for _ in range(random.randrange(100_000)):
            pass
        os.kill(writer, signal.SIGKILL)
        acknowledged |= set(lines.read().split())
    os.waitpid(writer, 0)
    with Journal.open(place) as journal:
        stored = [event.op_id for event in journal.events()]
        assert len(stored) == len(set(stored))
        assert acknowledged <= set(stored), acknowledged - set(stored)
        assert journal.verify() == []
print(len(acknowledged))
"""


def test_what_a_killed_process_was_acknowledged_is_there(any_place):
    command = [sys.executable, "-c", KILLER, any_place, "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= 20


# --- a transaction of one's own -------------------------------------------------------------


def test_a_writer_sees_what_it_adds_and_no_one_writes_between(any_place):
    with Journal.open(any_place) as one, Journal.open(any_place, busy_s=0.05) as other:
        one.append(notes("a"))
        with one.writing() as writer:
            assert writer.append(notes("b")) == [Receipt("b", 2, True)]
            assert writer.append(notes("b", "c")) == [
                Receipt("b", 2, False), Receipt("c", 3, True),
            ]  # fmt: skip
            assert [event.op_id for event in writer.events(after=1)] == ["b", "c"]
            assert op_ids(other) == ["a"]
            assert failure(StoreError, other.append, notes("x")) == (
                f"the journal {other.place} must be free within 0.05 s, but another process holds "
                "it; try again."
            )
        assert other.append(notes("x")) == [Receipt("x", 4, True)]
        assert other.verify() == []


def test_nothing_is_added_when_the_block_raises(any_journal):
    def begin():
        with any_journal.writing() as writer:
            writer.append(notes("a"))
            raise ZeroDivisionError("in the middle")

    assert failure(ZeroDivisionError, begin) == "in the middle"
    assert any_journal.events() == []
    assert any_journal.append(notes("b")) == [Receipt("b", 1, True)]
    assert any_journal.verify() == []


def test_an_error_of_the_block_stays_what_it_is(any_journal):
    with pytest.raises(FileNotFoundError), any_journal.writing():
        Path("/no/such/file").read_text()


def test_a_second_transaction_in_the_first_would_wait_for_it(journal):
    with journal.writing():
        assert failure(RuntimeError, journal.append, notes("a")) == (
            "use the writer that writing() gave; a second one would wait for it"
        )
    assert journal.append(notes("a")) == [Receipt("a", 1, True)]


def test_another_thread_waits_only_so_long(place):
    with Journal.open(place, busy_s=0.05) as journal:
        said = []
        with journal.writing():
            thread = threading.Thread(
                target=lambda: said.append(failure(StoreError, journal.append, notes("a")))
            )
            thread.start()
            thread.join()
    assert said == [
        f"the journal {place} must be free within 0.05 s, but another thread holds it; try again."
    ]


# --- drafts that cannot be stored -----------------------------------------------------------


def endless():
    body: dict = {}
    body["body"] = body
    return body


@pytest.mark.parametrize(
    ("draft", "message"),
    [
        (
            Draft("b", "note", {"x": float("nan")}),
            "an event's body must be JSON, but that of 'b' is not: Out of range float values are "
            "not JSON compliant",
        ),
        (
            Draft("b", "note", {"x": {1}}),
            "an event's body must be JSON, but that of 'b' is not: Object of type set is not JSON "
            "serializable",
        ),
        (
            Draft("b", "note", endless()),
            "an event's body must be JSON, but that of 'b' is not: Circular reference detected",
        ),
        (
            Draft("b", "note", {"x": "\ud83d"}),
            "an event's body must hold whole characters, but that of 'b' has half of one.",
        ),
        (
            Draft("b", "note", rater="\ud83d"),
            "an event's rater must be characters that UTF-8 holds, and no NUL, but '\\ud83d' came.",
        ),
        (
            Draft("b\0", "note"),
            "an event's op_id must be characters that UTF-8 holds, and no NUL, but 'b\\x00' came.",
        ),
        (Draft("b", "note", item_id=7), "an event's item_id must be a text, but 7 came."),
    ],
    ids=["nan", "set", "circle", "half in body", "half in rater", "nul", "number"],
)
def test_what_cannot_be_stored_is_refused_with_all_that_came_with_it(journal, draft, message):
    said = failure(InputError, journal.append, [*notes("a"), draft])
    # newer versions of Python name the value
    assert said.partition(": nan")[0].removesuffix(".") == message.removesuffix(".")
    assert journal.events() == []


def test_a_body_as_deep_as_nobody_writes_is_refused(journal):
    body: dict = {}
    for _ in range(100_000):
        body = {"x": body}
    said = failure(BadValue, journal.append, [Draft("a", "note", body)])
    assert said.startswith("an event's body must be JSON, but that of 'a' is not: ")
    while body:  # else Python itself takes it apart too deeply
        body = body["x"]


# --- places that hold no journal ------------------------------------------------------------


def test_a_missing_file_is_not_made_unless_it_may_be(place):
    assert failure(StoreError, Journal.open, place, create=False) == (
        f"the journal {place} must exist, but there is no such file; name another one or let it "
        "be made."
    )
    assert not Path(place).exists()


def test_a_folder_is_no_journal(tmp_path):
    assert failure(StoreError, Journal.open, tmp_path) == (
        f"{tmp_path} must hold a journal, but it holds something else; name another place."
    )


def test_a_file_under_a_file_is_no_journal(tmp_path):
    (tmp_path / "file").write_text("x")
    inside = tmp_path / "file" / "ratings.db"
    assert failure(StoreError, Journal.open, inside) == (
        f"{inside} must hold a journal, but it holds something else; name another place."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"rater,answer\n" * 500, "the journal {} must be a SQLite file, but it is something "
         "else; name another file."),
        (b"x", "{} must hold a journal, but it holds something else; name another place."),
        (b"SQLite format 3\0" * 99, "the journal {} must be a SQLite file, but it is something "
         "else; name another file."),
    ],
)  # fmt: skip
def test_what_is_no_database_stays_as_it_was(place, content, message):
    Path(place).write_bytes(content)
    assert failure(StoreError, Journal.open, place) == message.format(place)
    assert Path(place).read_bytes() == content
    assert verify(place)[0].seq == 0


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE cooking (recipe TEXT)"],
        ["CREATE TABLE events (x)"],
        ["CREATE TABLE events (x)", "CREATE TABLE meta (key TEXT, value TEXT)"],
        [
            "CREATE TABLE events (x)", "CREATE TABLE meta (key TEXT, value TEXT)",
            "INSERT INTO meta VALUES ('schema_version', 'new')",
        ],
    ],
)  # fmt: skip
def test_a_database_of_something_else_stays_as_it_was(place, statements):
    sql(place, *statements)
    before = Path(place).read_bytes()
    assert failure(StoreError, Journal.open, place) == (
        f"{place} must hold a journal, but it holds something else; name another place."
    )
    assert Path(place).read_bytes() == before
    assert verify(place) != []


def test_an_empty_database_is_no_journal_yet(place):
    Path(place).touch()
    assert failure(StoreError, Journal.open, place, create=False) == (
        f"{place} must hold a journal, but it is empty; name another place or let one be made."
    )
    with Journal.open(place) as journal:
        assert journal.verify() == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "mysql://ann:secret@host/name",
            "a journal must be a file, or at a URL such as sqlite:///ratings.db or "
            "postgresql://host/name, but 'mysql://ann:***@host/name' came.",
        ),
        (
            "sqlite://",
            "a journal must be a file, or at a URL such as sqlite:///ratings.db or "
            "postgresql://host/name, but 'sqlite://' came.",
        ),
        (
            "postgresql://ann:secret@host:port/name",
            "a journal must be at a path or URL, but a malformed URL came.",
        ),
    ],
)
def test_a_url_is_of_a_store_that_keeps_what_it_gets(url, message):
    assert failure(BadValue, Journal.open, url) == message


def test_no_one_is_told_a_password():
    url = "postgresql://ann:secret@127.0.0.1:1/name"
    said = failure(StoreError, Journal.open, url, busy_s=0.1)
    assert "secret" not in said
    assert said.startswith("the journal postgresql://ann:***@127.0.0.1:1/name must be at hand, but")
    [broken] = verify(url)
    assert "secret" not in broken.reason


# --- versions -------------------------------------------------------------------------------


VERSION_1 = (
    "CREATE TABLE events (seq {whole} PRIMARY KEY, op_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    " rater TEXT NOT NULL, item_id TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL,"
    " previous TEXT NOT NULL, hash TEXT NOT NULL) {strict}",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) {strict}",
    "INSERT INTO meta VALUES ('schema_version', '1'), ('store_id', '0123456789abd407')",
)


def version_1(n):
    """Return the statements that made a journal of version 1, with `n` events."""
    previous, statements = GENESIS, list(VERSION_1)
    for seq in range(1, n + 1):
        event = chained(Draft(f"op{seq}", "note", at=AT), seq, previous)
        statements.append(
            f"INSERT INTO events VALUES ({seq}, 'op{seq}', 'note', '', '', '{AT}', '{{{{}}}}',"
            f" '{previous}', '{event.hash}')"
        )
        previous = event.hash
    return statements


@pytest.mark.parametrize("n", [0, 3])
def test_an_older_journal_is_brought_to_our_version(place, n):
    sql(place, *(each.format(whole="INTEGER", strict="STRICT") for each in version_1(n)))
    for _ in range(2):
        with Journal.open(place, create=False) as journal:
            assert op_ids(journal) == [f"op{seq}" for seq in range(1, n + 1)]
            assert journal.verify() == []
    with Journal.open(place) as journal:
        assert journal.store_id == "0123456789abd407"
        assert journal.append([Draft("new", "note", session="s")])[0].seq == n + 1
        assert journal.events()[-1].session == "s"
        assert journal.verify() == []


@pytest.mark.postgres
def test_an_older_journal_on_a_server_is_brought_to_our_version(postgres, postgres_url):
    for each in version_1(3):
        postgres.execute(each.format(whole="BIGINT", strict=""), postgres_url.rpartition("/")[2])
    with Journal.open(postgres_url, create=False) as journal:
        assert op_ids(journal) == ["op1", "op2", "op3"]
        assert journal.append([Draft("new", "note", session="s")])[0].seq == 4
        assert journal.verify() == []


def test_an_older_journal_that_was_changed_is_still_found_broken(place):
    sql(place, *(each.format(whole="INTEGER", strict="STRICT") for each in version_1(3)))
    sql(place, "UPDATE events SET rater = 'eve' WHERE seq = 2")
    with Journal.open(place) as journal:
        assert journal.verify() == [Broken(2, "its content is not what was stored")]


def test_a_version_half_reached_is_not_left(place):
    sql(place, *(each.format(whole="INTEGER", strict="STRICT") for each in version_1(3)))
    sql(place, "INSERT INTO meta VALUES ('schema', 'in the way')")
    before = sql(place, "SELECT * FROM sqlite_schema"), sql(place, "SELECT * FROM meta")
    said = failure(StoreError, Journal.open, place)
    assert said == (
        f"the journal {place} must be at hand, but the store says: UNIQUE constraint failed: "
        "meta.key; try again."
    )
    assert (sql(place, "SELECT * FROM sqlite_schema"), sql(place, "SELECT * FROM meta")) == before


def test_a_newer_journal_is_left_to_newer_software(any_place):
    with Journal.open(any_place) as journal:
        journal.append(notes("a"))
        with journal._transaction(write=True) as connection:
            connection.exec_driver_sql("UPDATE meta SET value='3' WHERE key='schema_version'")
        # one that is open already does not go on either
        assert failure(StoreError, journal.append, notes("b")) == (
            f"the journal {journal.place} must stay the one that was opened, but another one "
            "stands there; open it anew."
        )
        assert journal.verify() == [Broken(0, "the table meta does not say version 2")]
    assert failure(StoreError, Journal.open, any_place) == (
        f"the journal {journal.place} must be of version 2 or older, but it is of version 3; use "
        "a newer workbench."
    )


# --- a store that fails ---------------------------------------------------------------------


def test_a_file_that_others_lock_too_long_is_not_written(place):
    with Journal.open(place, busy_s=0.05) as journal:
        journal.append(notes("a"))
        other = sqlite3.connect(place, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert failure(StoreError, journal.append, notes("b")) == (
            f"the journal {place} must be free within 0.05 s, but another process holds it; try "
            "again."
        )
        assert op_ids(journal) == ["a"]
        other.execute("ROLLBACK")
        other.close()
        assert journal.append(notes("b")) == [Receipt("b", 2, True)]
        assert journal.verify() == []


@contextmanager
def no_file_beyond(size):
    """Let the disk refuse files larger than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", range(0, 20_000, 2_900))
def test_a_disk_that_refuses_leaves_nothing_half_written(place, room):
    with Journal.open(place) as journal:
        journal.append(notes("a"))
        acknowledged = ["a"]

        def fill():
            for n in range(100):
                pair = [f"{n}", f"{n}+"]
                journal.append([Draft(each, "note", {"x": each * 900}) for each in pair])
                acknowledged.extend(pair)

        with no_file_beyond(Path(f"{place}-wal").stat().st_size + room):
            assert failure(StoreError, fill) == (
                f"the journal {place} must be writable, but its disk refuses; look whether it has "
                "room and try again."
            )
            assert op_ids(journal) == acknowledged
        assert journal.append(notes("last"))[0].new
        assert op_ids(journal) == [*acknowledged, "last"]
        assert journal.verify() == []
    with Journal.open(place) as journal:
        assert op_ids(journal) == [*acknowledged, "last"]


def test_a_disk_that_is_full_is_said_so(journal):
    @hooks.listens_for(journal._database.engine, "checkout")
    def _no_room(connection, *_):
        connection.execute("PRAGMA max_page_count = 1")

    body = {"x": "y" * 50_000}
    assert failure(StoreError, journal.append, [Draft("a", "note", body)]) == (
        f"the journal {journal.place} must have room, but its disk is full; make room and try "
        "again."
    )
    assert journal.events() == []
    hooks.remove(journal._database.engine, "checkout", _no_room)
    journal._database.engine.dispose()
    assert journal.append([Draft("a", "note", body)]) == [Receipt("a", 1, True)]


@contextmanager
def without_rights():
    """Be nobody, for whom a file that may only be read cannot be written."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def read_only():
    """A closed journal with the events a and b, in a folder that may only be read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Journal.open(folder / "ratings.db") as journal:
            journal.append(notes("a", "b"))
            journal.verify()
        (folder / "ratings.db").chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        folder.chmod(0o555)
        yield folder / "ratings.db"
        folder.chmod(0o755)


def test_what_may_only_be_read_is_read(read_only):
    with without_rights(), Journal.open(read_only) as journal:
        assert op_ids(journal) == ["a", "b"]
        assert journal.verify() == []
        assert failure(StoreError, journal.append, notes("c")) == (
            f"the journal {read_only} must be writable, but it may only be read; change its "
            "permissions."
        )
        assert op_ids(journal) == ["a", "b"]


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("connected", [False, True])
def test_a_file_that_was_taken_away_is_missed(tmp_path, place, replaced, connected):
    with Journal.open(place) as journal:
        journal.append(notes("a"))
        if not connected:
            journal._database.engine.dispose()
        Path(place).rename(tmp_path / "away")
        if replaced:
            # beside the log of the old file, which SQLite would take for the log of this one
            with Journal.open(tmp_path / "other") as other:
                other.append(notes("x"))
            Path(tmp_path / "other").rename(place)
        for call in (lambda: journal.append(notes("b")), journal.events, journal.head):
            assert failure(StoreError, call) == (
                f"the journal {place} must stay where it is, but its file was removed or "
                "replaced; bring it back and try again."
            )
        Path(tmp_path / "away").rename(place)
        assert journal.append(notes("b")) == [Receipt("b", 2, True)]
        assert journal.verify() == []
    with Journal.open(place) as journal:
        assert op_ids(journal) == ["a", "b"]


def test_a_closed_journal_says_so(journal):
    journal.close()
    journal.close()
    for call in (journal.events, journal.head, lambda: journal.append(notes("a"))):
        assert failure(StoreError, call) == (
            f"the journal {journal.place} must be open, but it was closed; open it."
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = '{' WHERE seq = 1",
        "UPDATE events SET kind = 'vote' WHERE seq = 1",
        "UPDATE events SET body = '{\"x\":' || printf('%.*c', 5000, '9') || '}' WHERE seq = 1",
    ],
)
def test_events_that_are_damaged_are_not_handed_out(journal, statement):
    journal.append(notes("a", "b"))
    sql(journal.place, statement)
    assert failure(StoreError, journal.events) == (
        f"the journal {journal.place} must be whole, but it is damaged; look at it with "
        "`workbench rate verify`."
    )
    assert journal.verify()[0].seq == 1


@pytest.mark.postgres
def test_a_server_that_was_away_is_found_again(postgres, postgres_url):
    with Journal.open(postgres_url, busy_s=1) as journal:
        journal.append(notes("a"))
        postgres.stop()
        try:
            for call in (lambda: journal.append(notes("b")), journal.events, journal.head):
                said = failure(StoreError, call)
                assert said.startswith(f"the journal {journal.place} must be at hand, but ")
                assert said.endswith("; try again.")
            assert journal.verify()[0].seq == 0
        finally:
            postgres.start()
        assert journal.append(notes("b")) == [Receipt("b", 2, True)]
        assert journal.verify() == []


@pytest.mark.postgres
def test_a_connection_cut_in_the_middle_leaves_nothing(postgres, postgres_url):
    with Journal.open(postgres_url) as journal:
        journal.append(notes("a"))

        def be_cut():
            with journal.writing() as writer:
                writer.append(notes("b"))
                postgres.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    f" WHERE datname = '{postgres_url.rpartition('/')[2]}'"
                )
                writer.append(notes("c"))

        said = failure(StoreError, be_cut)
        assert said.startswith(f"the journal {journal.place} must be at hand, but ")
        assert op_ids(journal) == ["a"]
        assert journal.append(notes("b")) == [Receipt("b", 2, True)]


@pytest.mark.postgres
def test_a_server_that_may_only_be_read_is_not_written(postgres, postgres_url):
    name = postgres_url.rpartition("/")[2]
    with Journal.open(postgres_url) as journal:
        journal.append(notes("a"))
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with Journal.open(postgres_url) as journal:
        assert op_ids(journal) == ["a"]
        assert failure(StoreError, journal.append, notes("b")) == (
            f"the journal {journal.place} must be writable, but it may only be read; name another "
            "server."
        )


@pytest.mark.postgres
def test_a_server_acknowledges_only_what_is_on_its_disk(postgres, postgres_url):
    name = postgres_url.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = serializable")
    with Journal.open(postgres_url) as journal, journal._transaction() as connection:
        asked = {
            "synchronous_commit": "on", "transaction_isolation": "read committed",
            "lock_timeout": "10s", "idle_in_transaction_session_timeout": "1min",
        }  # fmt: skip
        assert {
            each: connection.exec_driver_sql(f"SHOW {each}").scalar() for each in asked
        } == asked


@pytest.mark.postgres
def test_a_database_that_cannot_hold_every_text_is_refused(postgres):
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    assert failure(StoreError, Journal.open, postgres.url("latin")) == (
        f"the database {postgres.url('latin')} must hold UTF-8, but it holds LATIN1; make one "
        "with ENCODING 'UTF8'."
    )
    assert postgres.execute("SELECT 1 FROM pg_tables WHERE tablename = 'events'", "latin") == []


@pytest.mark.postgres
def test_a_shared_database_is_used_and_its_tables_are_left(postgres, postgres_url):
    name = postgres_url.rpartition("/")[2]
    postgres.execute("CREATE TABLE cooking (recipe TEXT)", name)
    with Journal.open(postgres_url) as journal:
        journal.append(notes("a"))
        assert journal.verify() == []
    postgres.execute("DROP TABLE meta", name)
    assert failure(StoreError, Journal.open, postgres_url) == (
        f"{postgres_url} must hold a journal, but it holds something else; name another place."
    )
    assert verify(postgres_url)[-1].seq >= 0


# --- merge ----------------------------------------------------------------------------------


@pytest.fixture
def machines(tmp_path):
    """Three journals that know the same task, and each its own acts."""
    opened = [Journal.open(tmp_path / f"{name}.db") for name in "abc"]
    for name, each in zip("abc", opened, strict=True):
        each.append([Draft("task", "task", {"name": "study"}, at=AT)])
        for n in range(3):
            each.append([Draft(f"{name}{n}", "answer", {"value": n}, rater=name)])
    yield opened
    for each in opened:
        each.close()


def contents(journal):
    """Return what journals agree on: the drafts of events, but not who took what from whom."""
    return {
        (e.op_id, e.kind, e.rater, e.at, str(e.body))
        for e in journal.events()
        if not e.op_id.startswith("merged:")
    }


def test_a_merge_brings_what_is_missing_and_keeps_when_it_was(machines):
    a, b, c = machines
    expected = contents(a) | contents(b) | contents(c)
    assert a.merge(b, c) == 6
    assert contents(a) == expected
    assert a.verify() == []
    assert len(contents(b)) == 4


def test_a_merge_again_changes_nothing(machines):
    a, b, c = machines
    a.merge(b, c)
    head = a.head()
    assert [a.merge(b, c), a.merge(b), a.merge(c), a.merge(), a.merge(a)] == [0] * 5
    assert a.head() == head


def test_a_merge_goes_on_where_the_last_one_ended(machines):
    a, b, _ = machines
    a.merge(b)
    b.append(notes("later"))
    assert a.merge(b) == 1
    assert a.origins()["later"] == Origin(b.store_id, 5, b.head().hash)


def test_the_order_of_a_merge_does_not_matter(tmp_path, machines):
    a, b, c = machines
    # c knows some of b's acts already
    c.merge(b)
    with Journal.open(tmp_path / "one") as one, Journal.open(tmp_path / "two") as two:
        one.merge(a, b, c)
        two.merge(c, b, a)
        assert set(op_ids(one)) == set(op_ids(two))
        assert contents(one) == contents(two)
        assert one.verify() == two.verify() == []


def test_two_that_take_from_each_other_come_to_rest(machines):
    a, b, _ = machines
    assert [a.merge(b), b.merge(a), a.merge(b), b.merge(a)] == [3, 3, 0, 0]
    assert contents(a) == contents(b)


def test_a_merged_event_says_whence_it_came(machines):
    a, b, c = machines
    b.merge(c)
    a.merge(b)
    origins = a.origins()
    own = {"task", "a0", "a1", "a2"}
    [of_b] = set(op_ids(a)) - own - set(op_ids(b))
    assert set(origins) == set(op_ids(a)) - own - {of_b}
    for op_id, origin in origins.items():
        source = {b.store_id: b, c.store_id: c}[origin.store_id]
        [event] = source.events(after=origin.seq - 1)[:1]
        assert (event.op_id, event.hash) == (op_id, origin.hash)


def test_an_origin_is_not_said_of_an_event_that_is_not_as_it_was_there(machines):
    a, b, _ = machines
    a.merge(b)
    sql(a.place, "UPDATE events SET body = '{\"value\":9}' WHERE op_id = 'b1'")
    assert "b0" in a.origins()
    assert "b1" not in a.origins()


def test_a_broken_journal_is_not_merged(machines):
    a, b, _ = machines
    before = a.head()
    sql(b.place, "UPDATE events SET rater = 'eve' WHERE seq = 3")
    assert failure(BadValue, a.merge, b) == (
        f"a journal to merge must be whole, but {b.place} is broken at event 3: its content is "
        "not what was stored; find out why before you use it."
    )
    assert a.head() == before


def test_journals_that_disagree_who_did_an_act_are_not_merged(machines):
    a, b, _ = machines
    a.append([Draft("b2", "answer", rater="a")])
    before = a.head()
    assert failure(BadValue, a.merge, b) == (
        "an op_id must name one act, but 'b2' came as 'answer' of 'b' and is event 5, 'answer' of "
        "'a'; give each act its own."
    )
    assert a.head() == before


def test_a_note_that_only_looks_like_a_merge_says_nothing(journal):
    for n, said in enumerate([7, {}, {"store_id": 1, "events": [[1, 2]]}, {"events": 7}]):
        journal.append([Draft(f"op{n}", "note", {"merged": said})])
    assert journal.origins() == {}

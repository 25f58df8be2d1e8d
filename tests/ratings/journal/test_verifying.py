"""A journal that was changed by anything but the journal is found to be, wherever that was."""

import contextlib
import json
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from workbench.ratings.events import GENESIS, Broken, Draft, chained
from workbench.ratings.journal import Head, Journal
from workbench.ratings.journal.verifying import verify

COLUMNS = "op_id", "kind", "rater", "item_id", "session", "at", "body", "previous", "hash"


def drafts(n):
    return [
        Draft(
            f"op{k}", "answer", {"question": "q", "value": k, "é": "x" * (9000 if k == 3 else k)},
            rater="ann" if k % 2 else "", item_id=f"i{k}", session="s",
        )
        for k in range(1, n + 1)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A journal of 14 events that nobody has touched."""
    path = tmp_path_factory.mktemp("whole") / "ratings.db"
    with Journal.open(path) as journal:
        for draft in drafts(14):
            journal.append([draft])
    assert verify(path) == []
    return path


@pytest.fixture
def copy(whole, tmp_path):
    return Path(shutil.copy(whole, tmp_path))


@contextlib.contextmanager
def opened(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = bytes
    try:
        yield connection
    finally:
        connection.close()


def contents(path):
    with opened(path) as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("events", "meta")
        ]


# --- ways to change a journal by SQL --------------------------------------------------------


def change_a_byte(dice, connection):
    """One byte of one column, of an event or of the table meta."""
    if dice.random() < 0.2:
        table, row, column = "meta", dice.randint(1, 5), dice.choice(["key", "value"])
    else:
        table, row, column = "events", dice.randint(1, 14), dice.choice(COLUMNS)
    [old] = connection.execute(f"SELECT {column} FROM {table} WHERE rowid = {row}").fetchone()
    place = dice.randrange(len(old)) if old else 0
    byte = dice.choice([b for b in range(1, 256) if b != (old[place] if old else 0)])
    new = old[:place] + bytes([byte]) + old[place + 1 :]
    connection.execute(f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE rowid = {row}", [new])


def move_a_place(dice, connection):
    """One event to another number, of one byte more or less."""
    seq = dice.randint(1, 14)
    connection.execute(f"UPDATE events SET seq = {dice.randint(15, 255)} WHERE seq = {seq}")


def delete(dice, connection):
    connection.execute(f"DELETE FROM events WHERE seq = {dice.randint(1, 14)}")


def delete_and_renumber(dice, connection):
    seq = dice.randint(1, 13)
    connection.execute(f"DELETE FROM events WHERE seq = {seq}")
    for each in range(seq + 1, 15):
        connection.execute(f"UPDATE events SET seq = {each - 1} WHERE seq = {each}")


def swap(dice, connection):
    one, other = dice.sample(range(1, 15), 2)
    for old, new in ((one, 99), (other, one), (99, other)):
        connection.execute(f"UPDATE events SET seq = {new} WHERE seq = {old}")


def cut(dice, connection):
    connection.execute(f"DELETE FROM events WHERE seq > {dice.randint(0, 13)}")


def insert(dice, connection):
    """Put an event in that follows the one before it as it should."""
    seq = dice.randint(1, 15)
    for each in range(14, seq - 1, -1):
        connection.execute(f"UPDATE events SET seq = {each + 1} WHERE seq = {each}")
    before = connection.execute(f"SELECT hash FROM events WHERE seq = {seq - 1}").fetchone()
    previous = before[0].decode() if before else GENESIS
    event = chained(Draft(f"eve{seq}", "answer", {"value": 9}, "eve", at="x"), seq, previous)
    values = [getattr(event, name) for name in COLUMNS]
    values[COLUMNS.index("body")] = json.dumps(event.body, separators=(",", ":"))
    connection.execute(
        f"INSERT INTO events (seq, {', '.join(COLUMNS)}) VALUES (?{', ?' * 9})", [seq, *values]
    )


@pytest.mark.parametrize(
    ("way", "n"),
    [
        (change_a_byte, 280), (move_a_place, 30), (delete, 60), (delete_and_renumber, 40),
        (swap, 60), (cut, 60), (insert, 60),
    ],
)  # fmt: skip
def test_every_change_by_sql_is_found(whole, copy, way, n):
    dice = random.Random(way.__name__)
    for _ in range(n):
        changed = False
        while not changed:
            shutil.copy(whole, copy)
            # what would break a rule of the tables is not stored
            with opened(copy) as connection, contextlib.suppress(sqlite3.IntegrityError):
                way(dice, connection)
                changed = True
        assert verify(copy) != []


# --- ways to change the file ----------------------------------------------------------------


def test_a_file_that_was_cut_anywhere_is_found(whole, copy):
    dice, content = random.Random(0), whole.read_bytes()
    lengths = [0, 1, 100, 4096, len(content) - 4096, len(content) - 1]
    for length in lengths + [dice.randrange(len(content)) for _ in range(54)]:
        copy.write_bytes(content[:length])
        assert verify(copy) != []


def test_every_byte_that_is_flipped_is_found_unless_nothing_uses_it(whole, copy):
    dice, content, before = random.Random(0), whole.read_bytes(), contents(whole)
    used, harmless = in_use(content), []
    # most of a page is in use somewhere, and free elsewhere: both are tried
    places = [dice.choice(used) for _ in range(300)]
    places += [dice.randrange(len(content)) for _ in range(50)]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= dice.randint(1, 255)
        copy.write_bytes(changed)
        if verify(copy) == []:
            harmless.append(place)
            assert contents(copy) == before
    assert harmless
    assert not set(harmless) & set(used)


@pytest.mark.slow
def test_every_bit_in_use_that_is_flipped_is_found(whole, copy):
    content, used = whole.read_bytes(), in_use(whole.read_bytes())
    for place in used[::3]:
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        copy.write_bytes(changed)
        assert verify(copy) != [], place


# https://www.sqlite.org/fileformat2.html: what the first page says about how to write (the
# versions of the format, counters, the size of the cache), about numbers that are the user's own,
# and what is reserved; none is read when events are.
SETTINGS = {*range(18, 20), *range(24, 28), *range(40, 52), *range(56, 64), *range(64, 100)}


def in_use(content):
    """Return the places of a SQLite file that say something, read as its description says."""
    size = int.from_bytes(content[16:18], "big")
    used = set(range(100)) - SETTINGS
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content[:18] + b"\1\1" + content[20:])
        roots = connection.execute("SELECT rootpage, name FROM sqlite_schema").fetchall()
    for root, name in [(1, "sqlite_schema"), *roots]:
        _tree(content, size, root, used, keyed=name == "events")
    return sorted(used)


def _tree(content, size, page, used, *, keyed):
    base = (page - 1) * size
    head = base + (100 if page == 1 else 0)
    kind, n = content[head], int.from_bytes(content[head + 3 : head + 5], "big")
    inner = kind in (2, 5)
    pointers = head + (12 if inner else 8)
    used.update(range(head, pointers + 2 * n))
    if inner:
        _tree(content, size, _number(content, pointers - 4), used, keyed=keyed)
    for k in range(n):
        cell = base + _number(content, pointers + 2 * k, 2)
        at = cell
        if inner:
            _tree(content, size, _number(content, cell), used, keyed=keyed)
            at += 4
        length, at = _varint(content, at)
        if kind == 5:  # its only number is a key
            used.update(range(cell, at))
            continue
        if kind == 13:
            _, at = _varint(content, at)
        local = _local(length, size, leaf_of_table=kind == 13)
        used.update(range(cell, at + local))
        if local < length:
            used.update(range(at + local, at + local + 4))
            _overflow(content, size, _number(content, at + local), length - local, used)
        if keyed and kind == 13:
            # the number of an event is its key; what its own column holds is not looked at
            _, first = _varint(content, at)
            used.discard(first)


def _local(length, size, *, leaf_of_table):
    most = size - 35 if leaf_of_table else (size - 12) * 64 // 255 - 23
    least = (size - 12) * 32 // 255 - 23
    some = least + (length - least) % (size - 4)
    return length if length <= most else some if some <= most else least


def _overflow(content, size, page, left, used):
    while page:
        base = (page - 1) * size
        used.update(range(base, base + 4 + min(left, size - 4)))
        page, left = _number(content, base), left - (size - 4)


def _number(content, at, n=4):
    return int.from_bytes(content[at : at + n], "big")


def _varint(content, at):
    value = 0
    for _ in range(8):
        value = value << 7 | content[at] & 127
        at += 1
        if content[at - 1] < 128:
            return value, at
    return value << 8 | content[at], at + 1


# --- what is said ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE events SET rater = 'eve' WHERE seq = 5",
            [Broken(5, "its content is not what was stored")],
        ),
        (
            "UPDATE events SET body = '{' WHERE seq = 5",
            [Broken(5, "its content is not what was stored")],
        ),
        (
            "UPDATE events SET body = REPLACE(body, ':', ': ') WHERE seq = 5",
            [Broken(5, "its content is not what was stored")],
        ),
        (
            "UPDATE events SET body = CAST(X'FF' AS TEXT) WHERE seq = 5",
            [Broken(5, "its content is not what was stored")],
        ),
        ("DELETE FROM events WHERE seq = 5", [Broken(5, "event 5 is missing; 6 follows")]),
        (
            "DELETE FROM events WHERE seq > 5",
            [Broken(6, "the chain ends at event 5, but the table meta says 14")],
        ),
        (
            "DELETE FROM events",
            [Broken(1, "the chain ends at event 0, but the table meta says 14")],
        ),
        (
            "UPDATE meta SET value = '12' WHERE key = 'head_seq'",
            [Broken(13, "the table meta says that the chain ends at event 12")],
        ),
        (
            "UPDATE meta SET value = '' WHERE key = 'head_hash'",
            [Broken(14, "its hash is not what the table meta says")],
        ),
        (
            "UPDATE meta SET value = 'x' WHERE key = 'head_seq'",
            [Broken(0, "the table meta does not say where the chain ends")],
        ),
        (
            "INSERT INTO meta VALUES ('x', 'y')",
            [
                Broken(
                    0,
                    "the table meta must say head_hash, head_seq, schema, schema_version, "
                    "store_id, and nothing else",
                )
            ],
        ),
        (
            "UPDATE meta SET value = '0123456789abcdef' WHERE key = 'store_id'",
            [Broken(0, "the journal's id is not one that was given")],
        ),
        ("CREATE INDEX x ON events (rater)", [Broken(0, "the tables are not as they were made")]),
        ("CREATE VIEW x AS SELECT 1", [Broken(0, "the tables are not as they were made")]),
    ],
)
def test_the_first_broken_link_is_named(copy, statement, said):
    with opened(copy) as connection:
        connection.execute(statement)
    assert verify(copy) == said


@pytest.mark.parametrize("table", ["events", "meta"])
def test_a_table_that_is_gone_is_said(copy, table):
    with opened(copy) as connection:
        connection.execute(f"DROP TABLE {table}")
    said = " ".join(broken.reason for broken in verify(copy))
    assert f"no such table: {table}" in said


def test_a_file_of_other_columns_is_said(copy):
    with opened(copy) as connection:
        connection.execute("ALTER TABLE events RENAME COLUMN rater TO judge")
    assert "no such column: rater" in verify(copy)[1].reason


def test_columns_of_other_types_are_said(copy):
    with opened(copy) as connection:
        connection.execute("CREATE TABLE other AS SELECT * FROM events")
        connection.execute("DROP TABLE events")
        connection.execute("ALTER TABLE other RENAME TO events")
        connection.execute("UPDATE events SET rater = 7, hash = X'00' WHERE seq = 2")
        connection.execute("UPDATE events SET seq = 'x' WHERE seq = 4")
    places = [broken.seq for broken in verify(copy)]
    assert places == sorted(places)
    assert {0, 2, 4} <= set(places)


def test_every_broken_link_is_found_not_only_the_first(copy):
    with opened(copy) as connection:
        connection.execute("UPDATE events SET at = '' WHERE seq IN (3, 8)")
    assert [broken.seq for broken in verify(copy)] == [3, 8]


def test_what_is_no_journal_is_said(tmp_path):
    (tmp_path / "text").write_text("rater,answer\n" * 500)
    assert verify(tmp_path / "text") == [
        Broken(
            0, f"the journal {tmp_path}/text must be a SQLite file, but it is something else; name "
            "another file.",
        )
    ]  # fmt: skip
    assert verify(tmp_path)[0].seq == 0
    assert verify("mysql://ann:secret@host/name")[0].seq == 0


def test_to_look_changes_nothing(whole):
    before = whole.read_bytes(), [each.name for each in whole.parent.iterdir()]
    verify(whole)
    assert (whole.read_bytes(), [each.name for each in whole.parent.iterdir()]) == before


# --- a head that was noted elsewhere --------------------------------------------------------


def repaired(connection, last):
    """Cut the events, and let the table meta say so."""
    connection.execute(f"DELETE FROM events WHERE seq > {last}")
    found = connection.execute(f"SELECT hash FROM events WHERE seq = {last}").fetchone()
    connection.execute(f"UPDATE meta SET value = '{last}' WHERE key = 'head_seq'")
    digest = found[0] if found else GENESIS.encode()
    connection.execute("UPDATE meta SET value = CAST(? AS TEXT) WHERE key = 'head_hash'", [digest])


@pytest.mark.parametrize("last", [0, 1, 13])
def test_a_cut_that_was_repaired_is_found_by_a_head_noted_before(whole, copy, last):
    with Journal.open(whole) as journal:
        head = journal.head()
    assert verify(whole, head=head) == []
    with opened(copy) as connection:
        repaired(connection, last)
    assert verify(copy) == []
    assert verify(copy, head=head) == [
        Broken(last + 1, f"the chain ends at event {last}, but the head given says 14")
    ]


def test_a_chain_made_anew_is_found_by_a_head_noted_before(whole, tmp_path):
    with Journal.open(whole) as journal:
        head = journal.head()
    with Journal.open(tmp_path / "anew") as journal:
        journal.append([Draft("eve", "note"), *drafts(14)[1:]])
        assert journal.verify() == []
        assert journal.verify(head=head) == [Broken(14, "its hash is not what the head given says")]


def test_a_chain_that_went_on_passes_where_the_head_was(copy):
    with Journal.open(copy) as journal:
        head = journal.head()
        journal.append([Draft("later", "note")])
        assert journal.verify(head=head) == []
        assert journal.verify(head=Head(0, GENESIS)) == []
        assert journal.verify(head=Head(14, "x"))[0].seq == 14
        assert journal.verify(head=Head(-1, ""))[0].seq == 0


def test_a_log_that_was_cut_is_found_by_a_head_noted_before(place, tmp_path):
    with Journal.open(place) as journal:
        for draft in drafts(14):
            journal.append([draft])
        head = journal.head()
        log = Path(f"{place}-wal").read_bytes()
        for left in range(0, len(log), len(log) // 7):
            shutil.copy(place, tmp_path / "copy.db")
            (tmp_path / "copy.db-wal").write_bytes(log[:left])
            (tmp_path / "copy.db-shm").unlink(missing_ok=True)
            assert verify(tmp_path / "copy.db", head=head) != []


# --- on a server ----------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("UPDATE events SET rater = 'eve' WHERE seq = 5", 5),
        ("UPDATE events SET body = body || ' ' WHERE seq = 5", 5),
        ("UPDATE events SET body = '[' WHERE seq = 5", 5),
        ("DELETE FROM events WHERE seq = 5", 5),
        ("DELETE FROM events WHERE seq > 5", 6),
        ("UPDATE events SET seq = 19 - seq WHERE seq IN (5, 14)", 5),
        ("UPDATE meta SET value = '9' WHERE key = 'head_seq'", 10),
        ("DELETE FROM meta WHERE key = 'store_id'", 0),
        ("DROP TABLE meta", 0),
        ("DROP TABLE events", 1),
        ("ALTER TABLE events DROP COLUMN session", 1),
    ],
)
def test_a_change_on_a_server_is_found(postgres, postgres_url, statement, seq):
    with Journal.open(postgres_url) as journal:
        journal.append(drafts(14))
        assert journal.verify(head=journal.head()) == []
        # a key cannot be moved onto another in one step
        postgres.execute(
            "ALTER TABLE events DROP CONSTRAINT events_pkey", postgres_url.rpartition("/")[2]
        )
        postgres.execute(statement, postgres_url.rpartition("/")[2])
        assert journal.verify()[0].seq == seq


@pytest.mark.postgres
def test_a_journal_that_grows_meanwhile_is_whole(postgres_url):
    with Journal.open(postgres_url) as journal:
        journal.append(drafts(3))
        with journal.writing() as writer:
            writer.append([Draft("more", "note")])
            assert journal.verify() == []
        assert journal.verify() == []

"""Journals in SQLite and in a real PostgreSQL, one server for the whole run; and sittings."""

import contextlib
import itertools
import os
import runpy
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import event as hooks

from workbench.ratings.assignment import Item, Items, Shown
from workbench.ratings.journal import Journal
from workbench.ratings.tasks import (
    BestWorst,
    Correction,
    Labels,
    Preference,
    Ranking,
    Scale,
    Spans,
    Task,
    Text,
)

free_port = runpy.run_path(str(Path(__file__).parents[1] / "ports.py"))["free_port"]


@pytest.fixture
def place(tmp_path) -> str:
    """A file for a journal, not made yet."""
    return str(tmp_path / "ratings.db")


@pytest.fixture
def journal(place) -> Iterator[Journal]:
    with Journal.open(place) as opened:
        yield opened


# --- PostgreSQL -----------------------------------------------------------------------------


def _programs() -> Path:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (debian and debian[-1])
    assert found, "tests marked postgres need Debian's package postgresql"
    # wherever a link to it stands, the others stand beside it
    return Path(found).resolve().parent


# PostgreSQL refuses to run as root; Debian's package makes this user.
_AS = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}


@dataclass
class Server:
    """A PostgreSQL of our own on 127.0.0.1, which writes to its disk as in earnest."""

    folder: Path
    programs: Path = field(default_factory=_programs)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    def __post_init__(self) -> None:
        if _AS:
            shutil.chown(self.folder, "postgres", "postgres")
        command = [
            self.programs / "initdb", "-D", self.folder / "data", "-U", "rater", "-A", "trust",
            "-E", "UTF8", "--locale=C", "--no-sync",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **_AS)

    def start(self) -> None:
        options = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
            "fsync": "on", "max_connections": 100, "shared_buffers": "16MB",
        }  # fmt: skip
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *settings],
                stdout=log, stderr=log, cwd=self.folder, **_AS,
            )  # fmt: skip
        ready = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + 30
        while subprocess.run(ready, check=False).returncode != 0:
            said = (self.folder / "log").read_text(errors="replace")
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            # its fast shutdown, which does not wait for those connected
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def url(self, name: str) -> str:
        return f"postgresql://rater@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, name: str = "postgres") -> list[tuple]:
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="workbench-postgres-"))
    with contextlib.ExitStack() as ending:
        ending.callback(shutil.rmtree, folder)
        server = Server(folder)
        ending.callback(server.stop)
        server.start()
        yield server


_names = (f"study_{n}" for n in itertools.count())


@pytest.fixture
def postgres_url(postgres) -> Iterator[str]:
    """A database of its own for a test."""
    name = next(_names)
    postgres.execute(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


# --- both -----------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_place(request) -> str:
    """A place where a journal may be made, in each kind of store."""
    return request.getfixturevalue("place" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def any_journal(any_place) -> Iterator[Journal]:
    with Journal.open(any_place) as opened:
        yield opened


# --- sittings -------------------------------------------------------------------------------


class Kit:
    """What tests of sittings are made of: tasks of every kind, items that name canaries, acts."""

    raters = ("ana", "ben")

    @staticmethod
    def hasty(place):
        return hasty(place)

    def __init__(self) -> None:
        flags = Labels("flags", ["rude", "wrong", "off topic"])
        kind = Labels("kind", ["news", "other"], several=False)
        scales = [Scale("fluency", 1, 5), Scale("score", 0, 100, required=False)]
        marks = Spans("errors", ["grammar", "meaning"], sides=("output", "source"))
        texts = [Text("critique", required=False), Correction("mended", required=False)]
        self.one = Task("one", [*scales, flags, kind, marks, *texts])
        self.two = Task(
            "two", [Preference("better", strength=3, both_bad=True), *scales], outputs=2
        )
        self.three = Task(
            "three",
            [Ranking("order"), BestWorst("ends"), flags, marks, *texts],
            outputs=3,
            format="markdown",
            reference=True,
        )
        self.choice = Task("choice", [Preference("better")], outputs=2)
        self.tasks = {"one": self.one, "two": self.two, "three": self.three}

    def item(self, task, at, **parts) -> Item:
        """An item whose systems and outputs have names that must never be told."""
        shown = tuple(
            Shown(f"canary-output-{at}-{k}", f"canary-system-{k}", f"The text {k} of {at} is here.")
            for k in range(task.outputs)
        )
        return Item(
            f"i{at:012x}", f"canary-row-{at}", shown, f"source {at}", f"reference {at}", **parts
        )

    def items(self, task, n=4, *, raters=raters, overlap=1, seed=7, special=()) -> Items:
        """Items, the same plan for each rater; a pool when there are no raters."""
        made = [self.item(task, at) for at in range(n)]
        for item in special:
            made[[each.item_id for each in made].index(item.item_id)] = item
        plan = {rater: tuple(each.item_id for each in made) for rater in raters}
        return Items(task, tuple(made), plan, overlap, seed)

    def act(self, kind, item, n, **parts) -> dict:
        """An act as a browser sends it."""
        item_id = item if isinstance(item, str) else item.item_id
        usual = {"type": "act", "op_id": str(uuid.uuid4()), "view_id": "v1", "kind": kind}
        times = {
            "client_time": f"2026-01-05T09:{n % 60:02}:00.000Z",
            "shown_at": "2026-01-05T09:00:00Z",
        }
        return usual | times | {"item": item_id, "n": n, "visible_s": 1.5} | parts

    def answer(self, item, n, question, value, target="", **parts) -> dict:
        """An answer as a browser sends it."""
        return self.act("answer", item, n, question=question, value=value, target=target, **parts)


@contextlib.contextmanager
def hasty(place) -> Iterator[Journal]:
    """A journal that does not wait for the disk, for tests that are about something else."""
    with Journal.open(place) as opened:
        hooks.listen(
            opened._database.engine,
            "checkout",
            lambda connection, *_: connection.execute("PRAGMA synchronous = OFF"),
        )
        yield opened


@pytest.fixture
def quick(place) -> Iterator[Journal]:
    with hasty(place) as opened:
        yield opened


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()

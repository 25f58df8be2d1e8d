"""Many raters at once, servers that are killed, and two servers on one store: nothing is lost."""

import asyncio
import importlib.util
import json
import random
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.ratings import Scale, Task
from workbench.ratings.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
SERVER = runpy.run_path(str(ROOT / "tests" / "serving" / "server.py"))
Server = SERVER["Server"]
CLIENTS = ROOT / "tests" / "bench" / "rating_clients.py"

# the same fixtures, and a PostgreSQL of this folder's own
_found = importlib.util.spec_from_file_location(
    "postgres_of_tests", ROOT / "tests" / "ratings" / "conftest.py"
)
_postgres = importlib.util.module_from_spec(_found)
sys.modules[_found.name] = _postgres
_found.loader.exec_module(_postgres)
postgres, postgres_url = _postgres.postgres, _postgres.postgres_url


def crowded(folder, n_raters, place=""):
    """A server for many, with texts as long as those of a newspaper."""
    text = "The council met again on Tuesday to speak about the bridge. " * 25
    items = [
        {
            "item_id": f"i{at:012x}",
            "row_id": f"row {at}",
            "source": text,
            "outputs": [{"output_id": f"s:{at}", "system": "s", "text": text[: 300 + at]}],
        }
        for at in range(100)
    ]
    return Server(
        folder,
        place=place,
        raters=tuple(f"rater {at}" for at in range(n_raters)),
        items=items,
        task=Task("quality", [Scale("fluency", 1, 5), Scale("adequacy", 0, 100)]),
        overlap=min(n_raters, 20),
    )


def run(server, *bases, seconds, raters, period=2.0):
    """Let a crowd rate in a process of its own, and return its report."""
    links, report = server.folder / "links.json", server.folder / "report.json"
    links.write_text(json.dumps({"links": server.links}))
    more = [part for base in bases for part in ("--base", base)]
    subprocess.run(
        [
            sys.executable, CLIENTS, links, "--seconds", str(seconds), "--raters", str(raters),
            "--period", str(period), "--report", report, *more,
        ],
        check=True, capture_output=True, timeout=seconds + 200,
    )  # fmt: skip
    return json.loads(report.read_text())


def compared(server, report):
    """Return how many acts are lost, and how many were stored that nobody made."""
    with Journal.open(server.place, create=False) as journal:
        stored = [event.op_id for event in journal.events(kinds=["answer"])]
        assert journal.verify() == []
    assert len(stored) == len(set(stored))
    return len(set(report["made"]) - set(stored)), len(set(stored) - set(report["made"]))


def peak_mb(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


@pytest.mark.slow
def test_fifty_raters_are_served_and_nothing_is_lost(tmp_path):
    with crowded(tmp_path, 50) as server:
        report = run(server, seconds=15, raters=50)
        memory = peak_mb(server)
    assert report["n_saved"] == report["n_acts"] >= 300
    assert report["counts"] == {"held at the end": 0}
    assert compared(server, report) == (0, 0)
    assert memory < 500


@pytest.mark.slow
@pytest.mark.postgres
def test_two_servers_on_one_postgres_serve_one_crowd(tmp_path, postgres_url):
    with crowded(tmp_path, 50, place=postgres_url) as one:
        other = crowded(tmp_path, 50, place=postgres_url)
        with other:
            report = run(one, one.base, other.base, seconds=15, raters=50)
    assert report["n_saved"] == report["n_acts"] >= 300
    assert report["counts"] == {"held at the end": 0}
    assert compared(one, report) == (0, 0)


@pytest.mark.postgres
def test_a_link_taken_back_on_one_server_is_taken_back_on_the_other(tmp_path, postgres_url):
    with Server(tmp_path, place=postgres_url) as one, Server(tmp_path, place=postgres_url) as two:
        assert one.links != two.links  # addresses differ,
        assert one.token() == two.token()  # what they hold does not
        with two.rater() as ana:
            cookie = one.enter(one.token("", "admin"))[0]
            assert one.ask("POST", "/admin/revoke", {"rater": "Ana"}, Cookie=cookie)[0] == 200
            assert ana.hear()["type"] == "closed"


@pytest.mark.slow
def test_a_server_that_is_killed_at_any_moment_loses_and_doubles_nothing(tmp_path):
    dice = random.Random(0)
    with crowded(tmp_path, 10) as server:
        links, report, stop = (tmp_path / name for name in ("links.json", "report.json", "stop"))
        links.write_text(json.dumps({"links": server.links}))
        command = [
            sys.executable, CLIENTS, links, "--seconds", "600", "--period", "0.1", "--stop", stop,
            "--report", report,
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as crowd:
            # however long a busy machine takes for them, all kills come while people rate
            for _ in range(20):
                time.sleep(dice.uniform(0.05, 1.5))
                server.kill()
                server.start()
            assert crowd.poll() is None
            time.sleep(5)
            stop.touch()
            assert crowd.wait(300) == 0
        found = json.loads(report.read_text())
        assert found["counts"]["breaks"] >= 20
        assert found["counts"]["held at the end"] == 0
        assert not {"refused", "closed"} & set(found["counts"])
        assert found["n_saved"] == found["n_acts"]
        assert compared(server, found) == (0, 0)


def test_a_crowd_comes_back_by_itself_after_a_kill(tmp_path):
    clients = runpy.run_path(str(CLIENTS))

    tally = clients["Tally"]()

    async def work(server):
        two = {"seconds": 300, "period_s": 0.05, "most": 30, "tally": tally}
        rating = asyncio.create_task(clients["crowd"](server.links[:2], **two))
        while len(tally.saved) < 10:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await rating

    with crowded(tmp_path, 2) as server:
        asyncio.run(work(server))
        found = clients["report"](tally) | {"made": tally.made}
    assert found["counts"]["held at the end"] == 0
    assert found["counts"]["breaks"] >= 2
    assert found["n_saved"] == found["n_acts"] == 60
    assert compared(server, found) == (0, 0)

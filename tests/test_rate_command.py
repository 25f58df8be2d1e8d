"""`workbench rate …` from a shell: what it says, what it writes, and how it ends."""

import csv
import json
import sqlite3
from contextlib import closing

import pytest

from workbench import cli
from workbench.ratings import Scale, Task
from workbench.ratings.assignment.lists import items_of
from workbench.ratings.journal import Journal
from workbench.ratings.reading import read
from workbench.ratings.scripted import Scripted
from workbench.ratings.sessions import Session, Study

ACTIONS = ("serve", "links", "progress", "verify", "export", "import", "merge")


def run(capsys, *arguments):
    """Run the command; return its status and what it wrote."""
    status = cli.main(["rate", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def place(tmp_path):
    """A journal in which ana has rated and ben has not."""
    lines = [
        {"item_id": f"i{at}", "row_id": str(at), "source": "?", "outputs": [
            {"output_id": f"o{at}", "system": "canary", "text": f"Text {at}."}]}
        for at in range(4)
    ]  # fmt: skip
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    task = Task("quality", [Scale("fluency", 1, 5)])
    task.write(tmp_path / "task.yaml")
    (tmp_path / "raters.csv").write_text("rater\nana\nben\n")
    items = items_of(tmp_path / "items.jsonl", task, raters=["ana", "ben"], overlap=2)
    with Journal.open(tmp_path / "ratings.sqlite") as journal:
        study = Study.start(journal, items)
        Scripted("ana", lambda *_: 0.5).work(Session(study, "ana"))
    return tmp_path / "ratings.sqlite"


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_help_with_an_example(capsys, action):
    with pytest.raises(SystemExit) as caught:
        cli.main(["rate", action, "--help"])
    assert caught.value.code == 0
    assert f"example: workbench rate {action} " in " ".join(capsys.readouterr().out.split())


def test_progress_says_how_far_everybody_is_and_no_system(capsys, place):
    status, out, err = run(capsys, "progress", place)
    assert (status, err) == (0, "")
    assert "quality: 4 of 8 items answered (50 %)." in out
    assert "canary" not in out


def test_progress_as_json(capsys, place):
    status, out, _ = run(capsys, "progress", place, "--json")
    rows = json.loads(out)["rows"]
    assert status == 0
    assert [(each["rater"], each["n_answered"], each["last_at"] is None) for each in rows] == [
        ("ana", 4, False), ("ben", 0, True),
    ]  # fmt: skip


def test_a_journal_that_is_whole_says_its_head(capsys, place):
    with Journal.open(place) as journal:
        head = journal.head()
    assert run(capsys, "verify", place) == (
        0, f"whole: {head.seq} events; head {head.seq}:{head.hash}\n", "",
    )  # fmt: skip
    status, out, _ = run(capsys, "verify", place, "--head", f"{head.seq}:{head.hash}", "--json")
    assert (status, json.loads(out)) == (0, {"whole": True, "broken": []})


def test_a_journal_that_was_changed_ends_with_one_and_names_the_event(capsys, place):
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        connection.execute("UPDATE events SET rater = 'eve' WHERE seq = 3")
    status, out, err = run(capsys, "verify", place)
    assert (status, err) == (1, "")
    assert out.startswith("broken at event 3: its content is not what was stored")
    status, out, _ = run(capsys, "verify", place, "--json")
    told = json.loads(out)
    assert (status, told["whole"], told["broken"][0]["seq"]) == (1, False, 3)


def test_links_are_given_once_and_taken_back(capsys, place):
    status, out, _ = run(capsys, "links", "--journal", place)
    rows = list(csv.DictReader(out.splitlines()))
    assert status == 0
    assert [(each["role"], each["name"]) for each in rows] == [("rater", "ana"), ("rater", "ben")]
    assert all(each["url"].startswith("http://127.0.0.1:8642/#") for each in rows)
    assert run(capsys, "links", "--journal", place)[1] == out
    assert run(capsys, "links", "--journal", place, "--revoke", "ana") == (
        0, "ana: 1 link taken back\n", "",
    )  # fmt: skip
    again = list(csv.DictReader(run(capsys, "links", "--journal", place)[1].splitlines()))
    assert [new["url"] == old["url"] for new, old in zip(again, rows, strict=True)] == [False, True]


def test_links_for_an_address_of_ones_own_and_an_adjudicator(capsys, place):
    status, out, _ = run(
        capsys, "links", "--journal", place, "--public-url", "https://rate.example.org/",
        "--adjudicator", "eva", "--json",
    )  # fmt: skip
    links = json.loads(out)["links"]
    assert status == 0
    assert [each["role"] for each in links] == ["rater", "rater", "adjudicator"]
    assert all(each["url"].startswith("https://rate.example.org/#") for each in links)


def test_ratings_go_out_and_come_in(capsys, place, tmp_path):
    out, back = tmp_path / "out.jsonl", tmp_path / "back.csv"
    assert run(capsys, "export", place, out)[0] == 0
    status, told, _ = run(capsys, "import", out, back, "--format", "plain", "--json")
    assert (status, json.loads(told)["counts"]["ratings"]) == (0, 4)
    assert len(list(csv.DictReader(back.read_text().splitlines()))) == len(read(place)) == 4


def test_journals_are_merged_and_twice_is_as_good_as_once(capsys, place, tmp_path):
    whole = tmp_path / "whole.sqlite"
    status, out, _ = run(capsys, "merge", whole, place)
    assert status == 0
    assert out.startswith("11 events came; ")
    assert run(capsys, "merge", whole, place, "--json")[1].startswith('{"came": 0, ')
    assert read(whole)["value"].tolist() == read(place)["value"].tolist()


BAD = {
    "no journal": (
        ["progress", "{folder}/none.sqlite"],
        "the journal {folder}/none.sqlite must exist, but there is no such file; name another one "
        "or let it be made.",
    ),
    "a head that is none": (
        ["verify", "{place}", "--head", "7"],
        "--head must be as `workbench rate verify` writes it, SEQ:HASH, but '7' came.",
    ),
    "no time": (
        ["links", "--journal", "{place}", "--expires", "soon"],
        "--expires must be such as 90m, 12h or 7d, but 'soon' came.",
    ),
    "a page that is not at the root": (
        ["links", "--journal", "{place}", "--public-url", "https://example.org/rate"],
        "--public-url must be a scheme and a host, such as https://rate.example.org, but "
        "'https://example.org/rate' came; the page must stand at the root.",
    ),
    "a journal without a study": (
        ["serve", "--journal", "{folder}/new.sqlite"],
        "a new journal must get a task and items, but {folder}/new.sqlite holds none and neither "
        "--items nor --rows came; add one of them.",
    ),
    "items without a task": (
        ["serve", "--journal", "{folder}/new.sqlite", "--items", "{folder}/items.jsonl"],
        "items must have a task, but none came; name the task's file first.",
    ),
    "a plan without raters": (
        ["serve", "{folder}/task.yaml", "--journal", "{folder}/new.sqlite", "--items", "x"],
        "a plan must have raters, but none came; name them by --raters, or let them take items as "
        "they come (--pool).",
    ),
    "items twice": (
        ["serve", "{folder}/task.yaml", "--journal", "{folder}/new.sqlite", "--items", "x",
         "--rows", "y"],
        "items must come from --items or --rows, but both came; leave one out.",
    ),
    "a port that is none": (
        ["serve", "--journal", "{place}", "--port", "70000"],
        "--port must be from 0 to 65535, but 70000 came.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_one_sentence_and_ends_with_two(capsys, place, tmp_path, name):
    arguments, told = BAD[name]
    words = [each.format(folder=tmp_path, place=place) for each in arguments]
    status, out, err = run(capsys, *words)
    assert (status, out, err) == (
        2, "", f"workbench: {told.format(folder=tmp_path, place=place)}\n",
    )  # fmt: skip


def test_another_task_than_that_of_the_journal_is_refused(capsys, place, tmp_path):
    Task("other", [Scale("adequacy", 1, 5)]).write(tmp_path / "other.yaml")
    status, _, err = run(capsys, "serve", tmp_path / "other.yaml", "--journal", place)
    assert (status, err) == (
        2, f"workbench: the task must be that of the journal, but {tmp_path}/other.yaml differs "
        f"from the 'quality' that {place} holds; leave it out, or open a new journal.\n",
    )  # fmt: skip

"""The parts of the server without the server: grants, buckets, the clerk, the key, the lists."""

import asyncio
import datetime
import json
import os
import stat
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.errors import BadValue, InputError
from workbench.ratings import Scale, Task
from workbench.ratings.assignment.lists import items_of, raters_of
from workbench.ratings.journal import Journal
from workbench.ratings.journal.keys import signing_key
from workbench.ratings.sessions import Session, Study
from workbench.serving.access import Access, NotAdmitted
from workbench.serving.clerk import Clerk
from workbench.serving.limits import Bucket, Buckets
from workbench.serving.running import is_loopback, listening, warning

DAY = datetime.timedelta(days=1)
KEY = "0" * 64
TASK = Task("quality", [Scale("fluency", 1, 5)])


def failure(call, *arguments, **named):
    with pytest.raises(InputError) as caught:
        call(*arguments, **named)
    return str(caught.value)


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "ratings.sqlite") as opened:
        yield opened


class Clock:
    """A time that a test sets."""

    def __init__(self):
        self.time = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def __call__(self):
        return self.time


def items_file(folder, n=3, **more):
    lines = [
        {"item_id": f"i{at}", "row_id": str(at), "outputs": [
            {"output_id": f"o{at}", "system": "s", "text": "x"}], **more}
        for at in range(n)
    ]  # fmt: skip
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def study(journal, tmp_path):
    return Study.start(journal, items_of(items_file(tmp_path), TASK, raters=["ana", "ben"]))


# --- grants ----------------------------------------------------------------------------------------


def test_a_grant_is_given_again_until_half_of_its_time_is_over(journal):
    clock = Clock()
    access = Access(Study(journal, now=clock), KEY)
    first = access.give("rater", "ana", DAY)
    clock.time += DAY / 3
    assert access.give("rater", "ana", DAY) == first
    clock.time += DAY / 3
    second = access.give("rater", "ana", DAY)
    assert (second.op_id != first.op_id, second.until > first.until) == (True, True)
    assert access.check(first.op_id) == first
    clock.time += DAY / 3
    assert failure(access.check, first.op_id) == "This link has expired; ask for another one."


def test_a_grant_for_one_role_is_none_for_another(journal):
    access = Access(Study(journal), KEY)
    assert access.give("rater", "ana", DAY) != access.give("adjudicator", "ana", DAY)


def test_taking_back_ends_all_links_of_a_rater_and_of_nobody_else(journal):
    access = Access(Study(journal), KEY)
    old = [access.give(role, "ana", DAY) for role in ("rater", "adjudicator")]
    ben = access.give("rater", "ben", DAY)
    assert access.take_back("ana") == 2
    for grant in old:
        with pytest.raises(NotAdmitted):
            access.check(grant.op_id)
    new = access.give("rater", "ana", DAY)
    assert [access.check(each.op_id) for each in (ben, new)] == [ben, new]


def test_a_token_holds_for_its_study_its_key_and_its_use(journal, tmp_path):
    access = Access(Study(journal), KEY)
    token = access.token(access.give("rater", "ana", DAY), "link")
    with Journal.open(tmp_path / "other.sqlite") as other:
        strangers = [Access(Study(other), KEY), Access(Study(journal), "1" * 64)]
        told = [failure(each.name_in, token, "link") for each in strangers]
    told.append(failure(access.name_in, token, "cookie"))
    assert set(told) == {"This link is not one of ours; open it again as it was sent to you."}
    assert access.check(access.name_in(token, "link")).rater == "ana"


def test_who_is_the_same_for_all_links_of_a_person_and_differs_between_people(journal):
    access = Access(Study(journal), KEY)
    names = {access.who(access.give("rater", name, DAY)) for name in ("ana", "ben")}
    names |= {access.who(access.give("adjudicator", "ana", DAY))}
    access.take_back("ana")
    assert access.who(access.give("rater", "ana", DAY)) in names
    assert len(names) == 3


def test_a_grant_of_a_role_that_we_do_not_know_lets_nobody_in(journal):
    from workbench.ratings.events import Draft

    study = Study(journal)
    journal.append([Draft("g", "grant", {"role": "root", "until": "3000"}, "ana")])
    journal.append([Draft("h", "grant", {}, "ana")])
    study.refresh()
    for name in ("g", "h"):
        assert failure(Access(study, KEY).check, name).startswith("This link was taken back")


# --- buckets ---------------------------------------------------------------------------------------


def test_a_bucket_gives_no_more_than_its_burst_and_rate():
    time = [0.0]
    bucket = Bucket(2.0, 3, now=lambda: time[0])
    assert [bucket.take() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    time[0] = 100.0
    assert not bucket.is_empty()
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.is_empty()


def test_buckets_of_many_addresses_take_no_more_room_than_allowed():
    buckets = Buckets(1.0, 1)
    for at in range(20_000):
        buckets.of(str(at))
    assert len(buckets._of) == 10_000
    assert buckets.of("19999") is buckets.of("19999")


# --- the clerk -------------------------------------------------------------------------------------


def act(item, n, **changed):
    return {
        "type": "act", "kind": "answer", "op_id": str(uuid.uuid4()), "view_id": "v", "n": n,
        "item": item, "question": "fluency", "target": "A", "value": 3, "client_time": "",
        "shown_at": "", "visible_s": 1,
    } | changed  # fmt: skip


def asked(study, *messages):
    """Let a clerk answer messages of ana that come at the same time."""
    clerk, session = Clerk(study), Session(study, "ana")

    async def work():
        waiting = [asyncio.ensure_future(clerk.answer(session, each)) for each in messages]
        await asyncio.sleep(0)
        clerk.start()
        return [replies for (replies,) in [await each for each in waiting]]

    try:
        return asyncio.run(work())
    finally:
        clerk.stop()


def test_acts_that_come_together_are_stored_together_and_each_is_answered(study):
    item = study.items_of("ana")[0]
    before = study.state.seq
    replies = asked(study, *(act(item, n) for n in range(1, 51)))
    assert [each["type"] for each in replies] == ["saved"] * 50
    assert sorted(each["seq"] for each in replies) == list(range(before + 1, before + 51))
    at = {event.at for event in study.journal.events(kinds=["answer"])}
    assert len(at) <= 50


def test_one_wrong_act_refuses_none_of_the_others(study):
    item = study.items_of("ana")[0]
    taken = act(item, 1)
    other = Session(study, "ben")
    theirs = act(study.items_of("ben")[0], 1, op_id=taken["op_id"])
    assert other.receive(theirs)[0]["type"] == "saved"
    replies = asked(study, act(item, 2), taken, act(item, 3, value=9), act(item, 4))
    assert [each["type"] for each in replies] == ["saved", "refused", "refused", "saved"]


def test_the_same_act_twice_at_once_is_stored_once(study):
    same = act(study.items_of("ana")[0], 1)
    replies = asked(study, same, same)
    assert replies[0] == replies[1]
    assert len(study.journal.events(kinds=["answer"])) == 1


def test_a_store_that_cannot_be_written_fails_acts_for_now_and_says_no_place(study):
    study.journal.close()
    replies = asked(study, act(study.items_of("ana")[0], 1), {"type": "hello", "view_id": "v"})
    assert [each["type"] for each in replies] == ["failed", "failed"]
    assert {each["reason"] for each in replies} == {
        "the store must take what you do, but it cannot just now; keep this page open, and it is "
        "tried again."
    }
    assert study.journal.place in study.trouble


def test_a_clerk_does_what_was_asked_before_it_ends(study):
    clerk, done = Clerk(study), []

    async def work():
        for at in range(20):
            clerk._asked(lambda at=at: done.append(at))

    asyncio.run(work())
    clerk.start()
    clerk.stop()
    assert done == list(range(20))


# --- the key ---------------------------------------------------------------------------------------


def test_a_key_is_made_once_by_whoever_comes_first(tmp_path):
    place = tmp_path / "deep" / "ratings.sqlite"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(signing_key, [place] * 16))
    assert len(keys) == 1
    assert [path.name for path in place.parent.iterdir()] == ["ratings.sqlite.key"]
    assert stat.S_IMODE((place.parent / "ratings.sqlite.key").stat().st_mode) == 0o600


def test_a_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "key"
    signing_key("x.sqlite", file=path)
    path.chmod(0o640)
    assert failure(signing_key, "x.sqlite", file=path) == (
        f"the key of the links must be for its owner only, but others may read {path}; take that "
        "right from them (chmod 600)."
    )


def test_a_file_that_holds_no_key_is_refused(tmp_path):
    path = tmp_path / "key"
    path.write_text("secret\n")
    path.chmod(0o600)
    assert failure(signing_key, "x.sqlite", file=path) == (
        f"the key of the links must be 64 hexadecimal digits, but {path} holds something else; "
        "name another file, or remove it to have one made."
    )


def test_a_key_that_is_a_folder_is_refused(tmp_path):
    assert failure(signing_key, "x.sqlite", file=tmp_path) == (
        f"the key of the links must be at hand, but {tmp_path} cannot be used (Is a directory); "
        "name another file."
    )


# --- lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("Ana\nBen\n", ["Ana", "Ben"]),
        ("rater\nAna\n", ["Ana"]),
        ("\ufeffRater,team\r\nAna,1\r\nBen,2\r\n", ["Ana", "Ben"]),
        ('team,rater\n1,"Ana, B."\n\n', ["Ana, B."]),
        ("001\n002\n", ["001", "002"]),
        (" Zoe\u0308 \n", ["Zoë"]),
    ],
    ids=["lines", "column", "spreadsheet", "quoted", "digits", "accents"],
)
def test_raters_are_read(tmp_path, content, names):
    path = tmp_path / "raters.csv"
    path.write_bytes(content.encode())
    assert raters_of(path) == names


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "raters must be named once each, but {} has nobody; correct it."),
        ("rater\n", "raters must be named once each, but {} has nobody; correct it."),
        ("a\na\n", "raters must be named once each, but {} has 'a' more than once; correct it."),
        (
            "name,team\na,b\n",
            "{} must have a column 'rater', but it has 'name', 'team'; name the column so.",
        ),
        (
            "rater\n\u202ea\n",
            "a rater's name must be 1 to 200 characters on one line, but {} has '\\u202ea'; correct it.",
        ),
        (
            "rater,x\n,1\n",
            "a rater's name must be 1 to 200 characters on one line, but {} has ''; correct it.",
        ),
    ],
)
def test_raters_that_cannot_be_are_refused(tmp_path, content, told):
    path = tmp_path / "raters.csv"
    path.write_text(content, encoding="utf-8")
    assert failure(raters_of, path) == told.format(path)


def test_items_of_a_file_are_shared_evenly(tmp_path):
    made = items_of(items_file(tmp_path, 12), TASK, raters=["a", "b", "c"], overlap=2)
    assert {len(planned) for planned in made.plan.values()} == {8}
    counts = [sum(item.item_id in planned for planned in made.plan.values()) for item in made.items]
    assert counts == [2] * 12


def test_training_comes_first_and_known_items_are_for_all(tmp_path):
    path = items_file(tmp_path, 6)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[4]["purpose"], lines[5]["purpose"] = "training", "gold"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    made = items_of(path, TASK, raters=["a", "b"])
    assert [planned[0] for planned in made.plan.values()] == ["i4", "i4"]
    assert all("i5" in planned for planned in made.plan.values())


@pytest.mark.parametrize("overlap", [0, 3])
def test_an_overlap_that_cannot_be_is_refused(tmp_path, overlap):
    path = items_file(tmp_path)
    assert failure(items_of, path, TASK, raters=["a", "b"], overlap=overlap) == (
        f"overlap must be from 1 to the number of raters, 2, but {overlap} came; name more raters, "
        "or lower it."
    )


@pytest.mark.parametrize("line", ["x", "[]", "[" * 100_000, '{"item_id": 1}', "{}"], ids=len)
def test_a_line_that_is_no_item_is_named(tmp_path, line):
    path = items_file(tmp_path, 2)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(BadValue) as caught:
        items_of(path, TASK, raters=["a"])
    assert str(caught.value).startswith(
        f"{path} must have an item in each line, but line 3 is none"
    )


def test_an_item_that_is_there_twice_is_refused(tmp_path):
    path = items_file(tmp_path, 2)
    path.write_text(path.read_text() * 2)
    assert failure(items_of, path, TASK, raters=["a"]) == (
        f"items must have distinct names, but {path} has 'i0' twice, last in line 3; drop one."
    )


# --- the process -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "url", "warned"),
    [
        ("127.0.0.1", "", False), ("::1", "", False), ("localhost", "", False),
        ("0.0.0.0", "", True), ("192.168.1.2", "http://rate.example.org", True),
        ("0.0.0.0", "https://rate.example.org", False), ("example.org", "", True),
    ],
)  # fmt: skip
def test_a_host_that_others_reach_without_tls_is_warned_of_in_one_sentence(host, url, warned):
    told = warning(host, url)
    assert bool(told) == warned
    assert told.count(". ") == 0
    assert is_loopback(host) or warned or url


def test_a_port_that_is_taken_is_said_so():
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert failure(listening, "127.0.0.1", port) == (
            f"127.0.0.1 port {port} must be free to listen on, but it is not "
            f"({os.strerror(98)}); choose another --port or --host."
        )

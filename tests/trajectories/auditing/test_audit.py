"""Audit logs: every change shows, redaction breaks nothing."""

import json
import random
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import BadKind, BadValue, Unreadable
from workbench.trajectories.auditing.audit import Break, Verified, redact, seal, verify
from workbench.trajectories.auditing.hashing import leaf_hash, leaves
from workbench.trajectories.auditing.signing import new_key
from workbench.trajectories.collection import Runs
from workbench.trajectories.model import Annotation, Part, Run, Step, Usage
from workbench.trajectories.replays.values import canonical

SECRET = b"of the tests"


def some_runs(n=3, n_steps=5):
    return Runs.of(
        Run(
            "x", name=f"run {at}", recorded=Usage(10, cost_usd=0.5), annotations=[Annotation("a")],
            steps=[
                Step("chat", f"/{k}", [Part("out", "assistant", "text", f"step {k} of {at}")],
                     usage=Usage(k, 0), flags=frozenset({"demo"}), extra={"a/b": [1, {}, None]})
                for k in range(n_steps)
            ],
        )
        for at in range(n)
    )  # fmt: skip


@pytest.fixture
def log(tmp_path):
    seal(some_runs(), tmp_path / "log.jsonl", secret=SECRET)
    return tmp_path / "log.jsonl"


def test_a_log_holds_and_the_same_secret_gives_the_same_bytes(log, tmp_path):
    assert verify(log) == Verified((), 20, 0, signed=False)
    head = seal(some_runs(), tmp_path / "again.jsonl", secret=SECRET)
    assert (tmp_path / "again.jsonl").read_bytes() == log.read_bytes()
    assert verify(log, head=head)
    other = seal(some_runs(), tmp_path / "other.jsonl")
    assert other != head
    assert verify(tmp_path / "other.jsonl")


def test_a_log_written_anew_is_known_by_its_head(log, tmp_path):
    head = seal(some_runs(2), tmp_path / "short.jsonl", secret=SECRET)
    assert verify(log, head=head).breaks == (
        Break(20, "it does not end with the hash that was kept"),
    )


def changed(lines, dice):
    """Change a log in one of the ways in which logs are changed."""
    kind = dice.choice(["byte", "delete", "swap", "truncate", "double", "edit", "move"])
    at, other = dice.sample(range(len(lines)), 2)
    if kind == "byte":
        place = dice.randrange(len(lines[at]))
        letter = dice.choice([each for each in b"0aZ \x00" if each != lines[at][place]])
        lines[at] = lines[at][:place] + bytes([letter]) + lines[at][place + 1 :]
    elif kind == "delete":
        del lines[at]
    elif kind == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "truncate":
        del lines[max(at, 1) :]
    elif kind == "double":
        lines.insert(other, lines[at])
    elif kind == "move":
        lines.insert(0 if at else 2, lines.pop(at))
    else:
        value = json.loads(lines[at % (len(lines) - 1)])
        value["content"]["run_id"] = "another"
        lines[at % (len(lines) - 1)] = json.dumps(value).encode()
    return kind


@pytest.mark.parametrize("cases", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_one_of_many_changes_is_found(cases, log, tmp_path):
    whole, dice = log.read_bytes().split(b"\n")[:-1], random.Random(0)
    place, missed = tmp_path / "changed.jsonl", []
    for case in range(cases):
        lines = list(whole)
        kind = changed(lines, dice)
        place.write_bytes(b"\n".join(lines) + b"\n")
        if lines != whole and verify(place):
            missed.append((case, kind))
    assert missed == []


def test_the_steps_of_two_runs_that_change_places_are_found(log):
    lines = log.read_bytes().split(b"\n")
    one, two = json.loads(lines[3]), json.loads(lines[9])
    assert one["content"]["number"] == two["content"]["number"]
    one["content"], two["content"] = two["content"], one["content"]
    one["salts"], two["salts"] = two["salts"], one["salts"]
    lines[3], lines[9] = json.dumps(one).encode(), json.dumps(two).encode()
    log.write_bytes(b"\n".join(lines))
    assert verify(log).breaks[0].line == 4


def test_what_is_redacted_is_gone_and_the_log_still_holds(tmp_path):
    runs = some_runs()
    runs["run 0"].step(2).parts[0].text = "Write to ann@example.org, or call +49 30 1234567."
    runs["run 1"].step(0).extra["password"] = {"now": "hunter2", "then": ["hunter1"]}
    keys = tmp_path / "private.pem", tmp_path / "public.pem"
    new_key(*keys)
    head = seal(runs, tmp_path / "log.jsonl", secret=SECRET, key=keys[0])
    n = redact(tmp_path / "log.jsonl", tmp_path / "redacted.jsonl", names=["password"])
    text = (tmp_path / "redacted.jsonl").read_text()
    assert n == 2
    assert not [each for each in ("ann@", "1234567", "hunter") if each in text]
    assert "Write to [email], or call [phone]." in text
    found = verify(tmp_path / "redacted.jsonl", head=head, public_key=keys[1])
    assert found == Verified((), 20, 2, signed=True)
    assert redact(tmp_path / "redacted.jsonl", tmp_path / "twice.jsonl") == 0


@pytest.mark.parametrize("given", [{"names": "password"}, {"kinds": "email"}, {"names": None}])
def test_a_text_where_a_list_is_meant_is_refused_and_nothing_written(log, tmp_path, given):
    (name, value), *_ = given.items()
    with pytest.raises(BadKind) as caught:
        redact(log, tmp_path / "to.jsonl", **given)
    assert str(caught.value) == (
        f"`{name}` must be a list, but {value!r} came; put what it names into [ ]."
    )
    assert not (tmp_path / "to.jsonl").exists()


@pytest.mark.parametrize("files", ["x.json", Path("x.json")])
def test_one_file_where_a_list_is_meant_is_refused(tmp_path, files):
    with pytest.raises(BadKind, match="`files` must be a list"):
        seal([], tmp_path / "log", files=files)


def test_a_redacted_leaf_cannot_be_guessed_without_its_salt(tmp_path):
    runs = some_runs()
    runs["run 0"].step(2).parts[0].text = "ann@example.org"
    seal(runs, tmp_path / "log.jsonl", secret=SECRET)
    redact(tmp_path / "log.jsonl", tmp_path / "redacted.jsonl")
    line = json.loads((tmp_path / "redacted.jsonl").read_text().split("\n")[4])
    assert "/step/parts/0/text" not in line["salts"]
    # putting the guess back does not hold, since its salt is gone
    line["content"]["step"]["parts"][0]["text"] = "ann@example.org"
    lines = (tmp_path / "redacted.jsonl").read_text().split("\n")
    lines[4] = json.dumps(line)
    (tmp_path / "guessed.jsonl").write_text("\n".join(lines))
    assert verify(tmp_path / "guessed.jsonl").breaks[0].line == 5


def test_a_redaction_that_was_not_made_by_redact_is_found(log):
    lines = log.read_text().split("\n")
    line = json.loads(lines[4])
    line["content"]["step"]["kind"] = {"$redacted": "0" * 64}
    lines[4] = json.dumps(line)
    log.write_text("\n".join(lines))
    assert verify(log).breaks[0].line == 5


def test_a_broken_log_is_not_redacted(log, tmp_path):
    log.write_bytes(log.read_bytes().replace(b"step 3", b"step 4", 1))
    with pytest.raises(BadValue) as caught:
        redact(log, tmp_path / "to.jsonl")
    assert str(caught.value) == (
        f"an audit log must hold before it is redacted, but {log} does not: line 6, its content, or "
        "one before it, is not what was sealed; find out who changed it."
    )
    assert not (tmp_path / "to.jsonl").exists()


def test_signatures_of_others_and_none_at_all(log, tmp_path):
    for name in ("ann", "eve"):
        new_key(tmp_path / f"{name}.key", tmp_path / f"{name}.pem")
    assert verify(log, public_key=tmp_path / "ann.pem").breaks == (Break(20, "it is not signed"),)
    seal(some_runs(), log, key=tmp_path / "eve.key", secret=SECRET)
    assert verify(log).signed
    assert verify(log, public_key=tmp_path / "eve.pem") == Verified((), 20, 0, signed=True)
    assert verify(log, public_key=tmp_path / "ann.pem") == Verified(
        (Break(20, "its signature does not hold, or is another's"),), 20, 0, signed=False
    )
    assert (tmp_path / "ann.key").stat().st_mode & 0o077 == 0


def test_a_key_is_never_overwritten_and_a_wrong_one_is_named(tmp_path):
    new_key(tmp_path / "a.key", tmp_path / "a.pem")
    with pytest.raises(BadValue) as caught:
        new_key(tmp_path / "a.key", tmp_path / "b.pem")
    assert str(caught.value) == (
        f"a new key must not replace another, but {tmp_path}/a.key exists; name another file."
    )
    with pytest.raises(BadValue) as caught:
        seal(some_runs(), tmp_path / "log", key=tmp_path / "a.pem")
    assert str(caught.value) == (
        "a signing key must be an Ed25519 key as PEM without a password, but "
        f"{tmp_path}/a.pem is none; make one with signing.new_key."
    )
    assert not (tmp_path / "log").exists()


def test_files_are_kept_by_their_digests(tmp_path):
    (tmp_path / "one.json").write_text("1")
    seal(some_runs(), tmp_path / "log.jsonl", files=[tmp_path / "one.json"])
    assert verify(tmp_path / "log.jsonl", files=tmp_path)
    (tmp_path / "one.json").write_text("2")
    assert verify(tmp_path / "log.jsonl", files=tmp_path).breaks == (
        Break(1, "the file one.json is not what was sealed"),
    )
    (tmp_path / "one.json").unlink()
    assert verify(tmp_path / "log.jsonl", files=tmp_path).breaks == (
        Break(1, "the file one.json is missing"),
    )


def test_a_log_that_is_not_there_or_empty(tmp_path):
    with pytest.raises(Unreadable):
        verify(tmp_path / "none")
    (tmp_path / "empty").write_text("")
    assert verify(tmp_path / "empty") == Verified((Break(0, "it is empty"),), 0, 0, signed=False)


def opened(log):
    return [json.loads(line) for line in log.read_bytes().split(b"\n")[:-1]]


def written(log, lines):
    log.write_bytes(b"".join(canonical(each) + b"\n" for each in lines))
    return log


def sealed(tmp_path, *parts, **more):
    """Seal a run whose one step has an argument, or parts, of a test."""
    run = Run("x", name="r", steps=[Step("chat", "/0", list(parts), **more)])
    seal([run], tmp_path / "log.jsonl", secret=SECRET)
    return tmp_path / "log.jsonl"


def redacted(log, **choice):
    """Return how many were taken out, and the text of what is left, which still holds."""
    place = log.parent / "redacted.jsonl"
    n = redact(log, place, **choice)
    found = verify(place)
    assert found.breaks == ()
    assert found.n_redacted == n
    return n, place.read_text()


def test_a_source_that_wrote_the_mark_of_redaction_named_its_own_hash(tmp_path):
    log = sealed(tmp_path, extra={"$redacted": "0" * 64, "$$redacted": 1, "amount": 5000})
    assert verify(log) == Verified((), 4, 0, signed=False)
    lines = opened(log)
    extra = lines[2]["content"]["step"]["extra"]
    assert extra == {"$$redacted": "0" * 64, "$$$redacted": 1, "amount": 5000}
    for name, value in (("amount", 1), ("$redacted", "0" * 64), ("$$redacted", "1" * 64)):
        changed = opened(log)
        changed[2]["content"]["step"]["extra"][name] = value
        assert not verify(written(tmp_path / "changed.jsonl", changed))


@pytest.mark.parametrize(
    "more", [{"amount": 1}, {"shown": 5}, {"shown": {"a": 1}}, {"$redacted": "A" * 64}]
)
def test_a_mark_with_members_of_another_was_a_mark(tmp_path, more):
    log = sealed(tmp_path, extra={"mail": "ann@example.org"})
    redact(log, log)
    lines = opened(log)
    lines[2]["content"]["step"]["extra"]["mail"] |= more
    assert verify(written(log, lines)).breaks == (Break(3, "it is no line of an audit log"),)


def test_names_with_line_ends_stood_for_other_leaves(tmp_path):
    # what joined places and hashes by line ends took the names of one object for many leaves
    log = sealed(tmp_path)
    lines = opened(log)
    content, salts = lines[2]["content"], lines[2]["salts"]
    hashes = [
        (place, leaf_hash(place, value, salts[place])) for place, value in sorted(leaves(content))
    ]
    joined = "\n".join(f"{place}\0{hashed}" for place, hashed in hashes).rpartition("\0")[0]
    forged = {"$redacted": hashes[-1][1]}
    for name in reversed(joined[1:].split("/")):
        forged = {name.replace("~1", "/").replace("~0", "~"): forged}
    lines[2] |= {"content": forged, "salts": {}}
    assert verify(written(log, lines)).breaks[0].line == 3


def test_a_list_was_the_same_as_an_object_with_numbers_as_names(tmp_path):
    log = sealed(tmp_path, extra={"a": ["x", "y"]})
    lines = opened(log)
    lines[2]["content"]["step"]["extra"]["a"] = {"0": "x", "1": "y"}
    assert verify(written(log, lines)).breaks[0].line == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[0].update(n=True),
        lambda lines: lines[1].update(n=2.0),
        lambda lines: lines[1]["salts"].update({"/run_id": lines[1]["salts"]["/run_id"].upper()}),
        lambda lines: lines[1]["salts"].update({"/run_id": " " + lines[1]["salts"]["/run_id"]}),
        lambda lines: lines[1]["salts"].update({"/none": "0" * 32}),
        lambda lines: lines[1]["salts"].pop("/run_id"),
        lambda lines: lines[-1].update(note="approved"),
        lambda lines: lines[-1]["end"].update(note="approved"),
        lambda lines: lines[-1]["end"].update(n=float(lines[-1]["end"]["n"])),
        lambda lines: lines[-1].update(signature=lines[-1]["signature"].upper()),
        lambda lines: lines[-1].update(public_key=lines[-1]["public_key"] + "\n"),
        lambda lines: lines[-1].pop("signature"),
        lambda lines: lines[-1].update(end="x"),
        lambda lines: lines.__setitem__(-1, "x"),
        lambda lines: lines.__delitem__(slice(0, -1)),
    ],
)  # fmt: skip
def test_a_change_that_was_silent_or_crashed(tmp_path, change):
    new_key(tmp_path / "a.key", tmp_path / "a.pem")
    log = tmp_path / "log.jsonl"
    head = seal(some_runs(), log, secret=SECRET, key=tmp_path / "a.key")
    lines = opened(log)
    change(lines)
    assert not verify(written(log, lines))
    assert not verify(log, head=head, public_key=tmp_path / "a.pem", files=tmp_path)


def test_a_log_without_its_last_line_end_was_whole(log):
    log.write_bytes(log.read_bytes()[:-1])
    assert not verify(log)


def test_what_is_shown_for_a_forged_redaction_is_said_to_be_unproven(tmp_path, capsys):
    log = sealed(tmp_path, Part("out", "tool", "text", "paid 5000"))
    lines = opened(log)
    place = "/step/parts/0/text"
    hashed = leaf_hash(place, "paid 5000", lines[2]["salts"].pop(place))
    lines[2]["content"]["step"]["parts"][0]["text"] = {"$redacted": hashed, "shown": "refused"}
    assert verify(written(log, lines)) == Verified((), 4, 1, signed=False)
    assert main(["trajectories", "verify", str(log)]) == 0
    assert capsys.readouterr().out == (
        "whole, unsigned\n1 leaf redacted, what is shown for it is unproven\n"
    )


def test_a_log_whose_signature_was_taken_away_is_not_called_signed(tmp_path, capsys):
    new_key(tmp_path / "a.key", tmp_path / "a.pem")
    log = tmp_path / "log.jsonl"
    seal(some_runs(), log, key=tmp_path / "a.key")
    assert main(["trajectories", "verify", str(log)]) == 0
    assert capsys.readouterr().out == "whole, signed\n"
    lines = opened(log)
    del lines[-1]["signature"], lines[-1]["public_key"]
    assert verify(written(log, lines)) == Verified((), 20, 0, signed=False)
    assert main(["trajectories", "verify", str(log), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "whole": True, "signed": False, "n_lines": 20, "n_redacted": 0, "broken": [],
    }  # fmt: skip
    assert main(["trajectories", "verify", str(log), "--key", str(tmp_path / "a.pem")]) == 1
    assert capsys.readouterr().out == "line 20: it is not signed\n"


def test_what_was_found_is_true_when_whole_and_counts_its_breaks(log):
    assert verify(log)
    assert list(verify(log)) == []
    log.write_bytes(b"{}\n")
    assert not verify(log)
    assert len(verify(log)) == 1
    assert list(verify(log)) == [Break(1, "it is no line of an audit log")]


def test_two_files_of_one_name_were_one(tmp_path):
    for name in ("one", "two"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "x.json").write_text(name)
    log = tmp_path / "log.jsonl"
    seal(some_runs(), log, files=sorted(tmp_path.rglob("x.json")))
    assert [each["name"] for each in opened(log)[0]["content"]["files"]] == [
        "one/x.json",
        "two/x.json",
    ]
    assert verify(log, files=tmp_path / "in")
    (tmp_path / "in" / "one" / "x.json").write_text("two")
    assert verify(log, files=tmp_path / "in").breaks == (
        Break(1, "the file one/x.json is not what was sealed"),
    )


def test_a_file_that_is_named_twice_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("1")
    (tmp_path / "in").mkdir()
    with pytest.raises(BadValue) as caught:
        seal([], tmp_path / "log", files=[tmp_path / "x.json", tmp_path / "in" / ".." / "x.json"])
    assert str(caught.value) == (
        f"a file must be kept once in an audit log, but '{tmp_path}/x.json' came twice; leave one out."
    )
    assert not (tmp_path / "log").exists()


def test_a_log_that_kept_no_files_was_whole_beside_any(log, tmp_path):
    assert verify(log, files=tmp_path).breaks == (Break(1, "it kept no files"),)


@pytest.mark.parametrize(
    "name", ["../out.json", "/etc/hostname", "in/../../out.json", "link.json", "a\\b"]
)
def test_a_name_in_a_log_never_leads_out_of_the_folder(tmp_path, name):
    from workbench.trajectories.auditing.files import changed_files

    (tmp_path / "out.json").write_text("1")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.json").symlink_to(tmp_path / "out.json")
    assert list(changed_files([{"name": name, "sha256": "0"}], folder)) == [
        f"the file {name} is not within the folder"
    ]


@pytest.mark.parametrize(
    "part",
    [
        Part("in", "assistant", "tool_call", '{"user": "a", "password": "hunter2"}'),
        Part("out", "tool", "tool_call_response", 'said: {"a": {"password": "hunter2"}}'),
        Part("in", "assistant", "tool_call", arguments={"body": '{"password": {"hunter2": 1}}'}),
        Part("in", "assistant", "tool_call", arguments={"password": {"hunter2": 1}}),
    ],
)  # fmt: skip
def test_a_password_stayed_in_texts_that_hold_json(tmp_path, part):
    n, text = redacted(sealed(tmp_path, part), names=["password"])
    assert n == 1
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("4111 1111 1111 1111 12/27", "4111 1111"), ("DE89 3704 0044 0532 0130 00 COBADEFF", "DE89"),
        ('{"b": "SSN:\\n078-05-1120"}', "078-05-1120"), ('{"b": "SSN:\\n078-05-1120', "078-05-1120"),
        (4111111111111111, "4111111111111111"), ({"ann@example.org": 1}, "ann@example.org"),
        ([{"a": {"SSN:\n078-05-1120": [1]}}], "078-05-1120"),
    ],
)  # fmt: skip
def test_what_a_pattern_passed_over_is_gone(tmp_path, value, secret):
    log = sealed(
        tmp_path, Part("in", "assistant", "tool_call", arguments={"v": value, "keep": "this"})
    )
    assert secret in log.read_text() or "\\n" in log.read_text()
    n, text = redacted(log)
    assert n == 1
    assert secret not in text
    assert "this" in text
    assert redact(log.parent / "redacted.jsonl", log) == 0


def test_the_members_around_a_name_that_tells_something_go_with_it(tmp_path):
    value = {"ann@example.org": 1, "mail": "bob@example.org", "plain": "words"}
    n, text = redacted(sealed(tmp_path, extra={"all": value, "rest": 1}))
    assert n == 1
    line = json.loads(text.split("\n")[2])
    assert line["content"]["step"]["extra"]["all"].keys() == {"$redacted"}
    assert not [place for place in line["salts"] if place.startswith("/step/extra/all")]


def test_times_of_steps_are_no_card_numbers(tmp_path):
    log = sealed(tmp_path, start_ns=1764295148123456786, end_ns=1764295148123456794)
    assert redacted(log)[0] == 0


def test_what_is_nested_too_deeply_is_refused(tmp_path):
    value = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(BadValue) as caught:
        sealed(tmp_path, Part("in", "assistant", "tool_call", arguments={"a": value}))
    assert str(caught.value) == (
        "what is sealed must not be nested too deeply, but what follows line 2 is; look at the "
        "arguments of its tools."
    )

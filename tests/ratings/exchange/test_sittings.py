"""Ratings of a real sitting go out in every format, and come back."""

import pytest

from workbench.errors import BadKind
from workbench.ratings.exchange import from_file, read_chain, restore, write
from workbench.ratings.journal import Journal
from workbench.ratings.reading import read
from workbench.ratings.sessions import Session, Study
from workbench.tables import each_row

ERRORS = [
    {"side": "output", "start": 4, "end": 8, "category": "meaning", "severity": "major"},
    {"side": "source", "start": 0, "end": 6, "category": "grammar", "severity": "minor"},
]


@pytest.fixture
def sat(journal, kit):
    """A journal in which a rater answered two questions of each of two items."""
    study = Study.start(journal, kit.items(kit.one, n=2))
    session = Session(study, "ana", session_id="s1")
    for at in range(2):
        item = kit.item(kit.one, at)
        acts = [("fluency", 4 + at), ("errors", ERRORS[: 2 * at])]
        for n, (question, value) in enumerate(acts, start=1 + 2 * at):
            (reply,) = session.receive(kit.answer(item, n, question, value, "A", visible_s=n + 0.5))
            assert reply["type"] == "saved"
    return journal


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_journals_ratings_come_back_equal(sat, tmp_path, suffix):
    path = tmp_path / f"ratings.{suffix}"
    report = write(sat, path)
    back = from_file(path).ratings
    expected = read(sat)
    assert report["ratings"] == 4
    names = ["item_id", "rater", "question", "value", "output_ids", "system", "rating_id"]
    assert back[names].to_numpy().tolist() == expected[names].to_numpy().tolist()


def test_a_journal_knows_the_texts_of_an_mqm_file(sat, tmp_path):
    report = write(sat, tmp_path / "a.tsv")
    lines = (tmp_path / "a.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        "canary-system-0\tcanary-row-0\t1\t0\tana\tsource 0\tThe text 0 of 0 is here.\tNo-error\t"
        "No-error\t",
        "canary-system-0\tcanary-row-1\t1\t0\tana\tsource 1\tThe <v>text</v> 0 of 1 is here.\t"
        "meaning\tMajor\t",
        "canary-system-0\tcanary-row-1\t1\t0\tana\t<v>source</v> 1\tThe text 0 of 1 is here.\t"
        "grammar\tMinor\t",
    ]
    assert report["left_out"] == 2
    back = from_file(tmp_path / "a.tsv").ratings
    assert back["value"].tolist() == [[], ERRORS]


def test_scores_and_errors_of_a_sitting_are_rows_of_appraise(sat, tmp_path):
    write(sat, tmp_path / "a.csv", format="appraise")
    found = from_file(tmp_path / "a.csv")
    values = {(r["item_id"], r["question"]): r["value"] for r in each_row(found.ratings)}
    assert found.report["broken"] == 0
    assert sorted(values.items(), key=str) == [
        (("i000000000000", "score"), 4),
        (("i000000000000", "spans"), []),
        (("i000000000001", "score"), 5),
        (("i000000000001", "spans"), ERRORS[:1]),
    ]


def test_events_written_and_restored_elsewhere_merge_into_the_same_ratings(sat, tmp_path):
    path = tmp_path / "events.jsonl"
    write(sat, path, format="events")
    assert read_chain(path).events == sat.events()
    with restore(path, tmp_path / "there.db") as there:
        assert there.head() == sat.head()
        with Journal.open(tmp_path / "third.db") as third:
            third.merge(there, sat)
            assert read(third)["rating_id"].tolist() == read(sat)["rating_id"].tolist()


def test_events_come_from_a_journal_alone(sat, tmp_path):
    with pytest.raises(BadKind) as caught:
        write(read(sat), tmp_path / "a.jsonl", format="events")
    assert str(caught.value) == (
        "events must come from a journal, but a DataFrame came; pass the journal."
    )

"""Scripted raters do what they say, by the same road as people."""

import random
import statistics

import pytest

from workbench.errors import BadValue
from workbench.ratings.reading import read
from workbench.ratings.scripted import Scripted, answer
from workbench.ratings.sessions import Session, Study
from workbench.ratings.tasks import Labels, Preference, Scale, Spans, Task, Text

SLIDER = Task("slider", [Scale("score", 0, 100)])


@pytest.fixture
def journal(quick):
    return quick


def letters(text, _):
    """Output 0 of an item is better than output 1."""
    return 0.7 if "text 0" in text else 0.3


def rated(kit, place, task=SLIDER, n=40, *, judge=lambda *_: 0.5, most=None, **traits):
    with kit.hasty(place) as journal:
        study = Study.start(journal, kit.items(task, n, raters=["ana"]))
        rater = Scripted("ana", judge, **traits)
        done = rater.work(Session(study, "ana"), most=most)
        return read(journal), done


def records(frame):
    return [
        {key: None if value != value else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def values(kit, tmp_path, name="x", **traits):
    return rated(kit, tmp_path / f"{name}.db", **traits)[0]["value"].tolist()


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_the_same_seed_gives_the_same_ratings_to_the_letter(kit, tmp_path, name):
    task = kit.tasks[name]
    first, second, other = (
        rated(kit, tmp_path / f"{at}.db", task, 6, noise=0.3, seed=seed)[0]
        for at, seed in enumerate([1, 1, 2])
    )
    assert records(first) == records(second)
    assert records(first) != records(other)


def test_every_kind_of_question_is_answered_so_that_nothing_stays_open(journal, kit):
    for at, task in enumerate(kit.tasks.values()):
        with kit.hasty(f"{journal.place}.{at}") as own:
            study = Study.start(own, kit.items(task, 30, raters=["ana"]))
            session = Session(study, "ana")
            Scripted("ana", lambda *_: 0.5, noise=0.5).work(session)
            assert session.progress() == (30, 30)
            asked = {each.question for each in study.state.asked("i000000000000", required=False)}
            assert asked - set(read(own)["question"]) <= {"critique"}
            assert own.verify() == []


@pytest.mark.parametrize(
    "question",
    [
        Text("why"),
        Spans("errors", ["a"], sides=("source",), whole=False),
        Spans("errors", ["a", "b"], severities={"bad": 1}),
        Labels("kind", ["x", "y"], several=False),
        Labels("flags", ["x"]),
        Scale("share", 0, 1, step=0.1),
        Scale("below", -3, -1),
        Scale("half", 1, 5, step=0.5),
    ],
    ids=lambda each: each.name,
)
def test_an_unusual_question_is_answered_too(journal, kit, question):
    study = Study.start(journal, kit.items(Task("t", [question]), 25, raters=["ana"]))
    session = Session(study, "ana")
    Scripted("ana", lambda *_: 0.4, noise=0.6).work(session)
    assert session.progress() == (25, 25)
    assert len({str(each) for each in read(journal)["value"]}) > 1


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("strength", [1, 5])
def test_any_preference_is_answered(journal, kit, tie, strength):
    task = Task("t", [Preference("better", strength=strength, tie=tie)], outputs=2)
    session = Session(Study.start(journal, kit.items(task, 30, raters=["ana"])), "ana")
    Scripted("ana", lambda *_: 0.5, noise=0.4).work(session)
    frame = read(journal)
    assert session.progress() == (30, 30)
    assert ("tie" in set(frame["value"])) == tie
    assert set(frame["strength"].dropna()) == set(range(1, strength + 1))


def test_without_noise_the_answer_is_the_judges(kit, tmp_path):
    assert set(values(kit, tmp_path, judge=lambda *_: 0.377, noise=0.0)) == {38}


def test_a_judge_sees_what_the_page_shows(kit, tmp_path):
    seen = []

    def judge(text, content):
        seen.append((text, content))
        return 0.5

    rated(kit, tmp_path / "x.db", kit.two, 3, judge=judge)
    assert len(seen) == 6
    assert all(text in [each["text"] for each in content["outputs"]] for text, content in seen)
    assert "canary" not in str(seen)


@pytest.mark.parametrize("leaning", [-0.2, 0.2])
def test_a_leaning_moves_the_mean_by_what_is_stated(kit, tmp_path, leaning):
    plain = statistics.mean(values(kit, tmp_path, "a", n=80))
    leant = statistics.mean(values(kit, tmp_path, "b", n=80, leaning=leaning))
    assert leant - plain == pytest.approx(100 * leaning, abs=1)


def test_noise_is_the_standard_deviation_that_is_stated(kit, tmp_path):
    found = statistics.stdev(values(kit, tmp_path, n=150, noise=0.1))
    # five standard errors of a standard deviation: 10 / sqrt(2 × 149) × 5
    assert found == pytest.approx(10, abs=2.9)


def test_a_liking_for_the_first_shows_as_a_liking_for_the_side(kit, tmp_path):
    for first, expected in [(0.5, 1.0), (-0.5, 0.0)]:
        frame = rated(kit, tmp_path / f"{first}.db", kit.choice, 40, noise=0.01, first=first)[0]
        left = [
            row[f"system_{row['value']}"] == row["side"] for row in frame.to_dict("records")
        ]  # fmt: skip
        assert statistics.mean(left) == expected
        assert set(frame["value"]) == {"a", "b"}


def test_without_a_liking_for_a_side_the_better_system_is_chosen_on_either(kit, tmp_path):
    frame = rated(kit, tmp_path / "x.db", kit.choice, 40, judge=letters, noise=0.01)[0]
    assert set(frame["value"]) == {"a"}
    assert len(set(frame["side"])) == 2


def test_the_careless_do_not_ask_the_judge(kit, tmp_path):
    asked = []

    def judge(*_):
        asked.append(1)
        return 0.5

    careless = values(kit, tmp_path, "a", n=100, judge=judge, careless=1.0, noise=0.0)
    assert asked == []
    # uniform on 0 to 100: standard deviation 28.9
    assert statistics.stdev(careless) == pytest.approx(28.9, abs=5)
    values(kit, tmp_path, "b", n=100, judge=judge, careless=0.3, noise=0.0)
    # five standard deviations of a binomial count
    assert len(asked) == pytest.approx(70, abs=23)


def test_the_time_for_an_item_has_the_median_that_is_stated(kit, tmp_path):
    frame = rated(kit, tmp_path / "x.db", n=120, seconds=30)[0]
    assert statistics.median(frame["duration_s"]) == pytest.approx(30, rel=0.25)
    assert frame["started_at"].is_unique
    assert frame["started_at"].min() == "2026-01-05T09:00:00.000+00:00"


def test_work_that_stops_after_some_items_goes_on_where_it_stopped(kit, tmp_path):
    whole, n_acts = rated(kit, tmp_path / "whole.db", n=9, seed=3)
    parts = [rated(kit, tmp_path / "parts.db", n=9, seed=3, most=4) for _ in range(4)]
    assert [done for _, done in parts] == [4, 4, 1, 0]
    assert n_acts == 9
    same = ["rating_id", "item_id", "value"]
    assert parts[-1][0][same].to_dict("records") == whole[same].to_dict("records")


def test_one_rater_goes_on_too_and_the_clock_goes_on_with_it(journal, kit):
    session = Session(Study.start(journal, kit.items(SLIDER, 5, raters=["ana"])), "ana")
    rater = Scripted("ana", lambda *_: 0.5)
    assert [rater.work(session, most=2) for _ in range(4)] == [2, 2, 1, 0]
    times = [each.body["client_time"] for each in journal.events(kinds=["answer"])]
    assert times == sorted(set(times))


def test_a_pool_is_worked_through(journal, kit):
    study = Study.start(journal, kit.items(SLIDER, 6, raters=(), overlap=2))
    done = [Scripted(name, lambda *_: 0.5).work(Session(study, name)) for name in ("a", "b", "c")]
    assert sum(done) == 12
    assert read(journal).groupby("item_id").size().tolist() == [2] * 6


def test_a_rater_says_when_nothing_can_be_stored(journal, kit):
    session = Session(Study.start(journal, kit.items(SLIDER)), "ana")
    journal.close()
    with pytest.raises(BadValue) as caught:
        Scripted("ana", lambda *_: 0.5).work(session)
    assert str(caught.value) == (
        "a session must open, but the store must take what you do, but it cannot just now; keep "
        "this page open, and it is tried again."
    )


def test_who_finds_all_bad_says_both_bad_and_who_finds_no_error_marks_none(kit):
    question = kit.two.shown()["questions"][0]
    dice = random.Random(0)
    assert answer(question, {"A": 0.1, "B": 0.14}, {}, dice) == {"choice": "both bad"}
    content = {"outputs": [{"letter": "A", "text": "Some words here."}], "source": ""}
    marks = next(each for each in kit.one.shown()["questions"] if each["kind"] == "spans")
    assert answer(marks, {"A": 1.0}, content, dice) == []
    assert len(answer(marks, {"A": 0.0}, content, dice)) > 0

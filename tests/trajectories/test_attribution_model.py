"""Features, the model that weighs them, and how its skill is measured."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from workbench.errors import BadValue
from workbench.stats.binary import wilson
from workbench.trajectories import read
from workbench.trajectories.attribution import (
    FEATURES,
    AttributionModel,
    attribute,
    default_model,
    evaluate,
    fit,
)
from workbench.trajectories.attribution.features import feature_matrix
from workbench.trajectories.attribution.scores import calibration_error
from workbench.trajectories.attribution.transcript import Transcript, numbers
from workbench.trajectories.model import Annotation, Part, Run, Step

REFERENCE = json.loads(
    (Path(__file__).parent / "reference" / "attribution.json").read_text(encoding="utf-8")
)
repeatable = settings(deadline=None, derandomize=True, max_examples=25)

TEXTS = (
    "How many people lived in Lund in 2020? Plan: look the number up, then report it.",
    "Let us start by looking for the number of people; please run the search.",
    "I assume that approximately 94,000 people lived there, based on sample data.",
    "The number was verified and confirmed, so we can conclude with 94,000 people.",
)


def run(at, step=2, *, texts=TEXTS, group=None):
    steps = [
        Step(
            "chat", "", [Part("out", "assistant", "text", f"{text} ({at})")], agent=f"agent {n % 2}"
        )
        for n, text in enumerate(texts)
    ]
    note = Annotation("mistake", f"agent {step % 2}", step=step)
    return Run("mine", run_id=f"r{at}", task_id=group or f"q{at}", steps=steps, annotations=[note])


def column(name, *texts, agents=None, kinds=None):
    """Return a feature of each step of a run of texts."""
    agents, kinds = agents or ["a"] * len(texts), kinds or ["chat"] * len(texts)
    steps = [
        Step(kind, "", [Part("out", "assistant", "text", text)], agent=agent)
        for kind, text, agent in zip(kinds, texts, agents, strict=True)
    ]
    return feature_matrix(Transcript.of(Run("mine", steps=steps)))[
        :, list(FEATURES).index(name)
    ].tolist()


@pytest.fixture(scope="module")
def logs(shared):
    return list(read(shared / "trajectories" / "who_and_when" / "Algorithm-Generated.jsonl.gz"))


@pytest.fixture(scope="module")
def scores(logs):
    return evaluate(logs)


# features

LONG = "This is what somebody says at some length here."


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("last", [LONG] * 3, [0, 0, 1]),
        ("last_but_one", [LONG] * 3, [0, 1, 0]),
        ("third_speech", [LONG] * 4, [0, 0, 1, 0]),
        ("brief", [LONG, "TERMINATE"], [0, 1]),
        ("invented", [LONG, LONG + " It is mock data."], [0, 1]),
        ("first_invented", [LONG] + [LONG + " It is mock data."] * 2, [0, 1, 0]),
        ("placeholder", [LONG, LONG + " key = YOUR_API_KEY"], [0, 1]),
        ("hedging", [LONG, LONG + " Presumably, I assume, it is likely probable."], [0, 1]),
        ("asking", [LONG, LONG + " Could you share it with us?"], [0, 1]),
        ("closing", [LONG, LONG + " In conclusion, it is so."], [0, 1]),
        ("code", [LONG, f"{LONG}\n```python\nprint(1)\n```"], [0, 1]),
        ("opening_code", [f"{LONG}\n```python\nprint(1)\n```", LONG], [1, 0]),
        ("opening_results", [LONG + " Results from last response: 5", LONG], [1, 0]),
        ("opening_debugging", [LONG + " The error message was: no such file.", LONG], [1, 0]),
        ("first_with_answer", [LONG, LONG + " It is 42.", LONG + " So 42."], [0, 1, 0]),
        ("most_new_numbers", [LONG, LONG + " 12 and 13", LONG + " 14"], [0, 1, 0]),
        ("browsing", [LONG, "Address: https://example.org\n" + LONG], [0, 1]),
    ],
)  # fmt: skip
def test_a_feature_speaks_where_it_should(name, texts, expected):
    assert column(name, *texts) == expected


def test_new_numbers_are_those_that_nobody_gave_before():
    said = [LONG + " In 2020.", LONG + " In 2020 and 2021.", LONG + " In 2,021 and 7 and 8."]
    assert column("new_numbers", *said) == pytest.approx([0, math.log1p(1), math.log1p(2)])


def test_code_that_fails_is_that_before_a_failure():
    texts = [LONG, f"{LONG}\n```python\nx\n```", "exitcode: 1 (execution failed)", LONG]
    kinds = ["chat", "chat", "execute_tool", "chat"]
    assert column("code_fails", *texts, kinds=kinds, agents=["a", "a", "t", "a"]) == [0, 1, 0, 0]
    assert column("after_failure", *texts, kinds=kinds, agents=["a", "a", "t", "a"]) == [0, 0, 0, 1]


def test_an_agent_that_only_ever_speaks_as_an_environment_is_one():
    texts = [LONG, "There is no code from the last 1 message for me to execute.", LONG]
    assert column("observation", *texts, agents=["a", "terminal", "a"]) == [0, 1, 0]
    assert column("observation", *texts, agents=["a", "a", "a"]) == [0, 1, 0]


def test_numbers_are_read_in_one_way():
    assert numbers("1,240.50 and 1240.5, v2, 3.0, -4") == {"1240.5", "3", "4"}


def test_every_feature_has_words_and_a_column():
    matrix = feature_matrix(Transcript.of(run(0)))
    assert matrix.shape == (4, len(FEATURES))
    assert np.isfinite(matrix).all()
    assert all(words[0].islower() and not words.endswith(".") for words in FEATURES.values())


@pytest.mark.shared
def test_features_know_nothing_of_the_truth(logs):
    for each in logs[:20]:
        extra = {"question": each.extra["question"]}
        blind = replace(each, annotations=[], extra=extra, outcome=None, task_id=None)
        assert (feature_matrix(Transcript.of(blind)) == feature_matrix(Transcript.of(each))).all()


@repeatable
@given(st.lists(st.text(max_size=60), max_size=6))
def test_features_of_any_texts_are_finite(texts):
    steps = [Step("chat", "", [Part("out", "assistant", "text", text)]) for text in texts]
    matrix = feature_matrix(Transcript.of(Run("mine", steps=steps)))
    assert matrix.shape == (len(texts), len(FEATURES))
    assert np.isfinite(matrix).all()


# the model


def test_the_weights_maximise_the_penalised_likelihood():
    runs = [run(at, at % 4) for at in range(12)]
    model = fit(runs, penalty=3.0)
    matrices = [feature_matrix(Transcript.of(each)) for each in runs]
    center, scale = np.array(model.center), np.array(model.scale)

    def loss(weights):
        total = 1.5 * (weights**2).sum()
        for matrix, each in zip(matrices, runs, strict=True):
            utilities = (matrix - center) / scale @ weights
            total += np.log(np.exp(utilities).sum()) - utilities[each.annotations[0].step]
        return total

    naive = optimize.minimize(loss, np.zeros(len(FEATURES)), method="BFGS", options={"gtol": 1e-9})
    assert model.weights == pytest.approx(naive.x, abs=1e-5)


def test_probabilities_add_to_one_and_do_not_depend_on_what_all_steps_share():
    model, matrix = default_model(), feature_matrix(Transcript.of(run(0)))
    assert model.probabilities(matrix).sum() == pytest.approx(1)
    assert model.probabilities(matrix + 5) == pytest.approx(model.probabilities(matrix))


def test_a_small_penalty_does_not_run_away():
    model = fit([run(at) for at in range(6)], penalty=1e-6)
    assert np.isfinite(model.weights).all()
    assert model.probabilities(feature_matrix(Transcript.of(run(0)))).argmax() == 2


def test_labels_may_be_given_instead_of_annotations():
    runs = [run(at, 1) for at in range(5)]
    model = fit(runs, {each.run_id: 3 for each in runs}, penalty=1.0)
    assert attribute(runs[0], model=model).first.step == 3


def test_a_model_is_the_same_after_a_file():
    model = fit([run(at) for at in range(5)], source="here")
    assert AttributionModel.from_json(model.to_json()) == model
    assert repr(model) == f"AttributionModel: {len(FEATURES)} features, 5 runs, penalty 30; here"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"names": 3}', "null"])
def test_what_is_no_model_is_refused(text):
    with pytest.raises(BadValue, match=r"^a model of attribution must be what `to_json` wrote"):
        AttributionModel.from_json(text)


def test_a_model_of_other_features_is_refused():
    value = json.loads(default_model().to_json()) | {"names": ["age"]}
    with pytest.raises(BadValue) as caught:
        AttributionModel.from_json(json.dumps(value))
    assert str(caught.value) == (
        f"a model of attribution must weigh the {len(FEATURES)} features of this version, but this one "
        "weighs others; fit it again."
    )


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: fit([run(0)], penalty=0), "a penalty must be above 0, but 0 came; 30 suits a hundred runs."),
        (
            lambda: fit([replace(run(0), annotations=[])]),
            'runs to learn from must have a known mistake, but none has; annotate a step as "mistake", or '
            "pass labels.",
        ),
        (
            lambda: fit([run(0)], {"r0": 7}),
            "a mistake must be a step that acts, but run 'r0' of 4 steps has it in step 7; label the step "
            "in which something was done.",
        ),
        (
            lambda: evaluate([run(at) for at in range(3)]),
            "cross-validation needs two folds or more, inner ones too, and a group for each, but 3 groups "
            "with a known mistake came for 10 folds and 5 inner ones; annotate more runs, or ask for "
            "fewer folds.",
        ),
        (
            lambda: evaluate([run(at) for at in range(3)], folds=3, penalties=[]),
            "penalties to choose among must be above 0, but [] came; leave them out, or pass some.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused(ask, message):
    with pytest.raises(BadValue) as caught:
        ask()
    assert str(caught.value) == message


@pytest.mark.shared
def test_the_model_in_the_package_is_what_its_source_says(logs):
    shipped = default_model()
    assert shipped.source.startswith("Who&When, the 126 algorithm-generated failure logs")
    again = fit(logs, penalty=shipped.penalty, source=shipped.source)
    assert again.weights == pytest.approx(shipped.weights, rel=1e-9)
    assert (again.names, again.n_runs, again.source) == (shipped.names, 126, shipped.source)


# the evaluation


@pytest.mark.shared
def test_the_figures_on_who_and_when_are_those_that_are_stored(scores):
    found = {
        f"{row.method}: {row.target}": [
            None if math.isnan(value) else round(value, 4) for value in (row.value, row.ci_low, row.ci_high)
        ]
        for row in scores.frame.itertuples()
    }  # fmt: skip
    assert found == REFERENCE["who-and-when"]["figures"]
    assert round(scores.calibration_error, 4) == REFERENCE["who-and-when"]["calibration_error"]


@pytest.mark.shared
def test_the_trivial_baselines_are_those_of_the_paper(scores):
    values = scores.frame.set_index(["method", "target"])["value"]
    assert round(100 * values["random", "agent"], 2) == 29.10
    assert round(100 * values["random", "step"], 2) == 12.00
    assert round(100 * values["always step 1", "step"], 2) == 26.98


@pytest.mark.shared
def test_it_finds_more_than_always_step_1_and_than_the_published_figure(scores):
    rows = scores.frame.set_index(["method", "target"])
    step, agent, top = (rows.loc[("features", target)] for target in ("step", "agent", "top 3"))
    assert step["p_value"] < 0.05
    assert step["ci_low"] > rows.loc[("GPT-4o at its best, published", "step"), "value"]
    assert (step["value"], agent["value"], top["value"]) > (0.40, 0.60, 0.70)


@pytest.mark.shared
def test_half_of_the_logs_had_no_part_in_the_choice_of_features_and_does_as_well(scores):
    # features were chosen on the first 63 logs alone
    unseen = scores.predictions.iloc[63:]
    assert (
        round((unseen["rank"] == 1).mean(), 4) == REFERENCE["who-and-when"]["unseen_half"]["step"]
    )
    assert (unseen["rank"] <= 3).mean() > 0.7


@pytest.mark.shared
@pytest.mark.slow
def test_labels_dealt_at_random_are_not_found(logs):
    dealt = np.random.default_rng(1)
    shuffled = [
        replace(
            each, annotations=[Annotation("mistake", step=int(dealt.integers(len(each.steps))))]
        )
        for each in logs
    ]
    value = evaluate(shuffled).frame.iloc[0]
    assert (value["method"], value["target"]) == ("features", "step")
    assert value["value"] < 0.22


def test_no_group_is_learned_from_and_asked():
    runs = [run(at, at % 4, group=f"q{at // 3}") for at in range(18)]
    found = evaluate(runs, folds=3, inner_folds=2).predictions
    assert (found.groupby("group")["fold"].nunique() == 1).all()
    assert found["run_id"].tolist() == [each.run_id for each in runs]


def test_a_runs_own_label_has_no_part_in_what_is_said_of_it():
    runs = [run(at, at % 4) for at in range(12)]
    other = [replace(runs[0], annotations=[Annotation("mistake", step=3)]), *runs[1:]]
    one, two = (
        evaluate(each, folds=4, inner_folds=2).predictions.iloc[0] for each in (runs, other)
    )
    assert (one["predicted"], one["confidence"]) == (two["predicted"], two["confidence"])


def test_groups_of_several_runs_have_intervals_from_a_bootstrap_over_groups():
    alone = evaluate([run(at, at % 4) for at in range(18)], folds=3, inner_folds=2).frame
    grouped = evaluate(
        [run(at, at % 4, group=f"q{at // 6}") for at in range(18)], folds=3, inner_folds=2
    ).frame
    low, high = alone.loc[0, "ci_low"], alone.loc[0, "ci_high"]
    assert (low, high) == pytest.approx(wilson(round(18 * alone.loc[0, "value"]), 18))
    assert grouped.loc[0, "ci_low"] <= grouped.loc[0, "value"] <= grouped.loc[0, "ci_high"]


def test_groups_may_be_named_otherwise():
    runs = [run(at, at % 4) for at in range(12)]
    found = evaluate(runs, folds=3, inner_folds=2, group=lambda run: run.run_id[-1]).predictions
    assert found["group"].tolist()[:2] == ["0", "1"]
    assert len(set(found["group"])) == 10


def test_the_same_seed_gives_the_same_bytes():
    runs = [run(at, at % 4) for at in range(12)]
    one, two = (evaluate(runs, folds=3, inner_folds=2) for _ in range(2))
    assert repr(one) == repr(two)
    assert one._repr_html_() == two._repr_html_()
    assert "random" in repr(one)
    assert "published" not in repr(one)


def test_the_calibration_error_is_the_gap_in_each_tenth():
    confidence, right = np.array([0.15, 0.12, 0.95, 1.0]), np.array([False, True, True, True])
    # tenths 1 and 9: |0.27 − 1| + |1.95 − 2|, over four
    assert calibration_error(confidence, right) == pytest.approx((0.73 + 0.05) / 4)

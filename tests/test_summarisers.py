"""The summarisers of news-summaries do as they are told, on every article."""

import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb
from workbench.categories import category_of
from workbench.metrics.splitting import sentences

FOLDER = Path(__file__).resolve().parent.parent / "datasets" / "news-summaries"
ARTICLES = wb.read(FOLDER)["input"].tolist()
NAMES = ("opening", "central")


@pytest.fixture(scope="module")
def module():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        import summarisers

        yield summarisers
        # another set's scripts may bear the same names
        for name in ("summarisers", "make_outputs"):
            sys.modules.pop(name)


@pytest.fixture(params=NAMES)
def system(request, module):
    return module.SYSTEMS[request.param]


def asked(order, article, system=""):
    first = [{"role": "system", "content": system}] if system else []
    return [*first, {"role": "user", "content": f"{order}\n\n{article}"}]


def answers(system, order, **parameters):
    return [system(asked(order, article), **parameters).text for article in ARTICLES]


ORDERS = {
    "Summarise the article below.": (None, None, None, False),
    "Summarise it in one sentence of at most 25 words.": (1, 25, None, False),
    "In two sentences of at most 40 words. Focus on what it says about money. Lead with the figures.": (
        2, 40, "money", True,
    ),
    "A single sentence, please, within 12 words.": (1, 12, None, False),
    "Write 3 sentences, the numbers first.": (3, None, None, True),
    "Say only what the article says about the old canal, in under 30 words": (None, 30, "the old canal", False),
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_understood_wherever_it_stands(module, order):
    article = ARTICLES[0]
    before = module.understood(asked(order, article))
    behind = module.understood([{"role": "user", "content": f"{article}\n\n{order}"}])
    above = module.understood(asked("Here it is.", article, system=order))
    n_sentences, n_words, focus, figures_first = ORDERS[order]
    assert before == behind == above
    assert before == module.Request(article, n_sentences, n_words, focus, figures_first)


def test_what_is_written_stands_in_the_article(system):
    for article, text in zip(ARTICLES, answers(system, "Summarise."), strict=True):
        assert set(sentences(text)) <= set(sentences(article))
        assert category_of(text, finish_reason="stop") == "ok"


@pytest.mark.parametrize("n_sentences", [1, 2, 4])
def test_a_number_of_sentences_is_kept(system, n_sentences):
    texts = answers(system, f"Summarise in {n_sentences} sentences.")
    assert {len(sentences(text)) for text in texts} == {n_sentences}


@pytest.mark.parametrize("n_words", [8, 25, 60])
def test_a_limit_of_words_is_kept_and_used(system, n_words):
    texts = answers(system, f"Summarise in at most {n_words} words.")
    assert max(len(text.split()) for text in texts) == n_words
    cut = [text for text in texts if text.endswith("…")]
    assert bool(cut) == (n_words == 8)


def test_without_an_order_each_has_a_length_of_its_own(module):
    lengths = {
        name: [len(text.split()) for text in answers(module.SYSTEMS[name], "Summarise.")]
        for name in NAMES
    }
    assert max(lengths["opening"]) == module.WORDS
    assert max(lengths["central"]) > 2 * module.WORDS


def test_a_focus_is_kept_wherever_the_article_has_it(module, system):
    texts = answers(system, "Summarise in one sentence. Focus on money.")
    other = answers(system, "Summarise in one sentence.")
    for article, text in zip(ARTICLES, texts, strict=True):
        if module.bears_on(article, "money"):
            assert module.bears_on(text, "money")
    n_about = sum(module.bears_on(text, "money") for text in other)
    assert n_about < sum(module.bears_on(article, "money") for article in ARTICLES) == 72


def test_central_declines_where_there_is_nothing_to_say_and_opening_never_does(module):
    for name in NAMES:
        texts = answers(module.SYSTEMS[name], "Summarise, with a focus on money.")
        refused = [category_of(text, finish_reason="stop") == "refusal" for text in texts]
        silent = [not module.bears_on(article, "money") for article in ARTICLES]
        assert refused == (silent if name == "central" else [False] * len(ARTICLES))


def test_a_focus_that_no_lexicon_knows_goes_by_its_words(module):
    assert module.bears_on("The canals froze.", "the old canal")
    assert not module.bears_on("The railway ran late.", "the old canal")


def test_figures_come_first_and_nothing_else_changes(system):
    order = "Summarise in three sentences"
    moved = 0
    for article, text in zip(ARTICLES, answers(system, f"{order}, figures first."), strict=True):
        usual = sentences(system(asked(f"{order}.", article)).text)
        found = sentences(text)
        figures = [any(mark.isdigit() for mark in sentence) for sentence in found]
        assert figures == sorted(figures, reverse=True)
        assert sorted(found) == sorted(usual)
        moved += found != usual
    assert moved > 10


def test_a_temperature_and_a_seed_draw_and_nothing_else_does(system):
    order = "Summarise in one sentence."
    still = answers(system, order)
    assert answers(system, order, seed=5) == still
    warm = [answers(system, order, temperature=0.7, seed=seed) for seed in (1, 1, 2)]
    assert warm[0] == warm[1]
    changed = sum(a != b for a, b in zip(warm[1], warm[2], strict=True))
    assert 0.3 * len(ARTICLES) < changed < len(ARTICLES)
    nearer = answers(system, order, temperature=0.1, seed=1)
    distances = [
        sum(a != b for a, b in zip(texts, still, strict=True)) for texts in (nearer, warm[0])
    ]
    assert distances[0] < distances[1]


def test_a_limit_of_tokens_cuts_an_answer_off_and_says_so(system):
    for article in ARTICLES:
        whole = system(asked("Summarise.", article))
        cut = system(asked("Summarise.", article), max_tokens=20)
        assert (whole.finish_reason, cut.finish_reason) == ("stop", "length")
        assert whole.text.startswith(cut.text)
        assert len(cut.text.split()) <= 20
        assert system(asked("Summarise.", article), max_tokens=500) == whole


def test_what_it_does_not_know_changes_nothing(system):
    message = asked("Summarise.", ARTICLES[0])
    assert system(message, top_p=0.1, stop=["x"], temperature=None) == system(message)


@pytest.mark.slow
def test_the_script_serves_both():
    with subprocess.Popen(
        [sys.executable, str(FOLDER / "summarisers.py")], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            names, url = process.stdout.readline().strip().split(" at ")
            assert names == "opening, central"
            free = wb.pricing.Price(0, 0)
            model = wb.Endpoint("central", base_url=url, api_key_env=None, price=free)
            rows = wb.read(FOLDER).head(2)
            outputs = wb.run(rows, models=model, prompts=wb.prompts.read(FOLDER / "prompts"))
            assert len(outputs) == 6
            assert outputs["text"].notna().all()
        finally:
            process.terminate()

"""The shipped sets are what their cards say, and their outputs can be made again."""

import json
import runpy
from collections import Counter
from pathlib import Path

import pytest

import workbench as wb

FOLDER = Path(__file__).resolve().parent.parent / "datasets"


@pytest.fixture(scope="module")
def rows():
    return wb.read("news-summaries")


def test_news_summaries_is_what_its_card_says(rows):
    assert len(rows) == 88
    assert set(Counter(rows["topic"]).values()) == {11}
    assert Counter(rows["style"]) == {"report": 51, "feature": 37}
    assert Counter(rows["length"]) == {"short": 28, "medium": 30, "long": 30}
    assert rows["cluster"].nunique() == 64
    assert (rows["references"].map(len) == 2).all()


def test_the_length_of_an_article_is_its_label(rows):
    words = rows["input"].str.split().map(len)
    label = words.map(lambda n: "short" if n <= 110 else "medium" if n <= 200 else "long")
    assert (label == rows["length"]).all()
    assert words.between(60, 330).all()


def test_every_reference_is_of_25_to_50_words(rows):
    assert all(25 <= len(text.split()) <= 50 for texts in rows["references"] for text in texts)


def test_no_reference_copies_a_sentence_of_its_article(rows):
    from workbench.metrics.splitting import sentences

    for article, references in zip(rows["input"], rows["references"], strict=True):
        assert not set(sentences(article)) & {s for text in references for s in sentences(text)}


def test_every_system_keeps_to_its_words_and_to_the_article(rows):
    outputs = wb.outputs(rows, "news-summaries")
    articles = dict(zip(rows["row_id"], rows["input"], strict=True))
    assert outputs["system"].nunique() == 8
    assert len(outputs) == 8 * len(rows)
    for row_id, text in zip(outputs["row_id"], outputs["text"], strict=True):
        assert len(text.split()) <= 50
        assert text.split()[0] in articles[row_id]


def test_the_recorded_outputs_of_news_summaries_can_be_made_again(tmp_path):
    place = tmp_path / "news-summaries"
    place.mkdir()
    for name in ("rows.jsonl", "make_outputs.py"):
        (place / name).write_bytes((FOLDER / "news-summaries" / name).read_bytes())
    runpy.run_path(str(place / "make_outputs.py"), run_name="__main__")
    made = (place / "outputs.jsonl").read_bytes()
    assert made == (FOLDER / "news-summaries" / "outputs.jsonl").read_bytes()
    assert len(made.splitlines()) == len(
        {tuple(json.loads(x).items())[:2] for x in made.splitlines()}
    )


SESSION = FOLDER / "news-summaries" / "ratings"


@pytest.mark.slow
def test_the_rating_session_can_be_made_again(tmp_path):
    (tmp_path / "make_ratings.py").write_bytes((SESSION / "make_ratings.py").read_bytes())
    runpy.run_path(str(tmp_path / "make_ratings.py"), run_name="__main__")
    for name in ("journal.jsonl", "task.yaml"):
        assert (tmp_path / name).read_bytes() == (SESSION / name).read_bytes()


def test_the_rating_session_is_what_its_card_says(tmp_path):
    with wb.ratings.restore(SESSION / "journal.jsonl", tmp_path / "ratings.sqlite") as journal:
        assert journal.verify() == []
        ratings = wb.ratings.read(journal)
        checks = wb.ratings.read(journal, purposes=["check"])
    assert ratings["item_id"].nunique() == 150
    assert (ratings.groupby("item_id")["rater"].nunique() == 2).all()
    assert set(ratings["system"].dropna()) == {"centroid", "lead", "lexrank", "random"}
    assert (checks.groupby("rater")["item_id"].nunique() == 6).all()
    seconds = ratings[ratings["question"] == "better"].groupby("rater")["duration_s"].median()
    assert seconds["ana"] > seconds["ben"] > seconds["cho"]


PHRASEBOOK = FOLDER / "phrasebook-en-es"


@pytest.fixture(scope="module")
def phrases():
    return wb.read("phrasebook-en-es")


def lines_of(name: str) -> list[dict[str, str]]:
    text = (PHRASEBOOK / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def plain_words(text: str) -> str:
    return " ".join("".join(m if m.isalnum() else " " for m in text.lower()).split())


def test_phrasebook_en_es_is_what_its_card_says(phrases):
    card = (PHRASEBOOK / "README.md").read_text(encoding="utf-8")
    assert f"\nrows: {len(phrases)}\n" in card
    assert len(phrases) == 248
    assert Counter(phrases["register"]) == {"formal": 81, "informal": 75, "neutral": 92}
    assert Counter(phrases["length"]) == {"short": 81, "medium": 86, "long": 81}
    assert len(set(phrases["situation"])) == 8
    assert set(Counter(phrases["situation"]).values()) == {31}
    assert Counter(phrases["references"].map(len)) == {1: 81, 2: 84, 3: 83}
    assert len(lines_of("memory.jsonl")) == 240
    assert len((PHRASEBOOK / "lexicon.tsv").read_text(encoding="utf-8").splitlines()) == 1 + 1299
    assert sum(path.stat().st_size for path in PHRASEBOOK.glob("*.*")) < 400_000


def test_the_length_of_a_phrase_is_its_label(phrases):
    words = phrases["input"].str.split().map(len)
    label = words.map(lambda n: "short" if n <= 5 else "medium" if n <= 11 else "long")
    assert (label == phrases["length"]).all()
    assert (words.min(), words.max()) == (2, 18)


def test_the_sentences_of_a_dialogue_share_a_cluster_and_stand_together(phrases):
    sizes = Counter(phrases["cluster"])
    assert len(sizes) == 182
    assert Counter(min(size, 2) for size in sizes.values()) == {1: 150, 2: 32}
    assert max(sizes.values()) == 4
    assert (phrases.groupby("cluster")["situation"].nunique() == 1).all()
    changes = phrases["cluster"] != phrases["cluster"].shift()
    assert changes.sum() == len(sizes)


def test_no_phrase_and_no_reference_of_a_phrase_is_there_twice(phrases):
    assert phrases["input"].map(plain_words).is_unique
    for references in phrases["references"]:
        assert len({plain_words(text) for text in references}) == len(references)


def test_spanish_references_open_what_they_close(phrases):
    for text in (text for references in phrases["references"] for text in references):
        assert text.count("¿") == text.count("?")
        assert text.count("¡") == text.count("!")
        assert text == " ".join(text.split())


def test_formal_references_say_no_tu_and_neutral_ones_no_usted(phrases):
    familiar = {"tú", "te", "ti", "tu", "tus", "contigo", "vosotros", "os", "eres", "tienes"}
    polite = {"usted", "ustedes", "señor", "señora", "disculpe", "perdone", "podría"}
    barred = {"formal": familiar, "informal": polite, "neutral": familiar | polite}
    for register, references in zip(phrases["register"], phrases["references"], strict=True):
        assert not barred[register] & set(plain_words(" ".join(references)).split())


def test_the_memory_knows_no_sentence_of_the_rows_and_no_reference(phrases):
    memory = lines_of("memory.jsonl")
    english = {plain_words(pair["en"]) for pair in memory}
    assert not english & set(phrases["input"].map(plain_words))
    spanish = {plain_words(pair["es"]) for pair in memory}
    assert not spanish & {plain_words(text) for texts in phrases["references"] for text in texts}


def test_every_translator_answers_every_phrase(phrases):
    outputs = wb.outputs(phrases, "phrasebook-en-es")
    systems = ["apertium", "word_for_word", "repaired", "memory", "memory_edit", "copy"]
    assert list(dict.fromkeys(outputs["system"])) == systems
    assert len(outputs) == 6 * len(phrases)
    assert outputs["text"].str.strip().str.len().gt(0).all()
    texts = outputs.pivot(index="row_id", columns="system", values="text")
    inputs = phrases.set_index("row_id")["input"]
    assert (texts["copy"] == inputs.loc[texts.index]).all()
    assert (texts["memory_edit"] != texts["repaired"]).sum() == 32
    assert set(texts["memory"]) <= {pair["es"] for pair in lines_of("memory.jsonl")}


def test_the_outputs_of_phrasebook_en_es_can_be_made_again_without_any_reference(
    tmp_path, monkeypatch
):
    for path in PHRASEBOOK.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    hidden = [json.dumps(row | {"references": ["x"]}) for row in lines_of("rows.jsonl")]
    (tmp_path / "rows.jsonl").write_text("\n".join(hidden), encoding="utf-8")
    recorded = [json.dumps(x) for x in lines_of("outputs.jsonl") if x["system"] == "apertium"]
    (tmp_path / "outputs.jsonl").write_text("\n".join(recorded), encoding="utf-8")
    # an installed apertium may be of another version than the card names: use what was recorded
    monkeypatch.setenv("PATH", "")
    # a script finds the modules beside it; runpy leaves the path alone
    monkeypatch.syspath_prepend(tmp_path)
    runpy.run_path(str(tmp_path / "make_outputs.py"), run_name="__main__")
    assert (tmp_path / "outputs.jsonl").read_bytes() == (PHRASEBOOK / "outputs.jsonl").read_bytes()

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
    from workbench.metrics.rouge import sentences

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

"""Cosines to references by any embedder, each text embedded once."""

from dataclasses import dataclass, field

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadKind, BadValue


@dataclass
class Letters:
    """An embedder that counts letters, and what it was asked."""

    name: str = "letters-1"
    asked: list[list[str]] = field(default_factory=list)
    identity: dict | None = None

    def embed(self, texts):
        self.asked.append(list(texts))
        return [[1 + text.count(each) for each in "abcd"] for text in texts]


def letters(texts):
    return Letters().embed(texts)


PAIRS = [("aab", ["abc", "aa"]), ("d", ["a"]), ("aab", ["aab"]), ("", ["abcd"])]


def cosine(text, other):
    a, b = np.array(letters([text, other]), dtype=float)
    return a @ b / np.sqrt(a @ a * (b @ b))


def test_the_nearest_reference_counts(scored):
    scores = scored(PAIRS, wb.EmbeddingSimilarity(letters))
    expected = [max(cosine(text, each) for each in references) for text, references in PAIRS]
    assert scores.values("embedding_similarity").tolist() == pytest.approx(expected, rel=1e-12)
    assert scores.values("embedding_similarity").max() <= 1
    assert scores.signatures == {
        "embedding_similarity": "nrefs:var|embed:letters|cosine:best|version:wb1"
    }


def test_each_text_is_embedded_once_in_batches(table):
    embedder = Letters()
    metric = wb.EmbeddingSimilarity(embedder, batch=3)
    metric.statistics(table(PAIRS))
    assert embedder.asked == [["aab", "d", ""], ["abc", "aa", "a"], ["abcd"]]
    metric.statistics(table([*PAIRS, ("new", ["a"])]))
    assert embedder.asked[3:] == [["new"]]


def test_the_signature_names_what_makes_the_vectors():
    class Model:
        model = "m-2"

        def __call__(self, texts):
            return letters(texts)

    assert "|embed:letters-1|" in wb.EmbeddingSimilarity(Letters()).signature
    assert "|embed:m-2|" in wb.EmbeddingSimilarity(Model()).signature
    assert "|embed:mine|" in wb.EmbeddingSimilarity(lambda texts: texts, model="mine").signature
    with pytest.raises(BadValue) as caught:
        wb.EmbeddingSimilarity(lambda texts: texts)
    assert str(caught.value) == (
        "embedding_similarity must know what makes its vectors, and embed at least 1 text at a time, "
        "but model='<lambda>' and batch=256 came; pass model='its name'."
    )


def test_what_is_no_embedder_is_refused():
    with pytest.raises(BadKind) as caught:
        wb.EmbeddingSimilarity("ada")
    assert str(caught.value) == (
        "embed must be a function from texts to vectors, or have a method embed, but str came; pass "
        "one such as wb.Endpoint(...)."
    )


@pytest.mark.parametrize(
    ("vectors", "came"),
    [
        ([[1.0, 2.0]], "shape (1, 2) came for 2 texts"),
        ([1.0, 2.0], "shape (2,) came for 2 texts"),
        ([[1.0, 2.0], [0.0, 0.0]], "a zero vector came for 'b'"),
        ([[np.nan, 2.0], [1.0, 0.0]], "a vector that is not finite came for 'a'"),
        ([[1.0, np.inf], [1.0, 0.0]], "a vector that is not finite came for 'a'"),
        (None, "shape () came for 2 texts"),
        ([["x", "y"]] * 2, "something else came (could not convert string to float: 'x')"),
    ],
)
def test_vectors_that_cannot_be_right_are_refused(table, vectors, came):
    metric = wb.EmbeddingSimilarity(lambda texts: vectors, model="m")
    with pytest.raises(BadValue) as caught:
        metric.statistics(table([("a", ["b"])]))
    assert str(caught.value) == (
        "m must turn n texts into finite vectors other than zero, as an array of shape (n, d), but "
        f"{came}; correct it."
    )


def test_a_cache_keeps_what_an_embedder_with_an_identity_gave(scored, tmp_path):
    rows = wb.read([{"input": "", "references": ["ab"]}])
    outputs = wb.outputs(rows, {"a": ["a"]})

    def reused(identity):
        metric = wb.EmbeddingSimilarity(Letters(identity=identity))
        return wb.score(outputs, rows, metric, cache=tmp_path).reused["embedding_similarity"]

    assert [reused(None), reused(None)] == [0, 0]
    one = {"model": "letters-1", "dimensions": 4}
    assert [reused(one), reused(one), reused(one | {"dimensions": 5})] == [0, 1, 0]


def test_it_stays_where_it_was_called():
    assert not wb.EmbeddingSimilarity(letters).movable
    assert not wb.PassAtK(wb.EmbeddingSimilarity(letters)).movable


def test_a_failed_output_at_its_worst_points_the_other_way():
    rows = wb.read([{"input": "", "references": ["ab"]}] * 2)
    outputs = wb.outputs(rows, {"a": ["ab", None], "b": ["ab", "ab"]})
    scores = wb.score(outputs, rows, wb.EmbeddingSimilarity(letters))
    row = wb.compare(scores, baseline="b", failures="worst").frame.iloc[0]
    assert row["score"] == pytest.approx(0, abs=1e-12)

"""The contract with sacrebleu: what its private interface must go on doing."""

import socket
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER

import workbench as wb
from workbench.errors import Unreadable
from workbench.metrics.rouge import ROUGE_SCORE
from workbench.metrics.sacrebleu_peer import signature

PEERS = {
    "bleu": (BLEU, 2 + 2 * 4),
    "chrf": (CHRF, 3 * 6),
    "chrf++": (lambda: CHRF(word_order=2), 3 * 8),
    "ter": (TER, 2),
}
PAIRS = [
    ("The dog bit the man.", ["The dog bit the man.", "The dog had bit the man."]),
    ("It wasn't surprising.", ["It was not unexpected."]),
    ("", ["No one was surprised.", "x", "y"]),
    ("Another text", ["The dog bit the man.", "The dog had bit the man."]),
]
each_peer = pytest.mark.parametrize(("make", "k"), PEERS.values(), ids=PEERS)


def test_sacrebleu_and_rouge_score_are_the_versions_in_the_signatures():
    assert version("sacrebleu") == "2.6.0"
    assert version("rouge-score") == ROUGE_SCORE == "0.1.2"


@each_peer
def test_a_segment_is_prepared_then_read_then_counted(make, k):
    peer = make()
    prepared = [peer._preprocess_segment(each) for each in ("A cat.", "The cat.")]
    assert [type(each) for each in prepared] == [str, str]
    info = peer._extract_reference_info(prepared)
    counted = peer._compute_segment_statistics(peer._preprocess_segment("a cat sat."), info)
    assert len(counted) == k
    assert all(isinstance(each, int | float) for each in counted)


@each_peer
def test_segment_statistics_are_sacrebleus_own(table, streams, segment_statistics, make, k):
    found = segment_statistics(make(), table(PAIRS))
    assert found.dtype == np.float64
    assert found.shape == (len(PAIRS), k)
    texts = [text for text, _ in PAIRS]
    assert found.tolist() == make()._extract_corpus_statistics(texts, streams(PAIRS))


@each_peer
def test_counting_leaves_the_references_as_they_were(table, segment_statistics, make, k):
    same = [(text, PAIRS[0][1]) for text in ("The dog", "the man", "The dog", "", "dog dog dog")]
    together = segment_statistics(make(), table(same))
    alone = [segment_statistics(make(), table([pair]))[0].tolist() for pair in same]
    assert together.tolist() == alone


@each_peer
def test_a_figure_is_computed_from_the_sum_of_statistics(streams, make, k):
    peer = make()
    texts = [text for text, _ in PAIRS]
    expected = peer.corpus_score(texts, streams(PAIRS)).score
    statistics = peer._extract_corpus_statistics(texts, streams(PAIRS))
    sums = [sum(column) for column in zip(*statistics, strict=True)]
    assert peer._compute_score_from_stats(sums).score == expected


@each_peer
def test_the_signature_leaves_the_number_of_references_open(make, k):
    peer = make()
    assert signature(peer).startswith("nrefs:?|")
    peer.corpus_score(["a"], [["a"], ["b"]])
    assert str(peer.get_signature()) == signature(peer).replace("nrefs:?", "nrefs:2")


def test_sacrebleu_writes_var_for_uneven_references():
    peer = BLEU()
    peer.corpus_score(["a", "b"], [["a", "b"], ["b", None]])
    assert peer.num_refs == -1
    assert str(peer.get_signature()).startswith("nrefs:var|")


@pytest.fixture
def models(tmp_path, monkeypatch):
    """An empty folder of sacrebleu's, and no network."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr("sacrebleu.utils.SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.download_file", refuse)
    return tmp_path / "models"


SENTENCEPIECE = {
    "spm": "sacrebleu_tokenizer_spm.model",
    "flores101": "sacrebleu_tokenizer_spm.model",
    "flores200": "flores200sacrebleuspm",
    "spBLEU-1K": "spbleu-1k_tokenizer_spm.model",
}


@pytest.mark.parametrize(("tokenize", "model"), SENTENCEPIECE.items())
def test_a_sentencepiece_model_that_is_not_there_is_not_downloaded(models, table, tokenize, model):
    sentence = (
        f"tokenize={tokenize!r} needs the model {model} in {models}, but it is not there; put it "
        "there yourself, for nothing is downloaded here."
    )
    with pytest.raises(Unreadable) as caught:
        wb.BLEU(tokenize).statistics(table(PAIRS))
    assert str(caught.value) == sentence
    with pytest.raises(Unreadable) as caught:
        _ = wb.BLEU(tokenize).signature
    assert str(caught.value) == sentence
    assert not models.exists()


@pytest.mark.parametrize(("tokenize", "model"), SENTENCEPIECE.items())
def test_without_sentencepiece_its_tokenizers_say_what_to_install(
    models, monkeypatch, tokenize, model
):
    models.mkdir()
    (models / model).write_bytes(b"")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(Unreadable) as caught:
        _ = wb.BLEU(tokenize).signature
    assert str(caught.value) == (
        f"tokenize={tokenize!r} needs a package that is not installed; install sentencepiece, or "
        "choose another tokenizer."
    )


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_without_mecab_its_tokenizers_say_what_to_install(monkeypatch, language):
    monkeypatch.setattr(f"sacrebleu.tokenizers.tokenizer_{language}_mecab.MeCab", None)
    with pytest.raises(Unreadable) as caught:
        _ = wb.BLEU(f"{language}-mecab").signature
    assert str(caught.value) == (
        f"tokenize='{language}-mecab' needs a package that is not installed; install the extra "
        f"'{language}', or choose another tokenizer."
    )


def test_sacrebleu_knows_where_its_models_lie():
    from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS

    assert {name: Path(each["url"]).name for name, each in SPM_MODELS.items()} == SENTENCEPIECE
    assert SPM_MODELS["spm"] == SPM_MODELS["flores101"]

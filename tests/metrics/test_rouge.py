"""ROUGE: golden figures, a naive recomputation, and rouge_score's figures in the last bit."""

import gzip
import json
import math
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.metrics.splitting import sentences

REPEATABLE = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.data_too_large]
)
VARIANTS = ("1", "2", "3", "L", "Lsum")
MEASURES = ("precision", "recall", "fmeasure")
SETS = ("realsumm-abs", "dialsummeval")


def values(metric, frame):
    statistics = metric.statistics(frame)
    assert (statistics[:, 1] == 1).all()
    return statistics[:, 0].tolist()


@pytest.mark.parametrize(
    ("variant", "precision", "recall"),
    [
        # Lin (2004), section 3: S1 "police killed the gunman", S2 "police kill the gunman",
        # S3 "the gunman kill police": ROUGE-L of S2 is 3/4
        ("1", 3 / 4, 3 / 4),
        ("2", 1 / 3, 1 / 3),
        ("3", 0, 0),
        ("L", 3 / 4, 3 / 4),
        ("Lsum", 3 / 4, 3 / 4),
    ],
)
def test_rouge_of_lins_example(table, variant, precision, recall):
    frame = table([("police kill the gunman", ["police killed the gunman"])])
    assert values(wb.ROUGE(variant, "precision"), frame) == [precision]
    assert values(wb.ROUGE(variant, "recall"), frame) == [recall]
    fmeasure = 2 * precision * recall / (precision + recall) if precision + recall else 0
    assert values(wb.ROUGE(variant), frame) == pytest.approx([fmeasure], rel=1e-12)


def test_rouge_l_of_lins_scrambled_example_is_one_half(table):
    frame = table([("the gunman kill police", ["police killed the gunman"])])
    assert values(wb.ROUGE("L"), frame) == [0.5]


def test_rouge_lsum_of_lins_union_example_is_four_fifths(table):
    # Lin (2004), section 3.2: reference w1..w5, candidates w1 w2 w6 w7 w8 and w1 w3 w8 w9 w5
    frame = table([("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", ["w1 w2 w3 w4 w5"])])
    assert values(wb.ROUGE("Lsum", "recall"), frame) == [4 / 5]


@pytest.mark.parametrize(
    ("options", "text", "references", "expected"),
    [
        # the stemmer makes running and runs one word; three letters and fewer are left alone
        ({"variant": "1", "stemmer": True}, "running", ["runs"], 1.0),
        ({"variant": "1", "stemmer": False}, "running", ["runs"], 0.0),
        ({"variant": "1"}, "The CAT!", ["the cat"], 1.0),
        ({"variant": "1"}, "don't", ["don t"], 1.0),
        # of several references the one with the best F-measure, not the best of each measure
        ({"variant": "1", "measure": "precision"}, "a b c d", ["a b c x", "a"], 3 / 4),
        ({"variant": "1", "measure": "recall"}, "a b c d", ["a b c x", "a"], 3 / 4),
        ({"variant": "2"}, "a", ["a"], 0.0),
        ({"variant": "9"}, "a b c d e f g h i", ["a b c d e f g h i"], 1.0),
        ({"variant": "1"}, "", ["a"], 0.0),
        ({"variant": "1"}, "a", [""], 0.0),
        ({"variant": "1"}, "", [""], 0.0),
        ({"variant": "Lsum"}, "", [""], 0.0),
        ({"variant": "1"}, "?!", ["?!"], 0.0),
    ],
)
def test_rouge_worked_by_hand(table, options, text, references, expected):
    assert values(wb.ROUGE(**options), table([(text, references)])) == [expected]


def words_of(text):
    return re.findall("[a-z0-9]+", text.lower())


def longest_common(words, others):
    row = [0] * (len(others) + 1)
    for word in words:
        above, row = row, [0]
        for at, other in enumerate(others):
            row.append(above[at] + 1 if word == other else max(above[at + 1], row[-1]))
    return row[-1]


def naive_rouge(text, reference, variant):
    """Return precision, recall and F1 from their definitions."""
    words, others = words_of(text), words_of(reference)
    if variant == "L":
        shared, n_words, n_others = longest_common(words, others), len(words), len(others)
    else:
        n = int(variant)
        grams, expected = (
            [tuple(each[at : at + n]) for at in range(len(each) - n + 1)]
            for each in (words, others)
        )
        shared = sum(min(grams.count(gram), expected.count(gram)) for gram in set(grams))
        n_words, n_others = len(grams), len(expected)
    precision, recall = shared / max(n_words, 1), shared / max(n_others, 1)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


@settings(REPEATABLE, max_examples=60)
@given(data=st.data(), variant=st.sampled_from(["1", "2", "3", "L"]))
def test_rouge_equals_a_naive_recomputation(batches, table, data, variant):
    _, pairs = data.draw(batches(12, longest=1))
    frame = table(pairs)
    chosen = []
    for text, references in pairs:
        candidates = [naive_rouge(text, each, variant) for each in references]
        chosen.append(max(candidates, key=lambda each: each[2]))
    for at, measure in enumerate(MEASURES):
        expected = [each[at] for each in chosen]
        metric = wb.ROUGE(variant, measure)
        assert values(metric, frame) == pytest.approx(expected, rel=1e-12)


# 140 batches of 80 pairs, more than 10,000 of them distinct.
@settings(REPEATABLE, max_examples=140)
@given(data=st.data())
def test_rouge_equals_rouge_score_bit_for_bit(batches, scored, data):
    dice, pairs = data.draw(batches(most=10, longest=4))
    measure, stemmer = dice.choice(MEASURES), dice.choice((False, True))
    variants = (dice.choice("123"), "L", "Lsum")
    metrics = [wb.ROUGE(each, measure, stemmer, strict=False) for each in variants]
    peer = RougeScorer([f"rouge{each}" for each in variants], use_stemmer=stemmer)
    scores = scored(pairs, *metrics)
    expected = [peer.score_multi(references, text) for text, references in pairs]
    for variant, metric in zip(variants, metrics, strict=True):
        figures = [getattr(each[f"rouge{variant}"], measure) for each in expected]
        statistics = scores.statistics[metric.name]
        assert statistics.tolist() == [[figure, 1] for figure in figures]
        assert metric.aggregate(statistics).tolist() == figures
        mean = math.fsum(figures) / len(figures)
        assert float(metric.aggregate(statistics.sum(axis=0))) == pytest.approx(mean, rel=1e-12)


def assert_all_equal_rouge_score(frame, variants=VARIANTS, stemmers=(False, True)):
    """Hold precision, recall and F-measure of every output to rouge_score's, bit for bit."""
    for stemmer in stemmers:
        peer = RougeScorer([f"rouge{each}" for each in variants], use_stemmer=stemmer)
        pairs = zip(frame["references"], frame["text"], strict=True)
        expected = [peer.score_multi(references, text) for references, text in pairs]
        for variant in variants:
            found = [values(wb.ROUGE(variant, each, stemmer), frame) for each in MEASURES]
            assert list(zip(*found, strict=True)) == [each[f"rouge{variant}"] for each in expected]


# Few kinds of words, so that there are many longest subsequences to choose from, and stems,
# characters of other scripts and empty words among them.
KINDS = ["a", "b", "cats", "cat", "running", "runs", "7", "naïve", "猫", "?", "sky", "skies", "İx"]


def many_lined(rng):
    """Return a text of up to six lines, now and then longer than a machine number has bits."""
    kinds = rng.permutation(KINDS)[: rng.integers(2, len(KINDS))]
    sizes = rng.choice([0, 1, 3, 8, 14, 90], p=[0.1, 0.1, 0.3, 0.3, 0.17, 0.03], size=7)
    lines = [" ".join(rng.choice(kinds, size=size)) for size in sizes[: rng.integers(1, 7)]]
    return rng.choice(["\n", "\n\n", ". \n", "\r\n"]).join(lines)


def assert_many_lines_equal_rouge_score(table, n_pairs, seed):
    rng = np.random.default_rng(seed)
    pairs = [
        (many_lined(rng), [many_lined(rng) for _ in range(rng.integers(1, 4))])
        for _ in range(n_pairs)
    ]
    # several outputs of one reference, and outputs near it
    pairs += [
        (" ".join(rng.permutation(texts[0].split(" "))), texts)
        for _, texts in pairs[: n_pairs // 2]
    ]
    assert_all_equal_rouge_score(table(pairs))


def test_texts_of_many_lines_equal_rouge_score_bit_for_bit(table):
    assert_many_lines_equal_rouge_score(table, 120, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_ten_thousand_texts_of_many_lines_equal_rouge_score_bit_for_bit(table, seed):
    assert_many_lines_equal_rouge_score(table, 340, seed)


def test_an_output_is_scored_alike_alone_and_among_others(table):
    rng = np.random.default_rng(5)
    pairs = [(many_lined(rng), [many_lined(rng)]) for _ in range(30)]
    for variant in VARIANTS:
        together = values(wb.ROUGE(variant), table(pairs))
        assert together == [values(wb.ROUGE(variant), table([pair]))[0] for pair in pairs]
        assert together[::-1] == values(wb.ROUGE(variant), table(pairs[::-1]))


@pytest.mark.parametrize("stemmer", [False, True])
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("variant", ["1", "2", "3", "4", "5", "6", "7", "8", "9", "L", "Lsum"])
def test_every_option_of_rouge_equals_rouge_score(table, variant, measure, stemmer):
    text = "The cats were running home.\nIt rained, and it didn't stop raining for 3.5 days."
    pairs = [
        (text, ["A cat ran home.\nIt rained and did not stop for 3 days.", text[:40], "cats"]),
        (text, [text.replace("\n", " ")]),
        ("cats running " * 200, ["cat runs " * 150]),
        ("кошка сидит cat", ["кошка cat"]),
        ("\n\n", ["\n"]),
        ("", ["x"]),
    ]
    peer = RougeScorer([f"rouge{variant}"], use_stemmer=stemmer)
    expected = [
        getattr(peer.score_multi(references, text)[f"rouge{variant}"], measure)
        for text, references in pairs
    ]
    assert values(wb.ROUGE(variant, measure, stemmer), table(pairs)) == expected


@settings(REPEATABLE, max_examples=60)
@given(
    data=st.data(),
    variant=st.sampled_from(VARIANTS),
    tokenizer=st.sampled_from(["rouge_score", "unicode"]),
    split=st.sampled_from(["newline", "sentence"]),
)
def test_rouge_of_a_text_with_itself_and_swapped(batches, table, data, variant, tokenizer, split):
    _, pairs = data.draw(batches(12, longest=2))
    options = {"tokenizer": tokenizer, "split": split}
    singles = [(text, references[:1]) for text, references in pairs]
    swapped = table([(references[0], [text]) for text, references in singles])
    found = values(wb.ROUGE(variant, **options), table(singles))
    assert all(0 <= each <= 1 for each in found)
    if variant != "Lsum":  # the union is taken over the output's sentences
        assert values(wb.ROUGE(variant, **options), swapped) == pytest.approx(found, rel=1e-12)
        precision = values(wb.ROUGE(variant, "precision", **options), table(singles))
        recall = values(wb.ROUGE(variant, "recall", **options), swapped)
        assert precision == recall
    itself = values(wb.ROUGE(variant, **options), table([(t, [t]) for t, _ in singles]))
    assert set(itself) <= {0.0, 1.0}


@settings(REPEATABLE, max_examples=60)
@given(
    words=st.lists(st.sampled_from(["The", "cats", "sat,", "running", "3.5", "it's", "a"])),
    others=st.lists(st.sampled_from(["the", "cat", "sat.", "runs", "5", "its", "A"])),
    stemmer=st.booleans(),
)
def test_on_plain_english_both_tokenizers_agree(table, words, others, stemmer):
    frame = table([(" ".join(words), [" ".join(others)])])
    for variant in VARIANTS:
        ours = wb.ROUGE(variant, stemmer=stemmer, tokenizer="unicode")
        assert values(ours, frame) == values(wb.ROUGE(variant, stemmer=stemmer), frame)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It rained. It stopped! Why? Who knows…  Nobody.", 5),
        ('He said: "Go." She went.', 2),
        ("version 3.5 of e.g. this", 1),
        ("one\n\ntwo\nthree", 3),
        ("猫坐下。狗站着！「为什么？」他问。", 4),
        ("Кошка сидит. Собака лает.", 2),
        ("", 0),
        (" \n ", 0),
    ],
)
def test_sentences_are_found_after_full_stops_and_line_ends(text, parts):
    found = sentences(text)
    assert len(found) == parts
    assert "".join("".join(found).split()) == "".join(text.split())


def test_the_mean_over_outputs_is_taken_for_any_shape():
    metric, sums = wb.ROUGE("L"), np.array([[1.5, 2], [0, 4], [0, 0], [3, 3]])
    assert metric.aggregate(sums).tolist()[:2] == [0.75, 0.0]
    assert np.isnan(metric.aggregate(sums)[2])
    assert metric.aggregate(sums[0]) == 0.75
    assert metric.aggregate(sums.reshape(2, 2, 2)).shape == (2, 2)
    assert metric.aggregate(sums[:0]).shape == (0,)


def test_the_worst_output_scores_zero(table):
    assert wb.ROUGE("L").worst(table([("a", ["a"]), ("b", ["b"])])).tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("options", "name", "signature"),
    [
        (
            {"variant": "1"},
            "rouge1",
            "nrefs:?|case:lc|stem:no|tok:rouge_score|measure:fmeasure|version:rouge_score-0.1.2",
        ),
        (
            {"variant": "L", "measure": "recall", "stemmer": True},
            "rougeL_recall",
            "nrefs:?|case:lc|stem:porter|tok:rouge_score|measure:recall|version:rouge_score-0.1.2",
        ),
        (
            {"variant": "Lsum", "split": "sentence", "tokenizer": "unicode", "name": "mine"},
            "mine",
            "nrefs:?|case:lc|stem:no|tok:unicode|split:sentence|measure:fmeasure"
            "|version:rouge_score-0.1.2",
        ),
    ],
)
def test_name_and_signature_say_what_makes_the_figure(options, name, signature):
    metric = wb.ROUGE(**options)
    assert (metric.name, metric.signature) == (name, signature)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"variant": "l"},
            "variant must be one of '1', '2', '3', '4', '5', '6', '7', '8', '9', 'L', 'Lsum', but "
            "'l' came; did you mean 'L'?",
        ),
        (
            {"variant": "L", "measure": "f1"},
            "measure must be one of 'fmeasure', 'precision', 'recall', but 'f1' came.",
        ),
        (
            {"variant": "L", "tokenizer": "unicod"},
            "tokenizer must be one of 'rouge_score', 'unicode', but 'unicod' came; did you mean "
            "'unicode'?",
        ),
        (
            {"variant": "L", "split": "lines"},
            "split must be one of 'newline', 'sentence', but 'lines' came; did you mean 'newline'?",
        ),
    ],
)
def test_rouge_refuses_an_unknown_option(options, message):
    with pytest.raises(UnknownName) as caught:
        wb.ROUGE(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["кошка сидит", "猫坐在垫子上", "γάτα", "חתול", "قطة"])
def test_identical_texts_of_another_script_are_refused(scored, text):
    with pytest.raises(BadValue) as caught:
        scored([(text, [text])], wb.ROUGE("1"))
    assert str(caught.value) == (
        "rouge1 with rouge_score's tokenizer reads only a–z and 0–9, but 100% of the letters are "
        "others; use tokenizer='unicode', or strict=False for rouge_score's own figure."
    )
    assert scored([(text, [text])], wb.ROUGE("1", tokenizer="unicode")).frame["value"].item() == 1
    assert scored([(text, [text])], wb.ROUGE("1", strict=False)).frame["value"].item() == 0


@pytest.mark.parametrize(
    "text",
    ["Le petit chat dort près de la porte ouverte", "Die Kuh steht auf der grünen Wiese am Bach"],
)
def test_languages_that_lose_few_letters_are_scored(scored, text):
    assert scored([(text, [text])], wb.ROUGE("1")).frame["value"].item() == 1


TURNED = ("It rained hard today. She stayed home.", ["She stayed home. It rained hard today."])


def test_rouge_lsum_without_line_ends_is_refused(scored):
    with pytest.raises(BadValue) as caught:
        scored([TURNED], wb.ROUGE("Lsum"))
    assert str(caught.value) == (
        "rougeLsum needs one sentence per line, but none of 2 texts has a line end and 2 have "
        "several sentences; use split='sentence', put line ends in, or strict=False for "
        "rouge_score's own figure."
    )


def test_rouge_lsum_is_1_by_line_or_sentence_where_rouge_l_is_0_571(scored):
    text, (reference,) = TURNED
    in_lines = (text.replace(". ", ".\n"), [reference.replace(". ", ".\n")])
    by_sentence = wb.ROUGE("Lsum", split="sentence")
    assert scored([TURNED], by_sentence).frame["value"].item() == 1
    assert scored([in_lines], wb.ROUGE("Lsum")).frame["value"].item() == 1
    silent = scored([TURNED], wb.ROUGE("Lsum", strict=False)).frame["value"].item()
    assert silent == scored([TURNED], wb.ROUGE("L")).frame["value"].item()
    assert silent == pytest.approx(4 / 7, abs=1e-12)


def test_rouge_lsum_of_single_sentences_needs_no_line_end(scored):
    assert scored([("It rained.", ["It rained."])], wb.ROUGE("Lsum")).frame["value"].item() == 1


def summaries(shared, name):
    """Return references and each system's texts, joined as the data's README says."""
    if name == "realsumm-abs":
        path = shared / "summarisation" / name / "realsumm_abs.jsonl.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            documents = [json.loads(line) for line in lines]
        systems = {
            system: ["\n".join(each["systems"][system]["sentences"]) for each in documents]
            for system in documents[0]["systems"]
        }
        return ["\n".join(each["reference_sentences"]) for each in documents], systems
    with gzip.open(
        shared / "summarisation" / name / "human_judgment.jsonl.gz", "rt", encoding="utf-8"
    ) as lines:
        records = [json.loads(line) for line in lines]
    systems = {
        system: {each["id"]: each["summary"] for each in records if each["model_id"] == system}
        for system in sorted({each["model_id"] for each in records})
    }
    order = list(systems["A"])
    texts = {system: [by_id[each] for each in order] for system, by_id in systems.items()}
    return texts["A"], texts


def assert_rouge_equals_oracle(shared, name, metric, systems=None):
    references, texts = summaries(shared, name)
    oracle = json.loads((shared / "summarisation" / name / "oracle.json").read_text())["systems"]
    assert set(texts) == set(oracle)
    chosen = {system: texts[system] for system in systems or texts}
    rows = wb.read([{"input": "", "references": each} for each in references])
    scores = wb.score(wb.outputs(rows, chosen), rows, [metric])
    means = scores.frame.groupby("system")["value"].mean()
    key = f"stemmer={metric.stemmer}"
    for system in chosen:
        expected = oracle[system]["rouge"][key][f"rouge{metric.variant}"][metric.measure]
        assert means[system] == pytest.approx(expected, abs=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("stemmer", [False, True])
@pytest.mark.parametrize("variant", ["1", "2", "L", "Lsum"])
@pytest.mark.parametrize("name", SETS)
def test_rouge_of_real_summaries(shared, name, variant, stemmer):
    systems = {"realsumm-abs": ["bart_out", "semsim_out"], "dialsummeval": ["A", "C", "F"]}[name]
    metric = wb.ROUGE(variant, stemmer=stemmer, strict=False)
    assert_rouge_equals_oracle(shared, name, metric, systems)


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_every_figure_of_real_summaries_is_rouge_scores(shared, table, name):
    references, texts = summaries(shared, name)
    chosen = {"realsumm-abs": ["bart_out", "t5_out_base"], "dialsummeval": ["B", "N"]}[name]
    pairs = [
        (text, [reference])
        for system in chosen
        for text, reference in zip(texts[system], references, strict=True)
    ]
    assert_all_equal_rouge_score(table(pairs[::3]))


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_every_figure_of_every_system_is_rouge_scores(shared, table, name):
    references, texts = summaries(shared, name)
    systems = list(texts.values())
    several = [
        (text, [references[at], *(lines[at] for lines in systems[:2])])
        for lines in systems[2:4]
        for at, text in enumerate(lines)
    ]
    pairs = [(t, [r]) for lines in systems for t, r in zip(lines, references, strict=True)]
    assert_all_equal_rouge_score(table(pairs + several))


@pytest.mark.shared
@pytest.mark.slow
def test_every_figure_of_long_real_texts_is_rouge_scores(shared, table):
    # stretches of 24 sentences each, some 500 words
    home = shared / "mt" / "wmt23.he-en"
    sides = []
    for path in (
        *(home / f"ref{each}.txt.gz" for each in "AB"),
        *sorted(home.glob("systems/*"))[:2],
    ):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            lines = file.read().split("\n")
        sides.append(["\n".join(lines[at : at + 24]) for at in range(0, 24 * 3, 24)])
    one, other, *systems = sides
    pairs = [(text, [one[at], other[at]]) for texts in systems for at, text in enumerate(texts)]
    assert_all_equal_rouge_score(table(pairs))


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("stemmer", [False, True])
@pytest.mark.parametrize("variant", ["1", "2", "L", "Lsum"])
@pytest.mark.parametrize("name", SETS)
def test_rouge_of_every_system_of_real_summaries(shared, name, variant, stemmer, measure):
    metric = wb.ROUGE(variant, measure, stemmer, strict=False)
    assert_rouge_equals_oracle(shared, name, metric)

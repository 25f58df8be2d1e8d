"""sacrebleu's paired tests: our p-values against the peer's own."""

import gzip
import itertools
from functools import cache

import numpy as np
import pytest
from sacrebleu.metrics import BLEU as PeerBLEU
from sacrebleu.metrics import CHRF as PeerChrF
from sacrebleu.metrics import TER as PeerTER
from sacrebleu.significance import PairedTest

import workbench as wb
from workbench.pairing import panel
from workbench.stats import Exact, resampling
from workbench.stats.sacrebleu_tests import PeerUnits, paired_bootstrap, paired_randomisation

METRICS = {"BLEU": wb.BLEU, "chrF2": wb.ChrF, "TER": wb.TER}
PEERS = {"BLEU": PeerBLEU, "chrF2": PeerChrF, "TER": PeerTER}
KINDS = {"bs": "bootstrap", "ar": "randomisation"}
WORDS = ["the", "a", "cat", "dog", "sat", "on", "mat", "ran", "to", "red", "old", ",", "and"]


def corpus(seed, n_rows, n_references):
    """Random sentences: references, a baseline and its twin, a rival as good, one that is near."""
    rng = np.random.default_rng(seed)

    def noisy(sentence, share):
        return [str(rng.choice(WORDS)) if rng.random() < share else word for word in sentence]

    sentences = [list(map(str, rng.choice(WORDS, rng.integers(3, 15)))) for _ in range(n_rows)]
    streams = [sentences, *([noisy(s, 0.3) for s in sentences] for _ in range(n_references - 1))]
    base = [noisy(s, 0.3) for s in sentences]
    rival = [noisy(s, 0.3) for s in sentences]
    near = [noisy(s, 0.1) if rng.random() < 0.15 else s for s in base]
    texts = [[" ".join(s) + " ." for s in each] for each in (*streams, base, rival, near)]
    *references, base, rival, near = texts
    return references, {"base": base, "near": near, "rival": rival, "twin": base}


@cache
def remembering(metric):
    """sacrebleu's metric, which takes the statistics of the same texts from its own first answer."""
    peer = PEERS[metric]()
    extract, known = peer._extract_corpus_statistics, {}

    def statistics(texts, references):
        key = (tuple(texts), tuple(map(tuple, references)))
        if key not in known:
            known[key] = extract(texts, references)
        return known[key]

    peer._extract_corpus_statistics = statistics
    return peer


def peer_p(systems, references, metric, kind, samples=0, peer=None):
    """p-values of sacrebleu's PairedTest, whose first system is the baseline."""
    test = PairedTest(
        list(systems.items()),
        {metric: peer or PEERS[metric]()},
        references,
        test_type=kind,
        n_samples=samples,
    )
    _, found = test()
    results = found[next(name for name in found if name != "System")]
    return {name: r.p_value for name, r in zip(systems, results, strict=True)}


def our_p(systems, references, metric, kind, **options):
    rows = wb.read(None, references=references)
    scores = wb.score(wb.outputs(rows, systems), rows, [METRICS[metric]()])
    baseline = next(iter(systems))
    frame = wb.compare(
        scores, baseline=baseline, test=KINDS[kind], compat="sacrebleu", **options
    ).frame
    return dict(zip(frame["system"], frame["p"], strict=True))


@pytest.mark.parametrize("kind", ["bs", "ar"])
@pytest.mark.parametrize("metric", ["BLEU", "chrF2", "TER"])
@pytest.mark.parametrize("n_references", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_p_values_are_sacrebleus(kind, metric, n_references, seed):
    references, systems = corpus(seed, 60, n_references)
    theirs = peer_p(systems, references, metric, kind, samples=300)
    ours = our_p(systems, references, metric, kind, samples=300)
    assert ours == {name: theirs[name] for name in ours}
    assert len(ours) == 3


@pytest.mark.parametrize("metric", ["BLEU", "chrF2", "TER"])
@pytest.mark.parametrize(("n_references", "samples"), [(1, 300), (2, 39), (3, 300)])
def test_intervals_of_the_bootstrap_are_sacrebleus(metric, n_references, samples):
    references, systems = corpus(6, 40, n_references)
    peer = PairedTest(
        list(systems.items()), {metric: PEERS[metric]()}, references, "bs", n_samples=samples
    )
    _, found = peer()
    results = found[next(name for name in found if name != "System")]
    units = peer_units(references, systems, METRICS[metric](), samples=samples, seed=12345)
    for at, (_, result) in enumerate(sorted(zip(systems, results, strict=True))):
        assert units.confidence(at) == (result.mean, result.ci)
        interval = units.interval(at)
        assert (interval.low, interval.high) == (result.mean - result.ci, result.mean + result.ci)


def peer_units(references, systems, metric, **options):
    rows = wb.read(None, references=references)
    arranged = panel(wb.score(wb.outputs(rows, systems), rows, [metric]), metric.name)
    return PeerUnits(arranged.in_order(arranged.rows_of()), metric.aggregate, **options)


@pytest.mark.parametrize("test", ["bootstrap", "randomisation"])
def test_pairs_do_not_depend_on_the_systems_beside_them(test):
    references, systems = corpus(7, 30, 1)
    together = peer_units(references, systems, wb.BLEU(), samples=200, seed=1)
    pairs = list(itertools.combinations(range(4), 2))
    found = together.differences(pairs, test=test)
    names = sorted(systems)
    for (a, b), difference in zip(pairs, found, strict=True):
        two = {name: systems[name] for name in (names[a], names[b])}
        alone = peer_units(references, two, wb.BLEU(), samples=200, seed=1)
        assert alone.difference(0, 1, test=test) == difference


@pytest.mark.parametrize("n_rows", [1, 7, 32, 45])
@pytest.mark.parametrize("samples", [1, 31, 100])
def test_rows_are_chosen_bit_for_bit_as_numpy_does(n_rows, samples):
    units = PeerUnits(Exact.of(np.ones((n_rows, 2, 1))), mean, samples=samples, seed=3)
    ours = np.concatenate(list(units._chosen()))
    theirs = np.random.default_rng(3).integers(2, size=(samples, n_rows), dtype=bool)
    assert ours.tolist() == theirs.tolist()


def test_a_difference_without_a_figure_is_not_larger():
    # half of the exchanges leave one side without a count: sacrebleu's ">" is false for them
    statistics = np.array([[[3.0, 1.0], [1.0, 0.0]], [[2.0, 0.0], [1.0, 1.0]]])
    flips = np.random.default_rng(5).integers(2, size=(200, 2), dtype=bool)
    n_larger = 0
    for flip in flips:
        one = np.where(flip[:, None], statistics[:, 1], statistics[:, 0]).sum(0)
        other = np.where(flip[:, None], statistics[:, 0], statistics[:, 1]).sum(0)
        n_larger += one[1] > 0 < other[1] and abs(one[0] / one[1] - other[0] / other[1]) > 3.0
    with np.errstate(divide="ignore", invalid="ignore"):
        found = paired_randomisation(
            statistics[:, 0], statistics[:, 1], finite_mean, samples=200, seed=5
        )
    assert found == (n_larger + 1) / 201


def finite_mean(sums):
    return np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], np.nan)


@pytest.mark.parametrize(("kind", "samples"), [("bs", 1000), ("ar", 10_000)])
def test_seed_and_samples_are_sacrebleus_by_default(kind, samples):
    references, systems = corpus(2, 30, 1)
    theirs = peer_p(systems, references, "BLEU", kind)
    ours = our_p(systems, references, "BLEU", kind)
    assert ours["rival"] == theirs["rival"]
    assert ours == our_p(systems, references, "BLEU", kind, samples=samples, seed=12345)


@pytest.mark.parametrize("kind", ["bs", "ar"])
def test_a_system_against_itself_is_significant_to_sacrebleu(kind):
    references, systems = corpus(3, 40, 1)
    theirs = peer_p(systems, references, "BLEU", kind, samples=1000)
    ours = our_p(systems, references, "BLEU", kind, samples=1000)
    assert theirs["twin"] == ours["twin"] == 1 / 1001


@pytest.mark.parametrize("n_better", [1, 2, 3])
def test_one_two_or_three_better_of_1000_are_significant_to_sacrebleu(n_better):
    references = [["the old cat sat on the mat ."] * 1000]
    base = ["the old cat ran on the mat ."] * 1000
    systems = {"base": base, "near": [*references[0][:n_better], *base[n_better:]]}
    theirs = peer_p(systems, references, "BLEU", "ar", samples=1000)
    ours = our_p(systems, references, "BLEU", "ar", samples=1000)
    assert theirs["near"] == ours["near"] == 1 / 1001


@pytest.mark.parametrize("value", ["0", "none", "7"])
def test_the_environment_changes_nothing(value, monkeypatch):
    references, systems = corpus(4, 30, 1)
    before = our_p(systems, references, "BLEU", "bs", samples=200)
    monkeypatch.setenv("SACREBLEU_SEED", value)
    assert our_p(systems, references, "BLEU", "bs", samples=200) == before


def test_seed_zero_is_reproducible_and_differs_from_the_default():
    references, systems = corpus(4, 30, 1)
    first = our_p(systems, references, "chrF2", "bs", samples=500, seed=0)
    assert first == our_p(systems, references, "chrF2", "bs", samples=500, seed=0)
    assert first != our_p(systems, references, "chrF2", "bs", samples=500)


def test_systems_given_in_another_order_of_rows_are_put_in_the_datasets_order():
    references, systems = corpus(5, 30, 1)
    rows = wb.read(None, references=references)
    outputs = wb.outputs(rows, systems)
    frames = [
        wb.compare(
            wb.score(each, rows, [wb.BLEU()]), baseline="base", compat="sacrebleu", samples=300
        ).frame
        for each in (outputs, outputs.sample(frac=1, random_state=1))
    ]
    assert frames[0].to_json() == frames[1].to_json()


# The functions themselves, against plain loops.


def mean(sums):
    return sums[..., 0] / sums[..., 1]


STATISTICS = [
    np.stack([np.random.default_rng(seed).integers(0, 9, 25), np.ones(25)], axis=1)
    for seed in (0, 1)
]


def test_the_bootstrap_centres_the_size_of_the_difference():
    system, baseline = STATISTICS
    drawn = np.random.default_rng(3).choice(25, size=(200, 25), replace=True)
    sizes = [
        abs(mean(system[d].astype("float32").sum(0)) - mean(baseline[d].astype("float32").sum(0)))
        for d in drawn
    ]
    observed = abs(mean(system.sum(0)) - mean(baseline.sum(0)))
    n_larger = sum(size - np.mean(sizes) > observed for size in sizes)
    found = paired_bootstrap(system, baseline, mean, samples=200, seed=3)
    assert found == (n_larger + 1) / 201


def test_the_randomisation_counts_strictly_larger_differences():
    system, baseline = STATISTICS
    n_larger = 0
    observed = abs(mean(system.sum(0)) - mean(baseline.sum(0)))
    for flip in np.random.default_rng(3).integers(2, size=(200, 25), dtype=bool):
        one = np.where(flip[:, None], baseline, system).sum(0)
        other = np.where(flip[:, None], system, baseline).sum(0)
        n_larger += abs(mean(one) - mean(other)) > observed
    found = paired_randomisation(system, baseline, mean, samples=200, seed=3)
    assert found == (n_larger + 1) / 201


@pytest.mark.parametrize("test", [paired_randomisation, paired_bootstrap])
@pytest.mark.parametrize("block", [1, 800, 1600])
def test_the_size_of_the_blocks_does_not_matter(test, block, monkeypatch):
    whole = test(*STATISTICS, mean, samples=150, seed=0)
    monkeypatch.setattr(resampling, "_BLOCK", block)
    monkeypatch.setattr(resampling, "_FEWEST_SAMPLES", 1)
    assert test(*STATISTICS, mean, samples=150, seed=0) == whole


def naive_bootstrap_p(system, baseline, kind):
    drawn = np.random.default_rng(1).choice(len(system), size=(500, len(system)), replace=True)
    sides = [side.astype(kind) for side in (system, baseline)]
    sizes = np.array([abs(mean(sides[0][d].sum(0)) - mean(sides[1][d].sum(0))) for d in drawn])
    observed = abs(mean(system.sum(0)) - mean(baseline.sum(0)))
    return (np.sum(sizes - sizes.mean() > observed) + 1) / 501


def test_sums_beyond_whole_float32_are_summed_as_float32_does():
    rng = np.random.default_rng(3)
    system, baseline = (
        np.stack([rng.integers(10**6, 10**6 + 900, 200), np.full(200, 3.0)], axis=1)
        for _ in range(2)
    )
    found = paired_bootstrap(system, baseline, mean, samples=500, seed=1)
    assert found == naive_bootstrap_p(system, baseline, "float32")
    assert found != naive_bootstrap_p(system, baseline, "float64")


# WMT23 Hebrew to English: every system against one baseline, with both references.


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return file.read().rstrip("\n").split("\n")


@cache
def hebrew_english(folder, n_rows):
    references = [lines(folder / f"{name}.txt.gz")[:n_rows] for name in ("refA", "refB")]
    paths = sorted((folder / "systems").iterdir())
    systems = {path.name.removesuffix(".txt.gz"): lines(path)[:n_rows] for path in paths}
    return references, systems


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bs", "ar"])
@pytest.mark.parametrize(("metric", "n_rows"), [("BLEU", 1910), ("chrF2", 1910), ("TER", 300)])
def test_p_values_of_all_hebrew_english_systems_are_sacrebleus(shared, metric, n_rows, kind):
    references, systems = hebrew_english(shared / "mt" / "wmt23.he-en", n_rows)
    assert len(systems) == 12
    theirs = peer_p(systems, references, metric, kind, peer=remembering(metric))
    ours = our_p(systems, references, metric, kind)
    assert len(ours) == 11
    assert {name: ours[name] - theirs[name] for name in ours} == dict.fromkeys(ours, 0.0)


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["bs", "ar"])
def test_p_values_of_three_hebrew_english_systems_are_sacrebleus(shared, kind):
    references, systems = hebrew_english(shared / "mt" / "wmt23.he-en", 300)
    few = {name: systems[name] for name in ("ONLINE-A", "ONLINE-B", "ONLINE-G")}
    theirs = peer_p(few, references, "BLEU", kind, samples=500)
    ours = our_p(few, references, "BLEU", kind, samples=500)
    assert ours == {name: theirs[name] for name in ours}

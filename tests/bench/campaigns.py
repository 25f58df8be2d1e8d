"""Real systems for the tasks of inference, and both sides of what is done with them.

The texts are WMT23's (Czech to Ukrainian: 2,017 segments; English to Japanese: 2,074; Hebrew to English: 1,910; English to German:
557) where a
folder of data stands beside the checkout; elsewhere generated ones take their place. Matrix
products run on one thread on both sides: with several, a busy machine counts their waiting as time
of the processor.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

from sides import Figures, our_scores, sacrebleu_results
from texts import texts

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "mt"
CZECH, GERMAN, HEBREW, JAPANESE = "wmt23.cs-uk", "wmt23.en-de", "wmt23.he-en", "wmt23.en-ja"

SEGMENTS = {CZECH: 2_017, HEBREW: 1_910, GERMAN: 557}
KINDS = {"bootstrap": "bs", "randomisation": "ar"}


def campaign(
    n: int, n_systems: int, pair: str = CZECH, *, twins: bool = False
) -> tuple[list[str], dict[str, list[str]]]:
    """Return n references, and as many outputs of each system; the first is the baseline.

    Parameters
    ----------
    n : int
        Number of segments; beyond those of the set they come again.
    n_systems : int
        Number of systems, at most; there are three of generated texts.
    pair : str
        The folder of the set.
    twins : bool
        Whether the last two systems are nearly tied: the baseline with each hundredth, and each
        fifth, output of another system.
    """
    if not (DATA / pair).is_dir():
        references, systems = texts(n)
    else:
        paths = sorted((DATA / pair / "systems").iterdir())[:n_systems]
        references = _lines(DATA / pair / "refA.txt.gz", n)
        systems = {path.name.removesuffix(".txt.gz"): _lines(path, n) for path in paths}
    if twins:
        (_, base), (_, other), *_ = systems.items()
        kept = dict(list(systems.items())[: n_systems - 2])
        for step in (100, 5):
            mixed = [other[at] if at % step == 0 else base[at] for at in range(n)]
            kept[f"near-{step}"] = mixed
        systems = kept
    return references, systems


def one_system(
    n: int, pairs: Sequence[str] = (CZECH, HEBREW, GERMAN)
) -> tuple[list[str], dict[str, list[str]]]:
    """Return n outputs as if they were of one system: those of all systems of some pairs."""
    references, outputs = [], []
    for pair, n_rows in ((pair, SEGMENTS[pair]) for pair in pairs):
        known, systems = campaign(n_rows, 13, pair)
        for lines in systems.values():
            references += known
            outputs += lines
    around = -(-n // len(outputs))
    return (references * around)[:n], {"all": (outputs * around)[:n]}


def rows_where(
    fits: Callable[..., bool], references: list[str], systems: dict[str, list[str]]
) -> tuple[list[str], dict[str, list[str]]]:
    """Return the rows whose reference, and whose output of each system, fit."""
    rows = zip(references, *systems.values(), strict=True)
    kept = [at for at, (reference, *outputs) in enumerate(rows) if fits(reference, *outputs)]
    return [references[at] for at in kept], {
        name: [lines[at] for at in kept] for name, lines in systems.items()
    }


def _lines(path: Path, n: int) -> list[str]:
    with gzip.open(path, "rt", encoding="utf8", newline="\n") as file:
        lines = file.read().rstrip("\n").split("\n")
    return (lines * -(-n // len(lines)))[:n]


def our_scored(references, systems):
    """Score by BLEU, the only metric of these tasks."""
    import workbench as wb

    return our_scores(references, systems, [wb.BLEU()])


def our_peer_figures(scores, baseline: str, test: str) -> Figures:
    """Return scores and sacrebleu's p-values."""
    import workbench as wb

    c = wb.compare(scores, baseline=baseline, test=test, compat="sacrebleu")
    frame = c.frame.set_index("system")
    found = {f"score:{baseline}": float(frame["baseline_score"].iloc[0])}
    found |= {f"score:{name}": float(each) for name, each in frame["score"].items()}
    return found | {f"p:{name}": float(each) for name, each in frame["p"].items()}


def our_inference(n: int, test: str, *, scored: bool) -> Callable[[], Figures]:
    """Prepare sacrebleu's test of ten systems by our engine, from texts or from statistics."""
    references, systems = campaign(n, 10, twins=True)
    baseline = next(iter(systems))
    if not scored:
        return lambda: our_peer_figures(our_scored(references, systems), baseline, test)
    scores = our_scored(references, systems)
    return lambda: our_peer_figures(scores, baseline, test)


def sacrebleu_inference(n: int, test: str, *, scored: bool) -> Callable[[], Figures]:
    """Prepare the same by sacrebleu."""
    references, systems = campaign(n, 10, twins=True)
    return sacrebleu_results(references, systems, KINDS[test], scored=scored)


def our_pairs(n: int, test: str, *, every: bool, scored: bool) -> Callable[[], Figures]:
    """Prepare all 120 pairs of 16 systems, or the 15 with the first, from texts or from statistics.

    Either way the figures are the p-values of the 15.
    """
    from itertools import combinations

    import workbench as wb
    from workbench.contrasts import Settings, differences, judged
    from workbench.stats.sacrebleu_tests import SAMPLES

    references, systems = campaign(n, 16, JAPANESE)
    baseline, *_ = names = sorted(systems)
    compat = "sacrebleu" if test == "bootstrap" else None
    samples = SAMPLES[test] if compat else 10_000
    settings = Settings(baseline, test, samples, compat=compat)
    pairs = [(b, a) for a, b in combinations(names, 2) if every or a == baseline]

    def figures(scores: wb.Scores) -> Figures:
        frame = judged(scores, settings, differences(scores, settings, pairs))
        columns = (frame[name] for name in ("baseline", "system", "p"))
        rows = zip(*columns, strict=True)
        return {f"p:{system}": float(p) for base, system, p in rows if base == baseline}

    if not scored:
        return lambda: figures(our_scored(references, systems))
    scores = our_scored(references, systems)
    return lambda: figures(scores)

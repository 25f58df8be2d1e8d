"""What several tasks do on either side; the libraries are imported inside, before the clock runs."""

from collections.abc import Callable

from texts import texts

Figures = dict[str, float | list[float]]


def our_scores(references, systems, metrics):
    """Score texts in memory, tables and all."""
    import workbench as wb

    rows = wb.read([{"input": "", "references": [reference]} for reference in references])
    # the clock of the processor would not see other processes
    return wb.score(wb.outputs(rows, systems), rows, metrics, executor="serial")


def our_corpus(metric, references, systems) -> Callable[[], Figures]:
    """Prepare the corpus figure of each system, and its statistics, by one of our metrics."""

    def work() -> Figures:
        scores = our_scores(references, systems, [metric])
        names, statistics = scores.outputs["system"].to_numpy(), scores.statistics[metric.name]
        found = {system: statistics[names == system] for system in systems}
        figures = {system: metric.aggregate(each.sum(axis=0)) for system, each in found.items()}
        return _figures(figures, found)

    return work


def our_scored_corpus(metric, references, systems) -> Callable[[], Figures]:
    """Prepare the corpus figure of each system alone: other peers do not tell their statistics."""
    work = our_corpus(metric, references, systems)
    return lambda: {name: value for name, value in work().items() if name.startswith("score:")}


def torchmetrics_corpus(kind, references, systems) -> Callable[[], Figures]:
    """Prepare the same by a metric of torchmetrics, in its Python."""
    from torchmetrics import text

    kinds, wanted = getattr(text, kind), [[each] for each in references]
    return lambda: {
        f"score:{system}": 100 * float(kinds()(lines, wanted)) for system, lines in systems.items()
    }


def nltk_corpus(references, systems) -> Callable[[], Figures]:
    """Prepare the same by nltk, from the words between spaces."""
    from nltk.translate.bleu_score import corpus_bleu

    def work() -> Figures:
        words = [[each.split()] for each in references]
        return {
            f"score:{system}": 100 * corpus_bleu(words, [line.split() for line in lines])
            for system, lines in systems.items()
        }

    return work


def sacrebleu_corpus(kind, references, systems, *, cached=False) -> Callable[[], Figures]:
    """Prepare the same by sacrebleu: by a fresh metric for each system, or by one that has read the references."""

    def work() -> Figures:
        metric = kind(references=[references]) if cached else None
        figures, found = {}, {}
        for system, lines in systems.items():
            each, theirs = (metric, None) if cached else (kind(), [references])
            found[system] = each._extract_corpus_statistics(lines, theirs)
            figures[system] = each._aggregate_and_compute(found[system]).score
        return _figures(figures, found)

    return work


def _figures(scores, statistics) -> Figures:
    """Return scores, and of the statistics of all segments a number that stands for them."""
    import hashlib

    import numpy as np

    digests = {
        system: int(hashlib.sha256(np.asarray(each, dtype=float).tobytes()).hexdigest()[:12], 16)
        for system, each in statistics.items()
    }
    return {f"score:{system}": float(score) for system, score in scores.items()} | {
        f"statistics:{system}": digest for system, digest in digests.items()
    }


def our_figures(comparison) -> Figures:
    """Return scores and p-values of a comparison with the first system."""
    frame = comparison.frame.set_index("system")
    baseline = {"score:a": float(frame["baseline_score"].iloc[0])}
    scores = {f"score:{system}": float(value) for system, value in frame["score"].items()}
    return baseline | scores | {f"p:{system}": float(p) for system, p in frame["p"].items()}


def our_test(n: int, **options: object) -> Callable[[], Figures]:
    """Prepare a comparison by BLEU of all systems with the first, from texts to p-values."""
    import workbench as wb

    references, systems = texts(n)
    return lambda: our_figures(
        wb.compare(our_scores(references, systems, [wb.BLEU()]), baseline="a", **options)
    )


def sacrebleu_test(n: int, kind: str, *options: int) -> Callable[[], Figures]:
    """Prepare sacrebleu's paired test, from texts to p-values."""
    return sacrebleu_results(*texts(n), kind, *options)


def sacrebleu_results(
    references: list[str],
    systems: dict[str, list[str]],
    kind: str,
    *options: int,
    scored: bool = False,
) -> Callable[[], Figures]:
    """Prepare sacrebleu's paired test by BLEU of all systems with the first.

    With `scored` it starts from statistics: what sacrebleu extracts from texts is at hand.
    """
    from sacrebleu.metrics import BLEU

    class Ready(BLEU):
        def _extract_corpus_statistics(self, hypotheses, references):
            return statistics[id(hypotheses)]

    if not scored:
        return lambda: _paired(systems, BLEU(references=[references]), kind, *options)
    metric = BLEU(references=[references])
    statistics = {
        id(lines): metric._extract_corpus_statistics(lines, None) for lines in systems.values()
    }
    return lambda: _paired(systems, Ready(references=[references[:1]]), kind, *options)


def _paired(systems, metric, kind, *options) -> Figures:
    import os

    from sacrebleu.significance import PairedTest

    os.environ.pop("SACREBLEU_SEED", None)
    test = PairedTest(list(systems.items()), {"BLEU": metric}, None, kind, *options)
    _, found = test()
    results = dict(zip(found["System"], found["BLEU"], strict=True))
    scores = {f"score:{system}": result.score for system, result in results.items()}
    tested = {f"p:{system}": result.p_value for system, result in list(results.items())[1:]}
    return scores | tested

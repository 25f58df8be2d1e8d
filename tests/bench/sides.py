"""What several tasks do on either side; the libraries are imported inside, before the clock runs."""

from collections.abc import Callable

from texts import texts

Figures = dict[str, float | list[float]]


def our_scores(references, systems, metrics):
    """Score texts in memory, tables and all."""
    import workbench as wb

    rows = wb.read([{"input": "", "references": [reference]} for reference in references])
    return wb.score(wb.outputs(rows, systems), rows, metrics)


def our_corpus(metric, n: int) -> Callable[[], Figures]:
    """Prepare the corpus figure of each system under one of our metrics."""
    references, systems = texts(n)

    def work() -> Figures:
        scores = our_scores(references, systems, [metric])
        names, statistics = scores.outputs["system"].to_numpy(), scores.statistics[metric.name]
        sums = {system: statistics[names == system].sum(axis=0) for system in systems}
        return {f"score:{system}": float(metric.aggregate(sums[system])) for system in systems}

    return work


def sacrebleu_corpus(kind, n: int) -> Callable[[], Figures]:
    """Prepare the same by a metric of sacrebleu, which reads the references once."""
    references, systems = texts(n)

    def work() -> Figures:
        metric = kind(references=[references])
        return {
            f"score:{system}": metric.corpus_score(lines, None).score
            for system, lines in systems.items()
        }

    return work


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

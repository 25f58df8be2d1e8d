"""ROUGE-1, ROUGE-2 and ROUGE-L of every output, from texts in memory to figures."""

PEER = "rouge-score"
SIZE = 1_000
UNIT = "3 systems × {n}"

NAMES = ["rouge1", "rouge2", "rougeL"]


def ours(n):
    from sides import our_scores
    from texts import texts

    import workbench as wb

    references, systems = texts(n)

    def work():
        frame = our_scores(references, systems, [wb.ROUGE(kind) for kind in "12L"]).frame
        values = frame.groupby(["metric", "system"], sort=False)["value"]
        return {f"{name}:{system}": part.tolist() for (name, system), part in values}

    return work


def theirs(n):
    from rouge_score.rouge_scorer import RougeScorer
    from texts import texts

    references, systems = texts(n)

    def work():
        scorer = RougeScorer(NAMES)
        scores = {
            system: list(map(scorer.score, references, lines)) for system, lines in systems.items()
        }
        return {
            f"{name}:{system}": [each[name].fmeasure for each in found]
            for name in NAMES
            for system, found in scores.items()
        }

    return work

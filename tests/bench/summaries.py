"""News summaries for benchmarks of ROUGE, a sentence per line: real ones where the data are at hand.

They are the 100 documents of REALSumm (Bhandari et al. 2020) with the outputs of 14 systems, in
`../shared/data` beside the checkout. Where that is missing, and for more outputs than it holds, they
are made as in `texts.py`.
"""

import gzip
import json
import math
from pathlib import Path

REAL = (
    Path(__file__).resolve().parents[3]
    / "shared/data/summarisation/realsumm-abs/realsumm_abs.jsonl.gz"
)

_N_DOCUMENTS, _N_SYSTEMS = 100, 14


def summaries(n: int, *, longer: int = 1) -> tuple[list[str], dict[str, list[str]]]:
    """Return references, and as many outputs of each system; n outputs in all, or just below.

    Parameters
    ----------
    n : int
        Number of outputs.
    longer : int
        How many summaries of 64 words on the average, each of another document, make one text; the same are never put together twice.
    """
    from texts import texts

    # stretches of documents, from the last on to the first, until one comes again
    n_texts = _N_DOCUMENTS // math.gcd(_N_DOCUMENTS, longer)
    if REAL.is_file() and n <= n_texts * _N_SYSTEMS:
        references, systems = _real()
        n_systems = -(-n // n_texts)
        n_texts, n_lines = n // n_systems, longer
    else:
        # three sentences of 22 words each are about as long
        n_systems, n_lines = min(n, 3), 3 * longer
        n_texts = n // n_systems
        references, systems = texts(n_texts * n_lines)
    chosen = dict(list(systems.items())[:n_systems])
    return _joined(references, n_texts, n_lines), {
        name: _joined(lines, n_texts, n_lines) for name, lines in chosen.items()
    }


def _real() -> tuple[list[str], dict[str, list[str]]]:
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    systems = {
        name: ["\n".join(each["systems"][name]["sentences"]) for each in documents]
        for name in documents[0]["systems"]
    }
    return ["\n".join(each["reference_sentences"]) for each in documents], systems


def _joined(parts: list[str], n_texts: int, longer: int) -> list[str]:
    around = parts * (1 + n_texts * longer // len(parts))
    return ["\n".join(around[at * longer : (at + 1) * longer]) for at in range(n_texts)]


def our_rouge(n: int, kinds: list[str], *, longer: int = 1, stemmer: bool = False):
    """Prepare all figures of each output by our metrics, from texts in memory and tables."""
    from sides import our_scores

    import workbench as wb

    references, systems = summaries(n, longer=longer)
    metrics = [wb.ROUGE(kind, stemmer=stemmer) for kind in kinds]

    def work():
        frame = our_scores(references, systems, metrics).frame
        values = frame.groupby(["metric", "system"], sort=False)["value"]
        return {f"{name}:{system}": part.tolist() for (name, system), part in values}

    return work


def their_rouge(n: int, kinds: list[str], *, longer: int = 1, stemmer: bool = False):
    """Prepare the same by rouge_score."""
    from rouge_score.rouge_scorer import RougeScorer

    references, systems = summaries(n, longer=longer)
    names = [f"rouge{kind}" for kind in kinds]

    def work():
        scorer = RougeScorer(names, use_stemmer=stemmer)
        scores = {
            system: list(map(scorer.score, references, lines)) for system, lines in systems.items()
        }
        return {
            f"{name}:{system}": [each[name].fmeasure for each in found]
            for name in names
            for system, found in scores.items()
        }

    return work

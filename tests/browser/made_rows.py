"""Many rows of several systems, made in a moment: no text is measured, and nothing is checked."""

import numpy as np
import pandas as pd

import workbench as wb
from workbench.comparison import Comparison
from workbench.contrasts import Settings
from workbench.metrics.scoring import Scores


def made(n_rows: int, n_systems: int = 6) -> Comparison:
    """Return a comparison of systems that write some 20 words each."""
    systems = [f"system {letter}" for letter in "abcdefghi"[:n_systems]]
    words = [f"word{at} comes before word{at + 1} and after word{at - 1}" for at in range(997)]
    said = [
        f"{words[(at * (2 + nth % 3)) % 997]}; row {at} goes on and {words[at % 991]}."
        for at in range(n_rows)
        for nth in range(n_systems)
    ]
    names = [f"r{at:06}" for at in range(n_rows)]
    rows = np.repeat(np.arange(n_rows), n_systems)
    outputs = pd.DataFrame(
        {
            "row_id": np.asarray(names, dtype=object)[rows],
            "system": systems * n_rows,
            "text": said,
            "output_id": [f"o{at}" for at in range(len(said))],
            "repeat": 0,
            "input": np.asarray([f"What comes at row {at}?" for at in range(n_rows)])[rows],
            "topic": np.asarray(["law", "news", "sport"])[rows % 3],
        }
    )
    outputs["references"] = [[said[at * n_systems]] for at in rows.tolist()]
    dice = np.random.default_rng(0)
    metrics = (wb.Column("accuracy", bounds=(0, 1)), wb.Column("edits", direction="down"))
    ones = np.ones(len(said))
    statistics = {
        each.name: np.column_stack([dice.random(len(said)).round(3), ones]) for each in metrics
    }
    signatures = {each.name: each.signature for each in metrics}
    scores = Scores(outputs, metrics, statistics, signatures, digest="", dataset="made")
    frame = pd.DataFrame({"system": systems[1:]})
    return Comparison(scores, Settings(systems[0]), frame)

"""Make `task.yaml` and `journal.jsonl` anew: a rating session of three scripted raters.

Nobody rated anything here. Each rater follows a rule that is written below, sees letters instead of
systems, and acts through the same session as a person does. Run it from anywhere:
`python make_ratings.py`.
"""

import datetime
import tempfile
from pathlib import Path

import workbench as wb
from workbench.ratings import Journal, Session, Study
from workbench.ratings.exchange.chain import write_chain
from workbench.ratings.scripted import Judge, Scripted, word_overlap

HERE = Path(__file__).resolve().parent
SYSTEMS = ["centroid", "lead", "lexrank", "random"]
CHECKS = {"silent": 6}
BEGIN = datetime.datetime(2026, 1, 5, 9, tzinfo=datetime.UTC)

TASK = wb.ratings.Task(
    "news-summaries",
    [
        wb.ratings.Preference("better", strength=2, text="Which summary would you rather have?"),
        wb.ratings.Scale(
            "informative",
            1,
            5,
            labels={1: "misses the news", 3: "half of it", 5: "all of it"},
            text="How much of the news does it tell?",
        ),
    ],
    title="Summaries of the news",
    instructions=(
        "Read the article, then both summaries.\n\n"
        "- A good summary says **what happened**, to whom and where.\n"
        "- A sentence that needs another one to be understood is worth less.\n"
        "- Length does not matter."
    ),
    outputs=2,
)


def raters(judge: Judge) -> list[Scripted]:
    """Return the three raters, one after the other on the same day."""
    return [
        Scripted("ana", judge, noise=0.08, seconds=31, start=BEGIN),
        Scripted(
            "ben", judge, leaning=0.15, noise=0.12, seconds=24,
            start=BEGIN + datetime.timedelta(hours=2),
        ),
        Scripted(
            "cho", judge, noise=0.1, first=0.05, careless=0.3, seconds=12,
            start=BEGIN + datetime.timedelta(hours=4),
        ),
    ]  # fmt: skip


def main() -> None:
    """Write both files."""
    rows = wb.read("news-summaries")
    outputs = wb.outputs(rows, "news-summaries")
    outputs = outputs[outputs["system"].isin(SYSTEMS)]
    names = ["ana", "ben", "cho"]
    items = wb.ratings.items(
        outputs, rows, TASK, raters=names, overlap=2, sample=150, checks=CHECKS
    )
    at_work: list[Scripted] = []
    with tempfile.TemporaryDirectory() as folder, Journal.open(f"{folder}/r.sqlite") as journal:
        study = Study.start(journal, items, now=lambda: at_work[-1].clock if at_work else BEGIN)
        for rater in raters(word_overlap(rows)):
            at_work.append(rater)
            rater.work(Session(study, rater.name))
        write_chain(journal.events(), HERE / "journal.jsonl")
    TASK.write(HERE / "task.yaml")


if __name__ == "__main__":
    main()

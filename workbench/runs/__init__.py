"""Runs: rows × prompts × models × repeats, asked once, kept, and made into OUTPUTS."""

from workbench.runs.asking import Retries
from workbench.runs.budgets import Budget
from workbench.runs.estimates import Estimate
from workbench.runs.outputs import summary
from workbench.runs.progress import Progress
from workbench.runs.reading import Run, compare_manifests, read
from workbench.runs.reading import listed as list
from workbench.runs.running import run
from workbench.runs.tracking import from_mlflow, to_mlflow

__all__ = [
    "Budget",
    "Estimate",
    "Progress",
    "Retries",
    "Run",
    "compare_manifests",
    "from_mlflow",
    "list",
    "read",
    "run",
    "summary",
    "to_mlflow",
]

"""What raters are asked: kinds of questions, and tasks made of them."""

from workbench.ratings.tasks.comparative import BestWorst, Preference, Ranking
from workbench.ratings.tasks.examples import Example
from workbench.ratings.tasks.markdown_trees import markdown_tree
from workbench.ratings.tasks.questions import LETTERS, Correction, Labels, Question, Scale, Text
from workbench.ratings.tasks.spans import Spans
from workbench.ratings.tasks.task import Task

__all__ = [
    "LETTERS",
    "BestWorst",
    "Correction",
    "Example",
    "Labels",
    "Preference",
    "Question",
    "Ranking",
    "Scale",
    "Spans",
    "Task",
    "Text",
    "markdown_tree",
]

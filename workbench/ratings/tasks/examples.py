"""Examples of a task, which raters can look at beside the instructions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadValue
from workbench.ratings.tasks import entries
from workbench.ratings.tasks.markdown_trees import markdown_tree
from workbench.ratings.tasks.questions import LETTERS

_LONGEST = 100_000


@dataclass(frozen=True)
class Example:
    """An example that raters can look at beside the instructions.

    Parameters
    ----------
    outputs : sequence of str
        The texts, called A, B, … in the explanation.
    source, reference : str
        What they were made from, and how they could be.
    explanation : str
        What the right answer is and why, as Markdown.
    """

    outputs: Sequence[str]
    source: str = ""
    reference: str = ""
    explanation: str = ""

    def __post_init__(self) -> None:
        given = entries.several(self.outputs, "the outputs of an example", len(LETTERS))
        texts = tuple(entries.prose(each, "each output of an example", _LONGEST) for each in given)
        if not texts:
            raise BadValue("an example must have an output, but none came; add one.")
        object.__setattr__(self, "outputs", texts)
        for part in ("source", "reference", "explanation"):
            text = entries.prose(getattr(self, part), f"the {part} of an example", _LONGEST)
            object.__setattr__(self, part, text)

    def to_dict(self) -> dict[str, Any]:
        """Return the example as JSON; what is empty is left out."""
        return {key: entries.to_json(part) for key, part in vars(self).items() if part}

    def shown(self, *, markdown: bool) -> dict[str, Any]:
        """Return what the browser gets; Markdown as trees beside the texts."""
        parts = {key: entries.to_json(part) for key, part in vars(self).items()}
        parts["explanation"] = markdown_tree(self.explanation)
        if markdown:
            parts["source_tree"] = markdown_tree(self.source)
            parts["trees"] = [markdown_tree(text) for text in self.outputs]
        return parts

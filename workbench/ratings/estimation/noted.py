"""A sheet of figures with sentences below it: what makes a figure missing, or not worth much."""

from dataclasses import dataclass, field

from workbench.display import Lines, Sheet


@dataclass(frozen=True, eq=False, repr=False)
class NotedSheet(Sheet):
    """A sheet, and what must be known before its figures are used.

    Parameters
    ----------
    notes : Lines
        Sentences; none where there is nothing to say.
    """

    notes: Lines = field(default_factory=Lines)

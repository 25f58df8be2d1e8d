"""What a rater is shown at once: an item, and the outputs in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from workbench.display import counted
from workbench.errors import BadValue, unknown_name

Purpose = Literal["rate", "training", "gold", "check"]
"""Why an item is shown: for its ratings; to teach, with feedback; or to see how a rater works, on
items whose answer is known ("gold") or that were made for it ("check")."""

_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, repr=False)
class Shown:
    """One output of an item.

    Parameters
    ----------
    output_id, system, text : str
        As in OUTPUTS.
    n_repeats : int
        From how many answers of the system to the row this one was drawn.
    """

    output_id: str
    system: str
    text: str
    n_repeats: int = 1

    def __repr__(self) -> str:
        # neither the system nor its words: a notebook may be seen by raters
        return f"Shown({len(self.text)} characters)"


@dataclass(frozen=True, repr=False)
class Item:
    """What a rater is shown at once.

    Parameters
    ----------
    item_id : str
        Its name; it says nothing about a system.
    row_id : str
        The row of ROWS behind it; empty for a gold item that has none.
    outputs : tuple of Shown
        In the order of the systems' names; what a rater sees is `order` of them.
    source, reference : str
        The row's text and its first right answer, where the task shows them.
    images : tuple of str
        The row's images as data URIs.
    purpose : {"rate", "training", "gold", "check"}
        Why it is shown.
    expected : mapping of str to value
        By question, the answer that is expected; see `workbench.ratings.controls.met`.
    explanation : str
        What is said after a training item.
    run_id : str
        The trajectory behind the outputs.
    step : int, optional
        Its step.
    propensity : float, optional
        The probability with which the item came into the sample, where it was not the same for all.
    where : mapping of str to str
        The row's slices.

    Examples
    --------
    >>> item = Item("i1", "r", (Shown("a:r:0", "a", "Guten Tag"),))
    >>> Item.from_dict(item.to_dict()) == item
    True
    >>> item
    Item i1: 1 output of row 'r', to rate
    """

    item_id: str
    row_id: str
    outputs: tuple[Shown, ...]
    source: str = ""
    reference: str = ""
    images: tuple[str, ...] = ()
    purpose: Purpose = "rate"
    expected: Mapping[str, Any] = field(default_factory=dict, hash=False)  # a value is any JSON
    explanation: str = ""
    run_id: str = ""
    step: int | None = None
    propensity: float | None = None
    where: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def systems(self) -> tuple[str, ...]:
        """The systems whose outputs it shows, in the order of `outputs`."""
        return tuple(output.system for output in self.outputs)

    @property
    def output_ids(self) -> tuple[str, ...]:
        """The names of its outputs, in the order of `outputs`."""
        return tuple(output.output_id for output in self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return the item as JSON; what is as it is by default is left out."""
        content: dict[str, Any] = {}
        for name, about in self.__dataclass_fields__.items():
            value = getattr(self, name)
            if name in {"item_id", "row_id"} or value not in (about.default, {}):
                content[name] = dict(value) if isinstance(value, Mapping) else value
        content["outputs"] = [_output_dict(output) for output in self.outputs]
        if self.images:
            content["images"] = list(self.images)
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Item":
        """Return the item that `to_dict` wrote.

        Raises
        ------
        UnknownName
            If a field is unknown.
        BadValue
            If one is missing, or the purpose is unknown.
        """
        known = cls.__dataclass_fields__
        for name in content:
            if name not in known:
                raise unknown_name("a field of an item", name, known)
        try:
            outputs = tuple(Shown(**output) for output in content["outputs"])
            images = tuple(content.get("images", ()))
            item = cls(**{**content, "outputs": outputs, "images": images})
        except (KeyError, TypeError) as error:
            raise BadValue(
                "an item must have item_id, row_id and outputs, each with output_id, system and "
                f"text, but {sorted(content)} came ({error}); write it with Item.to_dict."
            ) from None
        if item.purpose not in get_args(Purpose):
            raise unknown_name("the purpose of an item", item.purpose, get_args(Purpose))
        return item

    def __repr__(self) -> str:
        what = "to rate" if self.purpose == "rate" else f"for {self.purpose}"
        n = counted(len(self.outputs), "output")
        return f"Item {self.item_id}: {n} of row {self.row_id!r}, {what}"


def writable(text: str) -> str:
    r"""Return a text that can be stored: half a surrogate pair becomes a visible mark.

    Examples
    --------
    >>> writable("a\ud83d")
    'a�'
    """
    return _HALVES.sub("�", text)


def _output_dict(output: Shown) -> dict[str, Any]:
    content = {"output_id": output.output_id, "system": output.system, "text": output.text}
    return content if output.n_repeats == 1 else {**content, "n_repeats": output.n_repeats}

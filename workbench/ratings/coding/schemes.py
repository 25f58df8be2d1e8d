"""Schemes: the labels that a coder chooses from, each with a key and a definition."""

import hashlib
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.display import plain
from workbench.errors import BadKind, BadValue, unknown_name
from workbench.ratings.coding.known_schemes import KNOWN
from workbench.ratings.events import canonical
from workbench.ratings.tasks import entries, task_files

KEYS = "123456789" + string.ascii_lowercase
"""The keys of labels, in their order; severities have capital letters."""

SEVERITIES = ("low", "medium", "high")
"""How grave a failure is, where a scheme does not say otherwise."""

_LONGEST_NAME, _LONGEST_TEXT = 80, 1_000


@dataclass(frozen=True)
class Label:
    """One label of a scheme.

    Parameters
    ----------
    name : str
        What is stored, such as "2.2 fail to ask for clarification".
    text : str
        When it applies, in a sentence or two.
    group : str
        What it belongs to.
    """

    name: str
    text: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        entries.line(self.name, "the name of a label", _LONGEST_NAME)
        for each in (self.text, self.group):
            entries.prose(each, f"the text of label {self.name!r}", _LONGEST_TEXT)


@dataclass(frozen=True)
class Scheme:
    """The labels and severities that coders choose from.

    Parameters
    ----------
    name : str
        The scheme's name: a letter, then letters, digits, "_", "-" and ".".
    labels : sequence, or mapping of str to str
        One to 35 names, names with their definitions, mappings or `Label`.
    severities : sequence of str
        How grave a failure can be, mildest first; none when empty.
    text : str
        Where the scheme comes from.

    Raises
    ------
    BadValue
        If there are no labels, too many, or two that look the same.

    Examples
    --------
    >>> scheme = Scheme("mine", {"loop": "It does the same again.", "gave up": ""})
    >>> scheme
    Scheme 'mine': 1 loop, 2 gave up; low, medium, high
    >>> Scheme.from_dict(scheme.to_dict()) == scheme
    True
    """

    name: str
    labels: Sequence[Label]
    severities: Sequence[str] = field(default=SEVERITIES)
    text: str = ""

    def __post_init__(self) -> None:
        entries.name(self.name, "the name of a scheme")
        entries.prose(self.text, "the text of a scheme", _LONGEST_TEXT)
        given = self.labels
        pairs = given.items() if isinstance(given, Mapping) else given
        if isinstance(pairs, (str, bytes)) or not isinstance(pairs, Iterable):
            raise BadKind(
                f"labels must be a list of names, but {entries.seen(given)} came; list them."
            )
        labels = tuple(_label(each) for each in pairs)
        if not 1 <= len(labels) <= len(KEYS):
            raise BadValue(
                f"a scheme must have 1 to {len(KEYS)} labels, so that each has a key, but "
                f"{len(labels)} came; join some."
            )
        entries.once([each.name for each in labels], "labels")
        severities = entries.lines(self.severities, "severities", least=0, most=9)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "severities", severities)

    def __repr__(self) -> str:
        keyed = ", ".join(
            f"{key} {plain(label.name, width=40)}"
            for key, label in zip(KEYS, self.labels, strict=False)
        )
        grave = f"; {', '.join(self.severities)}" if self.severities else ""
        return f"Scheme {self.name!r}: {keyed}{grave}"

    @property
    def names(self) -> list[str]:
        """The names of the labels."""
        return [each.name for each in self.labels]

    def shown(self) -> dict[str, Any]:
        """Return the scheme as a panel shows it, with keys."""
        free = [each for each in string.ascii_uppercase]
        keys = []
        for each in self.severities:
            first = each[0].upper()
            keys.append(first if first in free else free[0])
            free.remove(keys[-1])
        return {
            "name": self.name,
            "text": self.text,
            "labels": [
                {"key": key, "name": each.name, "text": each.text, "group": each.group}
                for key, each in zip(KEYS, self.labels, strict=False)
            ],
            "severities": [
                {"key": key, "name": each} for key, each in zip(keys, self.severities, strict=True)
            ],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the scheme as JSON has it."""
        labels = [{"name": e.name, "text": e.text, "group": e.group} for e in self.labels]
        return {
            "name": self.name,
            "labels": labels,
            "severities": list(self.severities),
            "text": self.text,
        }

    @classmethod
    def from_dict(cls, value: object) -> "Scheme":
        """Return the scheme that JSON or YAML describes.

        Parameters
        ----------
        value : mapping
            As `to_dict` returns it; labels may also be names, or a mapping to definitions.
        """
        given = entries.fields(value, "a scheme", cls)
        return cls(**given)

    @classmethod
    def read(cls, path: str | Path) -> "Scheme":
        """Read a scheme from a YAML file.

        Parameters
        ----------
        path : str or Path
            The file: name, labels, and perhaps severities and text.

        Raises
        ------
        Unreadable
            If it cannot be opened.
        BadValue
            If it holds no scheme.
        """
        return task_files.named(path, lambda: cls.from_dict(task_files.read(path)))

    @property
    def version(self) -> str:
        """What tells this scheme from another of the same name."""
        return hashlib.sha256(canonical(self.to_dict()).encode("utf-8")).hexdigest()[:12]


def _label(given: object) -> Label:
    if isinstance(given, Label):
        return given
    if isinstance(given, str):
        return Label(given)
    if isinstance(given, tuple) and len(given) in (2, 3) and all(isinstance(e, str) for e in given):
        return Label(*given)
    return Label(**entries.fields(given, "a label", Label))


def scheme_of(given: "Scheme | str | Path") -> Scheme:
    """Return a scheme by its name, its file, or itself.

    Parameters
    ----------
    given : Scheme, str or Path
        A scheme; "mast", "trail" or "owners"; or a YAML file.

    Raises
    ------
    UnknownName
        If there is no scheme of that name.

    Examples
    --------
    >>> len(scheme_of("mast").labels), scheme_of("owners").names[0]
    (14, "agent's reasoning")
    """
    if isinstance(given, Scheme):
        return given
    if isinstance(given, Path) or str(given).lower().endswith((".yaml", ".yml")):
        return Scheme.read(given)
    if given not in KNOWN:
        raise unknown_name("a scheme", given, KNOWN)
    text, severities, labels = KNOWN[given]
    return Scheme(given, [Label(*each) for each in labels], severities, text)

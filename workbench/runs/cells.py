"""The cells of a run: each row asked by each prompt of each model, some times over."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from workbench import tables
from workbench.errors import BadKind, BadValue, some
from workbench.models.base import Call, Model
from workbench.prompts import Prompt
from workbench.runs.store import Cell

if TYPE_CHECKING:
    import pandas as pd


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Experiment:
    """What is asked of whom, and how often.

    Parameters
    ----------
    rows : DataFrame
        ROWS, checked.
    models : tuple of Model
        With distinct names.
    prompts : tuple of Prompt
        With distinct names.
    repeats : int
        Answers per row and system.
    """

    rows: "pd.DataFrame"
    models: tuple[Model, ...]
    prompts: tuple[Prompt, ...]
    repeats: int

    @cached_property
    def records(self) -> list[dict[str, object]]:
        """The rows as what prompts are filled from; a missing cell is None."""
        return [
            {str(name): None if tables.is_missing(cell) else cell for name, cell in record.items()}
            for record in self.rows.to_dict("records")
        ]

    @property
    def n_cells(self) -> int:
        """Cells in all."""
        return len(self.rows) * len(self.models) * len(self.prompts) * self.repeats

    def call(self, place: int) -> Call:
        """Return the question of a cell, by its place."""
        place, repeat = divmod(place, self.repeats)
        place, prompt = divmod(place, len(self.prompts))
        place, model = divmod(place, len(self.models))
        return self._call(self.records[place], self.models[model], self.prompts[prompt], repeat)

    def _call(
        self, record: Mapping[str, object], model: Model, prompt: Prompt, repeat: int
    ) -> Call:
        return Call(
            tuple(prompt.render(record)),
            {**model.parameters, **prompt.parameters},
            str(record["row_id"]),
            prompt.name,
            repeat,
        )

    def cells(self) -> Iterator[Cell]:
        """Yield the cells row by row, so that a run that is cut short has whole rows.

        The key says who is asked what, and for the which time; where several cells ask the same,
        each has an answer of its own, so that no answer is counted, or paid for, twice.
        """
        seen: Counter[bytes] = Counter()
        place = 0
        identities = [_json(dict(each.identity)) for each in self.models]
        for record in self.records:
            for model, identity in zip(self.models, identities, strict=True):
                for prompt in self.prompts:
                    asked = _json(model.key_of(self._call(record, model, prompt, 0)))
                    same = sha256(f"{identity}\n{asked}".encode("utf-8", "replace"))
                    system = system_name(model.name, prompt.name)
                    nth, seen[same.digest()] = seen[same.digest()], seen[same.digest()] + 1
                    for repeat in range(self.repeats):
                        key = same.copy()
                        key.update(f"\n{repeat} {nth}".encode())
                        row_id = str(record["row_id"])
                        yield Cell(
                            place, key.digest(), row_id, model.name, prompt.name, system, repeat
                        )
                        place += 1


def system_name(model: str, prompt: str) -> str:
    """Return what a model asked by a prompt is called; it depends on nothing else in the run.

    Examples
    --------
    >>> system_name("gpt-4o", "concise")
    'gpt-4o · concise'
    """
    return f"{model} · {prompt}"


def _json(value: object) -> str:
    try:
        return _CANONICAL.encode(value)
    except (TypeError, ValueError) as error:
        raise BadValue(
            f"messages and parameters must be values of JSON, but one is not ({error}); use texts, "
            "numbers, lists and objects."
        ) from None


def experiment(
    rows: "pd.DataFrame", models: Sequence[Model], prompts: Sequence[Prompt], repeats: int
) -> Experiment:
    """Check what is asked of whom.

    Raises
    ------
    BadKind
        If a model or a prompt is of another kind.
    BadValue
        If there is none, two share a name, or `repeats` is below 1.
    """
    for what, given, kind in (("models", models, Model), ("prompts", prompts, Prompt)):
        strange = [type(each).__name__ for each in given if not isinstance(each, kind)]
        if strange or not given:
            raise BadKind(
                f"{what} must be a list of {kind.__name__} objects, but {some(strange) or 'none'} came; "
                f"see wb.{what}."
            )
        counts = Counter(each.name for each in given)
        if doubled := [name for name, n in counts.items() if n > 1]:
            raise BadValue(
                f"{what} must have distinct names, but {some(doubled)} came twice; pass name= to tell them apart."
            )
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise BadValue(
            f"repeats must be a whole number of at least 1, but {repeats!r} came; use 1."
        )
    checked = tables.ROWS.check(rows, source="rows")
    return Experiment(checked, tuple(models), tuple(prompts), repeats)

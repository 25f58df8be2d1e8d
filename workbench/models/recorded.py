"""What was answered before, as a model: for replays, tests, and judges whose verdicts are known."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from workbench import contents, tables
from workbench.errors import BadValue, some
from workbench.models.base import Answer, Ask, Call, CallFailed, Model, Usage
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

_COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


class Recorded(Model):
    """A table of outputs that answers as its systems did.

    Parameters
    ----------
    outputs : DataFrame
        OUTPUTS of one system.
    name : str, optional
        The model's name; that of the system by default.

    Raises
    ------
    BadValue
        If the table holds several systems: choose one, since a call says only the row.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "2 + 2"}])
    >>> Recorded(wb.outputs(rows, {"clerk": ["4"]}))
    Recorded 'clerk': 1 output
    """

    def __init__(self, outputs: "pd.DataFrame", *, name: str = "") -> None:
        checked = tables.OUTPUTS.check(outputs, source="outputs")
        systems = checked["system"].unique().tolist()
        if len(systems) != 1:
            raise BadValue(
                f"a Recorded model must be given the outputs of one system, but {some(systems) or 'none'} "
                "came; select one, such as outputs[outputs['system'] == NAME]."
            )
        self.name = name or str(systems[0])
        if "repeat" not in checked:
            checked = checked.assign(repeat=checked.groupby("row_id").cumcount())
        self._outputs = checked

    def __repr__(self) -> str:
        n = len(self._outputs)
        return f"Recorded {self.name!r}: {n} output{'s' * (n != 1)}"

    @cached_property
    def identity(self) -> Mapping[str, object]:
        """The digest of its table."""
        return {"kind": "recorded", "digest": contents.digest(self._outputs)}

    @property
    def is_billed(self) -> bool:
        """Whether calls cost money: what was paid is in the record."""
        return False

    def key_of(self, call: Call) -> object:
        """Return the row: a record knows no messages."""
        return call.row_id

    @cached_property
    def _records(self) -> dict[tuple[str, int], dict[str, object]]:
        return {
            (str(each["row_id"]), int(each["repeat"])): each for each in each_row(self._outputs)
        }

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Ask]:
        """Open nothing."""
        yield self._ask

    async def _ask(self, call: Call) -> Answer:
        record = self._records.get((call.row_id, call.repeat))
        if record is None:
            raise CallFailed(
                "raised", f"no output of row {call.row_id!r}, repeat {call.repeat} is recorded"
            )
        told = {name: None if is_missing(value) else value for name, value in record.items()}
        if told.get("error"):
            raise CallFailed("raised", str(told["error"]))
        return _answer(told)


def _answer(told: Mapping[str, object]) -> Answer:
    counts = {name: _count(told.get(name)) for name in _COUNTS}
    read, written = counts["input_tokens"], counts["output_tokens"]
    usage = None
    if read is not None and written is not None:
        usage = Usage(read, written, counts["cached_tokens"] or 0, counts["reasoning_tokens"] or 0)
    text, reason = told.get("text"), told.get("finish_reason")
    return Answer(
        None if text is None else str(text),
        None if reason is None else str(reason),
        usage,
        latency_s=_number(told.get("latency_s")),
        cost_usd=_number(told.get("cost_usd")),
    )


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None

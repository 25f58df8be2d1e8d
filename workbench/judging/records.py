"""Preferences that somebody recorded elsewhere, as RATINGS."""

from typing import TYPE_CHECKING

from workbench import tables
from workbench.errors import BadValue, unknown_name
from workbench.tables import OUTPUTS, RATINGS, is_missing

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "unknown"
"""What `side` says where nobody knows which output was shown first."""


def recorded(
    outputs: "pd.DataFrame",
    column: str,
    *,
    baseline: str,
    scale: tuple[float, float] = (0.0, 1.0),
    rater: str = "judge",
    question: str = "preference",
) -> "pd.DataFrame":
    """Return preferences over a baseline that stand as numbers beside OUTPUTS.

    Parameters
    ----------
    outputs : DataFrame
        OUTPUTS with the column; a row without a number there is an answer that is missing. Those of
        the baseline itself are left out.
    column : str
        The column that says how far the output is preferred over the baseline's.
    baseline : str
        The system that was compared with.
    scale : (float, float)
        The numbers that stand for the baseline and for the output; what lies between is between,
        and the middle a tie.
    rater : str
        Who judged.
    question : str
        What was asked.

    Returns
    -------
    DataFrame
        RATINGS with the number, from 0 to 1, as `preference`, and `side` "unknown": nobody recorded
        which output came first.

    Raises
    ------
    UnknownName
        If there is no such column.
    BadValue
        If a number is outside the scale.

    Notes
    -----
    AlpacaEval's annotations run from 1 (the baseline) to 2, continuous where the judge's chances of
    either answer were recorded; its win rate is the mean of what is returned here:

    .. code-block:: python

        frame = pd.read_json("alpaca-7b.jsonl.gz", lines=True).rename(columns={"output": "text"})
        outputs = frame.assign(row_id=frame["idx"], output_id=frame["idx"], system="alpaca-7b")
        ratings = recorded(outputs, "judge_preference", baseline="gpt4", scale=(1, 2))
        wb.judging.preferences(ratings, baseline="gpt4")

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "a"}, {"input": "b"}])
    >>> outputs = wb.outputs(rows, {"alpaca": ["x", "y"]}).assign(preference=[1.25, 2.0])
    >>> recorded(outputs, "preference", baseline="gpt-4", scale=(1, 2))[["value", "preference"]]
      value  preference
    0     b        0.25
    1     a        1.00
    """
    import pandas as pd

    checked = OUTPUTS.check(outputs, source="outputs")
    if column not in checked:
        raise unknown_name("the column of preferences", column, checked.columns)
    low, high = scale
    records = []
    for each in tables.each_row(checked[checked["system"] != baseline]):
        number = each[column]
        share = None if is_missing(number) else (float(number) - low) / (high - low)
        if share is not None and not 0 <= share <= 1:
            raise BadValue(
                f"a preference must be from {low:g} to {high:g}, but {number} came for output "
                f"{each['output_id']!r}; say what the ends are with `scale`."
            )
        records.append(
            {
                "item_id": f"{each['output_id']} | {baseline}",
                "rater": rater,
                "question": question,
                "value": None if share is None else _named(share),
                "preference": share,
                "row_id": each["row_id"],
                "output_ids": [each["output_id"]],
                "system_a": each["system"],
                "system_b": baseline,
                "side": UNKNOWN,
                "signature": f"judge:{rater}|recorded:{column}|scale:{low:g}-{high:g}",
            }
        )
    if not records:
        raise BadValue(
            f"outputs must hold another system than the baseline {baseline!r}, but none came; give "
            "those that were compared with it."
        )
    return RATINGS.check(pd.DataFrame.from_records(records), source=column)


def _named(share: float) -> str:
    return "tie" if share == 0.5 else "a" if share > 0.5 else "b"

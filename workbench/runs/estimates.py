"""What a run would take, said before anything is asked."""

from dataclasses import dataclass

from workbench.display import number
from workbench.errors import BadValue
from workbench.runs.budgets import Spending, cost, estimated, worst_case
from workbench.runs.cells import Experiment
from workbench.runs.rates import Rates
from workbench.runs.store import Store


@dataclass(frozen=True)
class Estimate:
    """What a run would take.

    Parameters
    ----------
    n_cells, n_stored, n_calls : int
        Cells in all, those answered already, and calls that are left, each tried once.
    input_tokens : int
        Tokens to be read, estimated at four bytes each.
    most_tokens : int or None
        Tokens read and written at most, if each call is tried once; None without a limit on
        answers.
    least_dollars, most_dollars : float or None
        For reading alone, and at most; None where a price or a limit is missing.
    """

    n_cells: int
    n_stored: int
    n_calls: int
    input_tokens: int
    most_tokens: int | None
    least_dollars: float | None
    most_dollars: float | None

    def __repr__(self) -> str:
        most = f"{self.most_tokens:,}" if self.most_tokens is not None else "no known number"
        money = (
            f"${number(self.least_dollars, 4)} to ${number(self.most_dollars, 4)}"
            if self.most_dollars is not None and self.least_dollars is not None
            else "an unknown sum"
        )
        return (
            f"Estimate: {self.n_calls:,} calls for {self.n_cells:,} cells ({self.n_stored:,} answered already); about "
            f"{self.input_tokens:,} tokens read, at most {most} in all; {money}, if each call is sent once"
        )


def estimated_run(made: Experiment, store: Store, rates: Rates, *, again: bool) -> Estimate:
    """Return what the open cells of a run would take."""
    total, read, least, n_calls = Spending(), 0, 0.0, 0
    is_limited = True
    for model in made.models:
        price = rates.price(model)
        for place, _ in store.open_cells(model.name, again=again):
            call = made.call(place)
            n_calls += 1
            if not model.is_billed:
                continue
            usage = estimated(call.messages, None)
            read += usage.input_tokens
            least += cost(price, usage) if price else 0.0
            try:
                total = total.plus(worst_case(model, call, price))
            except BadValue:
                is_limited = False
    known = rates.are_known
    return Estimate(
        made.n_cells,
        made.n_cells - n_calls,
        n_calls,
        read,
        total.tokens if is_limited else None,
        least if known else None,
        total.dollars if known and is_limited else None,
    )

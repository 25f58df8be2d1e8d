"""What the models of a run cost, and which of them nobody knows the price of."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import BadValue, some
from workbench.models.base import Model
from workbench.pricing import Price
from workbench.runs.budgets import Budget

if TYPE_CHECKING:
    from workbench.pricing import Prices


@dataclass(frozen=True)
class Rates:
    """Prices by the name of the model.

    Parameters
    ----------
    table : Prices or None
        The table that they come from.
    prices : mapping of str to Price or None
        None where a model has no price.
    unknown : tuple of str
        Models that cost money, nobody knows how much.
    """

    table: "Prices | None"
    prices: Mapping[str, Price | None]
    unknown: tuple[str, ...]

    def price(self, model: Model) -> Price | None:
        """Return the price of a model."""
        return self.prices.get(model.name)

    @property
    def are_known(self) -> bool:
        """Whether every model that costs money has a price."""
        return not self.unknown


def rates_of(models: Sequence[Model], prices: "Prices | None", budget: Budget) -> Rates:
    """Look up the prices of models.

    Raises
    ------
    BadValue
        If dollars are limited and a model that costs money has no price.

    Warns
    -----
    RuntimeWarning
        If there is a model without a price.
    """
    table = prices
    if table is None and any(each.is_billed and each.price is None for each in models):
        from workbench.pricing import shipped

        table = shipped()
    found = {
        each.name: each.price or (table.get(each.priced_as) if table else None) for each in models
    }
    unknown = tuple(each.name for each in models if each.is_billed and found[each.name] is None)
    told = f"no price is known for {some(unknown)} in {table!r}"
    if unknown and budget.dollars is not None:
        raise BadValue(
            f"a budget of dollars must know what every model costs, but {told}; pass prices=, or price= to the model."
        )
    if unknown:
        warnings.warn(
            f"{told}: its cost is missing, not nought; pass prices=, or price= to the model.",
            RuntimeWarning,
            stacklevel=3,
        )
    return Rates(table, found, unknown)

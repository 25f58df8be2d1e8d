"""What models cost: dated price tables, and dollars of tokens."""

from workbench.pricing.price import Price
from workbench.pricing.tables import Prices, shipped

__all__ = ["Price", "Prices", "shipped"]

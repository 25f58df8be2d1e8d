"""From outputs to items, and who rates which, in which order."""

from workbench.ratings.assignment.assigning import Items, items
from workbench.ratings.assignment.content import Item, Shown
from workbench.ratings.assignment.sides import order

__all__ = ["Item", "Items", "Shown", "items", "order"]

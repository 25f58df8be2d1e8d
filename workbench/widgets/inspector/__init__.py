"""The trajectory inspector: what agents did, read step by step in a notebook or in one file."""

from workbench.widgets.inspector.panel import Inspector, inspect

__all__ = ["Inspector", "inspect"]

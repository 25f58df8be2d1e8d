"""The store of events: SQLite or PostgreSQL, only added to, and verified."""

from workbench.ratings.journal.databases import StoreError
from workbench.ratings.journal.journal import Head, Journal, Origin, Receipt, Writer

__all__ = ["Head", "Journal", "Origin", "Receipt", "StoreError", "Writer"]

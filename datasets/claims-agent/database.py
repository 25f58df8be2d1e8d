"""The company's records: policies, their copies, claims, earlier claims, and what was done.

The register holds policies as they are; look-ups read a copy of it, which can be old or have gaps.
"""

import json
import sqlite3
from dataclasses import asdict, dataclass, field
from typing import Any

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXY"
_WEIGHTS = (2, 3, 4, 5, 6, 7)


def check_letter(digits: str) -> str:
    """Return the letter that ends a policy number.

    The weights differ by one and 23 is prime: every wrong digit and every two neighbours
    exchanged give another letter.
    """
    return LETTERS[sum(w * int(d) for w, d in zip(_WEIGHTS, digits, strict=True)) % 23]


@dataclass(frozen=True)
class Policy:
    """What the company insures; amounts in pence, dates as ISO."""

    policy_number: str
    holder: str
    postcode: str
    email: str
    phone: str
    account: str
    kind: str
    status: str
    start: str
    end: str
    perils: tuple[str, ...]
    limit_pence: int
    excess_pence: int
    excess_percent: int = 0
    item_limit_pence: int | None = None
    as_of: str = "2026-01-05"


@dataclass(frozen=True)
class Earlier:
    """A claim of former years."""

    date: str
    peril: str
    paid_pence: int


@dataclass(frozen=True)
class Claim:
    """What happened, as it did; `items` are descriptions with their price in pence."""

    claim_id: str
    policy_number: str
    incident_date: str
    received: str
    peril: str
    items: tuple[tuple[str, int], ...]
    repairer: str | None = None


@dataclass(frozen=True)
class Records:
    """All that a database is built from."""

    register: tuple[Policy, ...]
    copies: tuple[Policy, ...]
    claims: tuple[Claim, ...]
    documents: dict[str, str]
    history: dict[str, tuple[Earlier, ...]]
    answers: dict[str, dict[str, str]] = field(default_factory=dict)


_TABLES = """
create table register (key text primary key, record text);
create table copies (key text primary key, record text);
create table claims (claim_id text primary key, received text, document text, fields text);
create table answers (claim_id text, question text, answer text);
create table history (key text, date text, peril text, paid_pence integer);
create table approvals (approval_id text primary key, claim_id text, amount_pence integer,
                        position integer, granted integer);
create table decisions (claim_id text, decision text, policy_number text, amount_pence integer,
                        account text, reason text);
create table letters (claim_id text, recipient text, body text);
"""


def key(policy_number: str) -> str:
    """Return what the register finds a policy by: all but the check letter, which is for readers."""
    return policy_number.replace(" ", "-").rsplit("-", 1)[0]


def build(records: Records) -> sqlite3.Connection:
    """Return a database in memory."""
    base = sqlite3.connect(":memory:")
    base.row_factory = sqlite3.Row
    base.executescript(_TABLES)
    for table, policies in (("register", records.register), ("copies", records.copies)):
        lines = [(key(each.policy_number), json.dumps(asdict(each))) for each in policies]
        base.executemany(f"insert into {table} values (?, ?)", lines)  # noqa: S608 - two names of ours
    for claim in records.claims:
        document = records.documents[claim.claim_id]
        line = (claim.claim_id, claim.received, document, None)
        base.execute("insert into claims values (?, ?, ?, ?)", line)
    for claim_id, answers in records.answers.items():
        said = [(claim_id, question, answer) for question, answer in answers.items()]
        base.executemany("insert into answers values (?, ?, ?)", said)
    for number, earlier in records.history.items():
        told = [(key(number), each.date, each.peril, each.paid_pence) for each in earlier]
        base.executemany("insert into history values (?, ?, ?, ?)", told)
    return base


def policy_in(base: sqlite3.Connection, table: str, policy_number: str) -> dict[str, Any] | None:
    """Return the record of a policy from the register or the copies."""
    row = base.execute(
        f"select record from {table} where key = ?",  # noqa: S608 - a name of ours
        (key(policy_number),),
    ).fetchone()
    return json.loads(row["record"]) if row else None

"""Claim documents as people write them: a form, a letter, an e-mail, a scan and a table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Facts:
    """What a claimant writes, right or wrong; amounts in pence."""

    claimant: str
    policy_number: str
    street: str
    town: str
    postcode: str
    email: str
    phone: str
    incident_date: str
    written: str
    cause: str
    items: tuple[tuple[str, int], ...]
    repairer: str | None = None
    before: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def total_pence(self) -> int:
        """The sum of the items."""
        return sum(pence for _, pence in self.items)


def pounds(pence: int) -> str:
    """Write an amount.

    Examples
    --------
    >>> pounds(124050)
    '£1,240.50'
    """
    return f"£{pence // 100:,}.{pence % 100:02d}"


MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def long_date(iso: str) -> str:
    """Write a date as letters do.

    Examples
    --------
    >>> long_date("2025-12-04")
    '4 December 2025'
    """
    day = date.fromisoformat(iso)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _paragraphs(*paragraphs: str | None) -> str:
    return "\n\n".join(each for each in paragraphs if each)


def form(facts: Facts) -> str:
    """Fill in the company's form."""
    head = [
        "CLAIM FORM",
        f"Name: {facts.claimant}",
        f"Address: {facts.street}, {facts.town}, {facts.postcode}",
        f"Telephone: {facts.phone}",
        f"E-mail: {facts.email}",
        f"Earlier policy: {facts.before}" if facts.before else "",
        f"Policy number: {facts.policy_number}",
        f"Date of incident: {facts.incident_date}",
        f"Date of this form: {facts.written}",
    ]
    items = [f"- {what}: {pounds(pence)}" for what, pence in facts.items]
    return _paragraphs(
        "\n".join(line for line in head if line),
        f"What happened: {facts.cause}",
        "\n".join(["What I claim:", *items, f"Total: {pounds(facts.total_pence)}"]),
        f"Repairer: {facts.repairer}" if facts.repairer else None,
        *facts.notes,
        "I declare that what I have written is true.",
    )


def letter(facts: Facts) -> str:
    """Write a letter."""
    things = [f"{what} ({pounds(pence)})" for what, pence in facts.items]
    listed = " and ".join([", ".join(things[:-1]), things[-1]] if things[1:] else things)
    before = f"I have been with you for years, first under {facts.before}. " if facts.before else ""
    return _paragraphs(
        f"{facts.street}\n{facts.town}\n{facts.postcode}\n{facts.phone}\n{facts.email}",
        long_date(facts.written),
        "Dear Sir or Madam,",
        f"{before}I write about my policy {facts.policy_number.replace('-', ' ')}. On "
        f"{long_date(facts.incident_date)} the following happened. {facts.cause}",
        f"I should like to claim for {listed}; altogether that comes to "
        f"{pounds(facts.total_pence)}.",
        f"The repairs would be done by {facts.repairer}." if facts.repairer else None,
        *facts.notes,
        f"Yours faithfully,\n{facts.claimant}",
    )


def _slashes(iso: str) -> str:
    return "/".join(reversed(iso.split("-")))


def email(facts: Facts) -> str:
    """Write an e-mail, with a signature."""
    items = [f"{what} - {pounds(pence)}" for what, pence in facts.items]
    return _paragraphs(
        f"From: {facts.claimant} <{facts.email}>\nTo: claims@insurer.example\n"
        f"Sent: {_slashes(facts.written)}\nSubject: claim",
        "Hello,",
        f"(Before 2025 my policy number was {facts.before}.)" if facts.before else None,
        f"this is about policy no. {facts.policy_number}. It happened on "
        f"{_slashes(facts.incident_date)}. {facts.cause}",
        "\n".join([*items, f"In total {pounds(facts.total_pence)}"]),
        f"Repairer: {facts.repairer}" if facts.repairer else None,
        *facts.notes,
        "Many thanks",
        f"{facts.claimant}\n{facts.street}, {facts.town} {facts.postcode}\nTel. {facts.phone}, "
        f"{facts.email}",
    )


_WORN = str.maketrans({"O": "0", "I": "1", "S": "5"})


def _dots(iso: str) -> str:
    return ".".join(reversed(iso.split("-")))


def scan(facts: Facts) -> str:
    """Fill in the old paper form, whose printed words a scanner read badly."""
    label = {
        word: word.translate(_WORN)
        for word in ("POLICY NO.", "INSURED", "DATE OF LOSS", "SIGNED", "CIRCUMSTANCES")
    }
    items = [f"{what.upper()} .... {pounds(pence)}" for what, pence in facts.items]
    return _paragraphs(
        f"N0T1CE 0F L055\n{label['INSURED']}  {facts.claimant}\n"
        f"{facts.street}, {facts.town} {facts.postcode}   TEL {facts.phone}",
        f"(FORMERLY {facts.before})" if facts.before else None,
        f"{label['POLICY NO.']}  {facts.policy_number}\n"
        f"{label['DATE OF LOSS']}  {_dots(facts.incident_date)}",
        f"{label['CIRCUMSTANCES']}  {facts.cause}",
        "\n".join([*items, f"TOTAL .... {pounds(facts.total_pence)}"]),
        f"REPAIRER: {facts.repairer}" if facts.repairer else None,
        *facts.notes,
        f"{label['SIGNED']} {_dots(facts.written)}",
    )


def table(facts: Facts) -> str:
    """Copy out a broker's table."""
    lines = [
        ("Claimant", facts.claimant),
        ("Contact", f"{facts.email}; {facts.phone}"),
        ("Home", f"{facts.street}, {facts.town}, {facts.postcode}"),
        *([("Previous policy", facts.before)] if facts.before else []),
        ("Policy", facts.policy_number),
        ("Loss on", facts.incident_date),
        ("Sent on", facts.written),
        *((f"Item: {what}", pounds(pence)) for what, pence in facts.items),
        ("Total", pounds(facts.total_pence)),
        *([("Repairer", facts.repairer)] if facts.repairer else []),
    ]
    return _paragraphs(
        "Broker's notice of a claim",
        "\n".join(f"| {name} | {value} |" for name, value in lines),
        *facts.notes,
        f"Remarks: {facts.cause}",
    )


LAYOUTS: dict[str, Callable[[Facts], str]] = {
    "form": form,
    "letter": letter,
    "email": email,
    "scan": scan,
    "table": table,
}


REASONS = {
    "not_in_force": "the policy was not in force on the day of the incident",
    "peril_not_covered": "the policy does not cover what happened",
    "paid_before": "the same incident has been paid before",
    "below_excess": "the amount claimed does not exceed the excess",
    "no_such_policy": "we hold no policy with this number",
}
"""Why a claim is refused, in words."""


def answer(claim_id: str, claimant: str, decision: str, amount_pence: int, reason: str) -> str:
    """Write the company's letter to a claimant: what was decided, and what follows."""
    if decision == "pay":
        told = (
            f"We have settled it and paid {pounds(amount_pence)} to the account of your policy. "
            "The excess you agreed has been taken off."
        )
    elif decision == "refuse":
        told = (
            f"We are sorry to say that we cannot pay it, because {REASONS.get(reason, reason)}. "
            "You may ask us to look at it again within eight weeks."
        )
    else:
        told = "A colleague will look at it in person and write to you within ten working days."
    return (
        f"Dear {claimant},\n\nThank you for your claim {claim_id}. {told}\n\n"
        "Yours sincerely,\nThe claims desk"
    )

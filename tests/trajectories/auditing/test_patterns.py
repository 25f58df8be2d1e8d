"""Patterns: what they find, what they leave alone, and in what time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.trajectories.auditing.patterns import masked, matches


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("mail ann.b+c@mail.example.co.uk!", ["email"]),
        ("4111 1111 1111 1111", ["card"]), ("4111 1111 1111 1112", []), ("2026-01-05T09:00:00", []),
        ("GB82 WEST 1234 5698 7654 32", ["iban"]), ("GB82 WEST 1234 5698 7654 33", []),
        ("+49 30 1234567", ["phone"]), ("+1 (415) 555-2671", ["phone"]), ("1+1", []),
        ("078-05-1120", ["ssn"]), ("000-05-1120", []), ("2026-05-1120", []),
        ("at 192.168.0.1", ["ip"]), ("version 1.2.3.400", []), ("1.2.3.4.5", []),
        ("sk-proj-abcdefghijklmnop1234", ["key"]), ("AKIAABCDEFGHIJKLMNOP", ["key"]),
        ("Bearer abcdefghijklmnop.qrst", ["key"]), ("a bearer of news", []),
        # what follows a number hid it
        ("4111 1111 1111 1111 12/27", ["card"]), ("4111 1111 1111 1111 123 ok", ["card"]),
        ("41111111111111112", []), ("12/27 4111 1111 1111 1111", ["card"]),
        ("1 2 3 4111 1111 1111 1111", ["card"]), ("4111 1111 1111 1111, 5500 0000 0000 0004", ["card"] * 2),
        ("DE89 3704 0044 0532 0130 00 COBADEFF", ["iban"]),
        ("DE89370400440532013000 BIC COBADEFF", ["iban"]), ("DE89370400440532013000X", []),
        ("+49 30 1234567 2026 1128 1430", ["phone"]), ("at 192.168.0.1.", ["ip"]),
        # times of Unix in ms, µs and ns whose last digit is that of a card
        ("1764295148126", []), ("1764295148123453", []), ("1764295148123456786", []),
        ("jörg@exämple.de", ["email"]),
    ],
)  # fmt: skip
def test_what_the_patterns_find(text, kinds):
    assert [match.kind for match in matches(text)] == kinds


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("call me at (415) 555-2671.", "(415) 555-2671"), ("415-555-2671 is hers", "415-555-2671"),
        ("or 415.555.2671, please", "415.555.2671"), ("Tel. 030 1234567", "030 1234567"),
        ("ring 0170 1234567 after six", "0170 1234567"), ("reach us: 020 7946 0958", "020 7946 0958"),
        ("phone number: 4155552671", "4155552671"), ("Mobile 07700900123,", "07700900123"),
        ("my phone is 555 0123 44", "555 0123 44"), ("089/1234567", "089/1234567"),
        ("The password is hunter2.", "hunter2"), ("password: correcthorse", "correcthorse"),
        ("Password = 'tr0ub4dor&3'", "tr0ub4dor&3"), ('{"pwd": "s3cret!"}', "s3cret!"),
        ("her password for the shop is 4711-abc", "4711-abc"), ("Das Passwort ist geheim1", "geheim1"),
        ("passphrase was `open5esame`", "open5esame"),
    ],
)  # fmt: skip
def test_numbers_without_a_plus_and_passwords_in_prose_are_found(text, found):
    assert [text[match.start : match.end] for match in matches(text)] == [found]
    assert found not in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        # orders and other numbers
        "order 415-555-2671", "Order #415-555-2671", "invoice: 0170 1234567", "ticket 089/1234567",
        "order 4155552671", "call 12345678 rows", "id 0123 456789", "claim TR-423290-W", "W-415-555-2671",
        "1234567", "20260105", "0123456789", "tracking 1Z 999 555 0123", "part 012/34567/8-415",
        # dates and times
        "2026-01-05", "called on 2026-01-05 12:30", "call 05.01.2026", "phone: 2026-01-05", "05/01/2026",
        "call at 10:30 on 05 01 2026", "phone 20260105", "01-05-2026", "0930 hours",
        # amounts and figures
        "$1,234,567.00", "call costs 1299.50", "phone 12999.00", "0.12345678", "1 234 567", "12 000 000 EUR",
        "phone 1,299,000", "3.1415926535", "192 168 12345",
        # what is said of passwords
        "the password is required", "password is incorrect", "Your password: required", "password: string",
        "the password is case-sensitive", "a password is 12 characters long", "password = <password>",
        "the password is 12-character", "password: ********", "password=$PASSWORD", "reset the password",
        "password policy is strict", "the passage is p4ge-long", "password is wrong!", "password is strong!", "order number 415-555-2671", "pass 1234567",
    ],
)  # fmt: skip
def test_numbers_of_orders_dates_amounts_and_words_are_left_alone(text):
    assert masked(text) == text


@given(st.text())
def test_masking_leaves_the_rest_alone_and_finds_nothing_twice(text):
    assert (masked(text) == text) == (not list(matches(text)))


def test_patterns_are_quick_on_hostile_text():
    # what makes careless patterns try every way to cut a text
    for text in (
        "a" * 50_000 + "@",
        "1 " * 25_000,
        "+" + "1" * 50_000,
        "GB82" + "A" * 50_000,
        "1." * 25_000,
        "4 " * 25_000,
        "4111 1111 1111 1112 " * 2_500,
        "GB82 A A A A A A A A A A A A " * 2_000,
        "+1 1 1 1 1 1 1 " * 3_000,
        "sk-" * 17_000,
        "eyJa-" * 10_000,
        "(415) 555-267 " * 4_000,
        "phone " * 10_000,
        "phone number is " + "1 " * 20_000,
        "call " + "12/" * 20_000,
        "0" + "1" * 50_000,
        "0170 1234567 " * 4_000,
        "password is " * 4_000,
        "password: " + "a" * 50_000,
        "password a b c " * 4_000,
        "0170/" * 10_000,
    ):
        begin = time.process_time()
        list(matches(text))
        assert time.process_time() - begin < 5, text[:20]

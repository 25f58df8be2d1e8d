"""What a judge answered: one JSON object as it was asked for, or a failure that is counted.

The answer is hostile text: it repeats what was judged. So it is short, it is JSON to the last
letter, and it says no more than was asked.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

LONGEST = 20_000
"""Characters of an answer beyond which it is not looked at."""

_BLOCK = re.compile(r"```(?:json)?[ \t]*\n(.*)\n```", re.DOTALL)


class Verdict(NamedTuple):
    """What a judge chose, and why it says so."""

    choice: str | int
    reasoning: str


def schema(member: str, choices: Sequence[str | int]) -> Mapping[str, Any]:
    """Return the JSON schema of an answer that is one of several choices, with its reasons first.

    Parameters
    ----------
    member : str
        What the choice is called.
    choices : sequence of str or of int
        What may be chosen.

    Examples
    --------
    >>> schema("score", [1, 2])["properties"]["score"]
    {'type': 'integer', 'enum': [1, 2]}
    """
    kind = "integer" if isinstance(choices[0], int) else "string"
    return {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            member: {"type": kind, "enum": list(choices)},
        },
        "required": ["reasoning", member],
        "additionalProperties": False,
    }


def parsed(text: str, member: str, choices: Sequence[str | int]) -> Verdict | None:
    r"""Read an answer of that schema, and nothing that only resembles it.

    Parameters
    ----------
    text : str
        The answer: JSON, at most `LONGEST` characters, alone or as one block of Markdown, which
        models make that were not held to a schema.
    member : str
        What the choice is called.
    choices : sequence of str or of int
        What may be chosen.

    Returns
    -------
    Verdict or None
        None for anything else: text around the JSON, members that are missing, doubled or unknown,
        or a choice that was not given.

    Examples
    --------
    >>> parsed('{"reasoning": "Both err.", "better": "tie"}', "better", ["first", "second", "tie"])
    Verdict(choice='tie', reasoning='Both err.')
    >>> parsed('Sure! {"reasoning": "", "better": "tie"}', "better", ["first", "second", "tie"])
    """
    if len(text) > LONGEST:
        return None
    text = text.strip()
    if block := _BLOCK.fullmatch(text):
        text = block[1]
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.keys() != {"reasoning", member}:
        return None
    choice, reasoning = found[member], found["reasoning"]
    # a schema's integer may be written 4.0; true is no number, though Python takes it for 1
    if isinstance(choice, float) and choice.is_integer():
        choice = int(choice)
    known = isinstance(choice, (str, int)) and not isinstance(choice, bool) and choice in choices
    return Verdict(choice, reasoning) if known and isinstance(reasoning, str) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member came twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")

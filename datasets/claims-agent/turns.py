"""What the messages of a run say: the claim, its turns of call and answer, and what they led to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

DECISIONS = ("pay", "refuse", "refer")


@dataclass(frozen=True)
class Turn:
    """A tool call and what came of it."""

    tool: str
    arguments: dict[str, Any]
    result: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True)
class Case:
    """What the messages say of a claim."""

    claim_id: str
    turns: tuple[Turn, ...]

    @classmethod
    def of(cls, messages: Sequence[Mapping[str, Any]]) -> "Case":
        """Read the messages."""
        claim_id, calls, answers = "", [], []
        for message in messages:
            for part in message["parts"]:
                if message["role"] == "user" and not claim_id:
                    found = re.search(r"CL-\d+", part["content"])
                    claim_id = found[0] if found else ""
                if part["type"] == "tool_call":
                    calls.append(part)
                if part["type"] == "tool_call_response":
                    answers.append(part["response"])
        pairs = zip(calls, answers, strict=False)
        return cls(claim_id, tuple(_turn(call, response) for call, response in pairs))

    def since_fields(self) -> tuple[Turn, ...]:
        """Return the turns after the fields were last recorded."""
        at = max(
            (n for n, turn in enumerate(self.turns) if turn.tool == "record_fields"), default=-1
        )
        return self.turns[at + 1 :]

    def last(self, tool: str) -> Turn | None:
        """Return the last answer of a tool since the fields were recorded."""
        found = [turn for turn in self.since_fields() if turn.tool == tool and turn.result]
        return found[-1] if found else None

    def count(self, tool: str) -> int:
        """Return how often a tool was called since the fields were recorded."""
        return sum(turn.tool == tool for turn in self.since_fields())

    def ever(self, tool: str) -> list[Turn]:
        """Return all answers of a tool."""
        return [turn for turn in self.turns if turn.tool == tool and turn.result]

    @cached_property
    def document(self) -> str:
        """What the claimant sent."""
        read = self.ever("read_claim")
        return read[-1].result["document"] if read and read[-1].result else ""

    @property
    def received(self) -> str:
        """When the claim came."""
        read = self.ever("read_claim")
        return read[-1].result["received"] if read and read[-1].result else ""

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What was recorded last."""
        recorded = self.ever("record_fields")
        return recorded[-1].arguments if recorded else {}

    @property
    def policy(self) -> dict[str, Any]:
        """The record of the policy; nothing where none was found."""
        found = self.last("get_policy")
        return found.result or {} if found else {}

    @property
    def decision(self) -> str | None:
        """What was decided."""
        return next((t.tool for t in self.turns if t.tool in DECISIONS and t.result), None)


def _turn(call: Mapping[str, Any], response: Mapping[str, Any]) -> Turn:
    turn = Turn(call["name"], dict(call["arguments"]))
    if isinstance(response, Mapping) and "error" in response:
        return replace(turn, error=response["error"]["type"])
    return replace(turn, result=dict(response))

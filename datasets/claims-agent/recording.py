"""A simulated clock, and a recorder that writes what an agent does as OpenTelemetry spans.

Follows the conventions for generative AI since 1.37: messages, arguments and results are attributes
that hold JSON as a text.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import agent
from seeds import draw, hex_id
from tools import Tool, ToolError

START_NS = 1_767_603_600 * 10**9
"""2026-01-05T09:00Z."""
TIME_OUT_S = 30.0
# of each tool, seconds at the median
_SECONDS = {
    "read_claim": 0.35, "record_fields": 0.12, "get_policy": 0.25, "find_policy": 0.9,
    "check_coverage": 0.4, "get_history": 0.6, "fraud_signal": 1.6, "compute_payout": 0.05,
    "request_approval": 0.3, "approval_status": 0.2, "pay": 1.1, "refuse": 0.3, "refer": 0.3,
    "send_letter": 0.8, "ask_claimant": 45.0, "export_records": 4.0,
}  # fmt: skip


class SimulatedClock:
    """A clock that goes on only when told.

    Examples
    --------
    >>> clock = SimulatedClock(START_NS)
    >>> clock.wait(0.5)
    >>> clock.now_ns - START_NS
    500000000
    """

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def wait(self, seconds: float) -> None:
        """Let time pass, in whole microseconds."""
        self.now_ns += round(seconds * 1e6) * 1000


def n_tokens(value: object) -> int:
    """Return a number of tokens: one for every four characters of the compact JSON, rounded up.

    Examples
    --------
    >>> n_tokens({"a": "bcd"})
    3
    """
    return math.ceil(len(compact(value)) / 4)


def compact(value: object) -> str:
    """Write JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass
class Span:
    """A span while it is recorded.

    Parameters
    ----------
    name : str
        As conventions name it: the operation and on what.
    kind : int
        1 is internal, 3 a client's call.
    start_ns, end_ns : int
        Nanoseconds since 1970.
    error : str, optional
        What went wrong.
    attributes : dict
        Texts, whole numbers and lists of texts by name.
    """

    name: str
    kind: int
    start_ns: int
    end_ns: int = 0
    error: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


class Recorder:
    """Wraps a model and tools, and keeps a span of each call.

    Parameters
    ----------
    version : str
        The agent's.
    clock : SimulatedClock
        Goes on as calls take their time.
    names : object
        Seeds of latencies and ids.
    """

    def __init__(self, version: str, clock: SimulatedClock, *names: object) -> None:
        self.version, self.clock, self.names = version, clock, names
        self.trace_id = hex_id(16, "trace", *names)
        self.spans: list[Span] = []
        self._root = self._open(f"invoke_agent {agent.NAME}", 1, {})

    def span_id(self, step: int) -> str:
        """Return the id of a span by its number in order of start."""
        return hex_id(8, "span", self.trace_id, step)

    def _open(self, name: str, kind: int, attributes: dict[str, Any]) -> Span:
        span = Span(name, kind, self.clock.now_ns, attributes=attributes)
        self.spans.append(span)
        # nothing starts in the moment in which something else does
        self.clock.wait(0.001)
        return span

    def _some(self, seconds: float) -> float:
        """Return about as many seconds, by lot."""
        return seconds * (0.7 + 0.6 * draw("latency", *self.names, len(self.spans)))

    def _close(self, span: Span, seconds: float) -> None:
        self.clock.wait(seconds)
        span.end_ns = self.clock.now_ns
        self.clock.wait(0.002)

    def model(self, model: agent.Model) -> agent.Model:
        """Return the model, recorded."""
        name = f"claims-rules-{self.version}"

        def call(messages: Sequence[agent.Message]) -> agent.Message:
            span = self._open(f"chat {name}", 3, _asked(name, messages))
            reply = model(messages)
            written = n_tokens(reply)
            span.attributes |= {
                "gen_ai.response.model": name,
                "gen_ai.response.id": f"resp_{self.span_id(len(self.spans) - 1)}",
                "gen_ai.response.finish_reasons": [reply["finish_reason"]],
                "gen_ai.output.messages": compact([reply]),
                "gen_ai.usage.input_tokens": n_tokens(list(messages)),
                "gen_ai.usage.output_tokens": written,
            }
            self._close(span, self._some(0.4 + 0.012 * written))
            return reply

        return call

    def tools(self, tools: Mapping[str, Tool]) -> dict[str, Tool]:
        """Return the tools, recorded."""
        return {name: self._tool(name, tool) for name, tool in tools.items()}

    def _tool(self, name: str, tool: Tool) -> Tool:
        def call(**arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever an agent asks
            n_called = sum("gen_ai.tool.name" in span.attributes for span in self.spans)
            attributes = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.type": "function",
                "gen_ai.tool.call.id": f"call_{n_called + 1}",
                "gen_ai.tool.call.arguments": compact(arguments),
            }
            span = self._open(f"execute_tool {name}", 1, attributes)
            try:
                result = tool(**arguments)
            except ToolError as reason:
                span.error = reason.message
                span.attributes["error.type"] = reason.kind
                late = reason.kind == "timeout"
                self._close(span, TIME_OUT_S if late else self._some(_SECONDS[name]))
                raise
            span.attributes["gen_ai.tool.call.result"] = compact(result)
            self._close(span, self._some(_SECONDS[name]))
            return result

        return call

    def finish(self, outcome: agent.Outcome, resource: Mapping[str, str | int]) -> dict[str, Any]:
        """Close the run and return it as an OTLP object, children before parents as they ended."""
        self._close(self._root, 0.001)
        self._root.error = "step limit" if outcome.termination == "step_limit" else None
        self._root.attributes = self._root_attributes(outcome)
        root_id = self.span_id(0)
        spans = [
            self._exported(span, self.span_id(step), None if step == 0 else root_id)
            for step, span in enumerate(self.spans)
        ]
        spans.sort(key=lambda span: int(span["endTimeUnixNano"]))
        scope = {"name": "claims-agent.recording", "version": "1"}
        return {
            "resourceSpans": [
                {
                    "resource": {"attributes": _attributes(resource)},
                    "scopeSpans": [{"scope": scope, "spans": spans}],
                }
            ]
        }

    def _root_attributes(self, outcome: agent.Outcome) -> dict[str, Any]:
        usage = {
            name: sum(span.attributes.get(name, 0) for span in self.spans)
            for name in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
        }
        found = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": "rules",
            "gen_ai.agent.name": agent.NAME,
            "gen_ai.agent.version": self.version,
            "gen_ai.conversation.id": self.trace_id,
            "gen_ai.request.model": f"claims-rules-{self.version}",
            "gen_ai.input.messages": compact([outcome.messages[1]]),
            "gen_ai.output.messages": compact([outcome.messages[-1]]),
            **usage,
        }
        return found | ({"error.type": "step_limit"} if self._root.error else {})

    def _exported(self, span: Span, span_id: str, parent_id: str | None) -> dict[str, Any]:
        status = {"code": 2, "message": span.error} if span.error else {"code": 1}
        return {
            "traceId": self.trace_id,
            "spanId": span_id,
            **({"parentSpanId": parent_id} if parent_id else {}),
            "name": span.name,
            "kind": span.kind,
            "startTimeUnixNano": str(span.start_ns),
            "endTimeUnixNano": str(span.end_ns),
            "attributes": _attributes(span.attributes),
            "status": status,
        }


def _asked(model: str, messages: Sequence[agent.Message]) -> dict[str, Any]:
    instructions = [part for each in messages if each["role"] == "system" for part in each["parts"]]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "rules",
        "gen_ai.request.model": model,
        "gen_ai.system_instructions": compact(instructions),
        "gen_ai.input.messages": compact([each for each in messages if each["role"] != "system"]),
    }


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: str | int | list[str]) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"arrayValue": {"values": [_value(each) for each in value]}}

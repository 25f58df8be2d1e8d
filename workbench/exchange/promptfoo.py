"""promptfoo: the JSON (or JSON Lines) of `promptfoo eval -o`, versions 2 and 3.

A test case is a row, a provider with a prompt a system; several of one name are numbered. What promptfoo
calls `error` is also the reason of an assertion that failed; only failure reason 2 is an error of the
provider.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench import formats
from workbench.exchange.evaluation import Found, as_text, broken, slices

NAME = "promptfoo"

_RESULT = {"promptIdx", "testIdx", "vars"}
# Assertions whose value is what a right answer says.
_EXPECTED = frozenset(
    ("equals", "contains", "icontains", "starts-with", "similar", "levenshtein", "rouge-n", "bleu",
     "gleu", "meteor", "factuality", "model-graded-factuality")
)  # fmt: skip
_ERROR = 2


def recognises(value: object) -> bool:
    """Tell whether a value is a file of results, or a line of them."""
    if not isinstance(value, dict):
        return False
    inner = value.get("results")
    whole = isinstance(inner, dict) and isinstance(inner.get("results"), list) and "stats" in inner
    return whole or value.keys() >= _RESULT


def read(path: Path, value: object) -> Found:
    """Read the results of a file."""
    if isinstance(value, dict) and "results" in value:
        results = value["results"]["results"]
    else:
        results = [
            formats.parsed_json(formats.decoded(line, path, at), path, at)
            for at, line in enumerate(formats.physical_lines(path), start=1)
            if line.strip()
        ]
    for at, each in enumerate(results, start=1):
        if not isinstance(each, dict) or not isinstance(each.get("vars"), dict):
            raise broken(path, f"result {at}", "has no vars")
    found = Found()
    for each, system in zip(results, _systems(results, found), strict=True):
        row_id = _row_id(each)
        found.add_row(row_id, _row(each))
        found.add(_output(each, row_id, system), _figures(each))
    return found


def _row_id(result: Mapping[str, Any]) -> str:
    """Return the number of the test; where it is missing (version 2), its variables."""
    told = result.get("testIdx")
    return str(told) if isinstance(told, int) else as_text(result["vars"])


def _row(result: Mapping[str, Any]) -> dict[str, Any]:
    told = result["vars"]
    case = result.get("testCase")
    case = case if isinstance(case, dict) else {}
    asserts = case.get("assert")
    expected = [
        each["value"]
        for each in (asserts if isinstance(asserts, list) else [])
        if isinstance(each, dict)
        and each.get("type") in _EXPECTED
        and isinstance(each.get("value"), str)
    ]
    texts = list(told.values())
    description = case.get("description")
    return {
        "input": as_text(texts[0] if len(texts) == 1 else told),
        "references": list(dict.fromkeys(expected)),
        **slices({"description": description} | told),
    }


def _provider(result: Mapping[str, Any]) -> tuple[str, str]:
    """Return the provider's id and the name that it goes by."""
    told = result.get("provider")
    if not isinstance(told, dict):
        return str(told), str(told)
    name = str(told.get("id") or told.get("label"))
    return name, str(told.get("label") or name)


def _label(result: Mapping[str, Any]) -> str | None:
    """Return the prompt's name; `raw` is none, for it is filled in and differs by test."""
    prompt = result.get("prompt")
    told = (prompt.get("label") or prompt.get("display")) if isinstance(prompt, dict) else None
    return str(told) if told else None


def _systems(results: Sequence[Mapping[str, Any]], found: Found) -> list[str]:
    """Return the system of each result: its provider, with the prompt where there are several."""
    labels = [_label(each) for each in results]
    several = len({label for label in labels if label}) > 1
    providers = [_provider(each)[1] for each in results]
    names = [
        f"{provider} · {label}" if several and label else provider
        for provider, label in zip(providers, labels, strict=True)
    ]
    shared = _shared(results, names)
    found.notes += [
        f"{len(numbers)} columns of promptfoo bear the name {name!r}; they are systems with #1 to "
        f"#{len(numbers)} behind it, in its order (a label for each provider tells them apart)."
        for name, numbers in shared.items()
    ]
    return [
        f"{name} #{shared[name].index(number) + 1}" if number in shared.get(name, ()) else name
        for name, number in zip(names, (each.get("promptIdx") for each in results), strict=True)
    ]


def _shared(results: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns (`promptIdx`) of each name that several bear within one test."""
    columns: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for each, name in zip(results, names, strict=True):
        if isinstance(each.get("promptIdx"), int):
            columns[name][_row_id(each)].add(each["promptIdx"])
    return {
        name: sorted(set().union(*tests.values()))
        for name, tests in columns.items()
        if max(map(len, tests.values())) > 1
    }


def _output(result: Mapping[str, Any], row_id: str, system: str) -> dict[str, Any]:
    response = result.get("response")
    response = response if isinstance(response, dict) else {}
    text = response.get("output")
    usage = response.get("tokenUsage")
    usage = usage if isinstance(usage, dict) else {}
    reason = result.get("failureReason")
    failed = reason == _ERROR or (reason is None and text is None)
    seconds = result.get("latencyMs")
    return {
        "row_id": row_id,
        "system": system,
        "text": None if text is None else as_text(text),
        "model": _provider(result)[0],
        "prompt": _label(result),
        "input_tokens": usage.get("prompt"),
        "output_tokens": usage.get("completion"),
        "latency_s": seconds / 1000 if isinstance(seconds, (int, float)) else None,
        "cost_usd": result.get("cost"),
        "error": (str(result.get("error") or "no response") if failed else None),
    }


def _figures(result: Mapping[str, Any]) -> dict[str, tuple[object, str]]:
    named = result.get("namedScores")
    named = named if isinstance(named, dict) else {}
    if result.get("failureReason") == _ERROR:
        return {}  # its score of 0 is of no answer
    told = {"score": result.get("score"), "pass": result.get("success"), **named}
    return {name: (value, f"promptfoo|metric:{name}") for name, value in told.items()}

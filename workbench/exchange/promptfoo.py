"""promptfoo: the JSON (or JSON Lines) of `promptfoo eval -o`, versions 2 and 3.

A test case is a row, a provider with a prompt a system; several of one name are numbered. A repeat
has a test number of its own, but its variables and its case are those of the first. What promptfoo calls
`error` is also the reason of an assertion that failed; only failure reason 2 is an error of the provider.
"""

import json
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
    told: Mapping[str, Any] = value if isinstance(value, dict) and "results" in value else {}
    if told:
        results = told["results"]["results"]
    else:
        results = [
            formats.parsed_json(formats.decoded(line, path, at), path, at)
            for at, line in enumerate(formats.physical_lines(path), start=1)
            if line.strip()
        ]
    for at, each in enumerate(results, start=1):
        if not isinstance(each, dict) or not isinstance(each.get("vars"), dict):
            raise broken(path, f"result {at}", "has no vars")
    # they stand as they ended; repeats are numbered as they began
    results = sorted(results, key=lambda each: _number(each) or 0)
    found = Found()
    systems, firsts = _systems(results, found), _firsts(results, _repeats(told), found)
    _tell_doubles(results, found)
    for each, system in zip(results, systems, strict=True):
        row_id = _row_id(each, firsts)
        found.add_row(row_id, _row(each))
        found.add(_output(each, row_id, system), _figures(each))
    return found


def _number(result: Mapping[str, Any]) -> int | None:
    told = result.get("testIdx")
    return told if isinstance(told, int) else None


def _row_id(result: Mapping[str, Any], firsts: Mapping[int, int]) -> str:
    """Return the number of the test; where it is missing (version 2), its variables."""
    number = _number(result)
    return as_text(result["vars"]) if number is None else str(firsts.get(number, number))


def _repeats(told: Mapping[str, Any]) -> int | None:
    """Return how often each test was run, as far as the file tells: lines of results do not."""
    config = told.get("config")
    config = config if isinstance(config, dict) else {}
    # what was run counts before what the configuration asks for
    options = [
        told.get("runtimeOptions"),
        *map(config.get, ("commandLineOptions", "evaluateOptions")),
    ]
    asked = [each.get("repeat") for each in options if isinstance(each, dict)]
    return next((each for each in asked if isinstance(each, int) and each > 0), None)


def _firsts(
    results: Sequence[Mapping[str, Any]], repeats: int | None, found: Found
) -> dict[int, int]:
    """Return for each test the first that it repeats, which may be itself.

    Of the tests of one content, each so many are one and its repeats; all of them where nothing tells.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for number, each in {_number(each): each for each in results}.items():
        if number is not None:
            alike[_content(each)].append(number)
    firsts = {
        number: numbers[at - at % (repeats or len(numbers))]
        for numbers in alike.values()
        for at, number in enumerate(numbers)
    }
    again = {number: first for number, first in firsts.items() if first != number}
    if again:
        n = sum(_number(each) in again for each in results)
        doubt = "" if repeats else ", or tests written twice, which the file does not tell apart"
        found.notes.append(f"{n} results are repeats of {len(set(again.values()))} rows{doubt}.")
    return firsts


def _content(result: Mapping[str, Any]) -> str:
    """Return what makes a test this one; variables that its case does not name came while it ran."""
    case = result.get("testCase")
    case = case if isinstance(case, dict) else {}
    named, told = case.get("vars"), result["vars"]
    names = named if isinstance(named, dict) and named else told
    own = {name: cell for name, cell in told.items() if name in names}
    return json.dumps(case | {"vars": own}, sort_keys=True)


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
    columns: dict[tuple[str, Any], str] = {
        (name, number): f"{name} #{at}"
        for name, numbers in shared.items()
        for at, number in enumerate(numbers, start=1)
    }
    return [
        columns.get((name, each.get("promptIdx")), name)
        for name, each in zip(names, results, strict=True)
    ]


def _tell_doubles(results: Sequence[Mapping[str, Any]], found: Found) -> None:
    """Tell of results with one test and column: versions write providers of one name so."""
    cells = [(_number(each), each.get("promptIdx")) for each in results]
    told = [cell for cell in cells if isinstance(cell[1], int) and cell[0] is not None]
    if n := len(told) - len(set(told)):
        found.notes.append(
            f"{n} results came again with the same test and column, as of providers of one name; "
            "nothing tells them apart, so they are read as repeats."
        )


def _shared(results: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns (`promptIdx`) of each name that several bear within one test."""
    columns: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for each, name in zip(results, names, strict=True):
        if isinstance(each.get("promptIdx"), int):
            columns[name][_row_id(each, {})].add(each["promptIdx"])
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

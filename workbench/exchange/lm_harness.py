"""lm-evaluation-harness: `samples_*.jsonl`, and the `results_*.json` beside them.

One line per document and filter. What a model wrote is in `resps`; filters take parts of it, so their
figures are several metrics of one output. A multiple-choice task scores the choices, and its output is
the one with the highest log likelihood (behind a context: mutual information asks again without one).
Where the choices are contexts before one ending, the output is what the chosen one has of its own. A sample's "perplexity" is its log likelihood, so it has no
direction here. The model's name is in the results only.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any

from workbench import formats
from workbench.exchange.evaluation import Found, as_text, broken, slices
from workbench.metrics.base import Direction

NAME = "lm-eval"

_LINE = {"doc_id", "doc", "arguments", "resps"}
_FILE = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl(\.gz)?")
# Of these a sample holds the log likelihood, of which the figure is made at the end.
_LOGARITHMIC = ("perplexity", "bits_per_byte")
_RESULTS = {"results", "configs", "versions"}


def recognises(value: object) -> bool:
    """Tell whether a value is a line of samples, or the file of results."""
    return isinstance(value, dict) and (value.keys() >= _LINE or value.keys() >= _RESULTS)


def read(path: Path, value: object) -> Found:
    """Read samples, or all samples beside a file of results."""
    if isinstance(value, dict) and value.keys() >= _RESULTS:
        date = path.name.removeprefix("results_").removesuffix(".gz").removesuffix(".json")
        files = sorted(each for each in path.parent.glob("samples_*.jsonl*") if date in each.name)
        if not files:
            raise broken(
                path, "there is no samples_*.jsonl beside it", "(they are written by --log_samples)"
            )
        found = Found()
        for each in files:
            found.extend(_samples(each, value))
        return found
    return _samples(path, _results(path))


def _results(path: Path) -> Mapping[str, Any]:
    """Return the results beside a file of samples, as far as they are there."""
    named = _FILE.fullmatch(path.name)
    beside = path.parent / f"results_{named['date']}.json" if named else None
    if beside is None or not beside.is_file():
        return {}
    told = formats.parsed_json(formats.decoded(formats.whole(beside), beside), beside, 1)
    return told if isinstance(told, dict) else {}


def _samples(path: Path, results: Mapping[str, Any]) -> Found:
    named = _FILE.fullmatch(path.name)
    task = named["task"] if named else path.name.split(".")[0]
    system = _system(path, results)
    found, merged = Found(), dict[str, tuple[dict[str, Any], dict[str, tuple[object, str]]]]()
    by_context = set()
    for line in _lines(path):
        row_id = f"{task}:{line['doc_id']}"
        found.add_row(row_id, _row(line, task))
        if _differs_in_context(_compared(line)):
            by_context.add(row_id)
        output = {"row_id": row_id, "system": system, "text": _text(line)}
        record, figures = merged.setdefault(row_id, (output, {}))
        if (name := str(line.get("filter", "none"))) != "none":
            record[f"filtered,{name}"] = _filtered(line)
        figures |= _figures(line, task, name, results)
    for record, figures in merged.values():
        found.add(record, figures)
    metrics = {metric for _, each in merged.values() for metric in each}
    found.directions = _directions(metrics, results.get("higher_is_better", {}).get(task) or {})
    if by_context:
        found.notes.append(
            f"{len(by_context)} rows of {task} ask which context one ending suits; the text is what the "
            "chosen context has of its own, and there are no references, for no sample says which is right."
        )
    if not results:
        found.notes.append(
            f"{path.name} has no results_*.json beside it, so the system bears the folder's name."
        )
    return found


def _directions(metrics: Iterable[str], better: Mapping[str, Any]) -> dict[str, Direction]:
    names = {metric: metric.split(",")[0] for metric in metrics}
    down: dict[str, Direction] = {
        metric: "down" for metric, name in names.items() if better.get(name) is False
    }
    return down | {metric: None for metric, name in names.items() if name.endswith(_LOGARITHMIC)}


def _system(path: Path, results: Mapping[str, Any]) -> str:
    """Return the model's name; the harness makes one up for a model without arguments."""
    config = results.get("config")
    told = results.get("model_name")
    if isinstance(config, dict) and not config.get("model_args"):
        told = config.get("model")
    return str(told or path.resolve().parent.name)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for at, content in enumerate(formats.physical_lines(path), start=1):
        text = formats.decoded(content, path, at)
        if not text.strip():
            continue
        line = formats.parsed_json(text, path, at)
        if not isinstance(line, dict) or not line.keys() >= _LINE:
            raise broken(path, f"line {at}", f"does not hold {', '.join(sorted(_LINE))}")
        yield line


def _row(line: Mapping[str, Any], task: str) -> dict[str, Any]:
    doc = line["doc"] if isinstance(line["doc"], dict) else {}
    compared, target = _compared(line), line.get("target")
    asked, answers = compared[0][0] if compared else doc, _answers(compared)
    if _differs_in_context(compared):
        asked, target = f"{_beginning(compared)}_{compared[0][1]}", []
    elif len(answers) > 1 and str(target).isdecimal() and int(str(target)) < len(answers):
        target = answers[int(str(target))]
    targets = target if isinstance(target, list) else [target]
    return {
        "input": as_text(asked),
        "references": [as_text(each) for each in targets if each is not None],
        "task": task,
        **slices({name: cell for name, cell in doc.items() if name != "task"}),
    }


def _compared(line: Mapping[str, Any]) -> list[list[Any]]:
    """Return the requests that are compared: those without a context behind others only normalise."""
    requests = [each for each in _requests(line) if each]
    return list(takewhile(lambda each: each[0] != "", requests)) or requests


def _answers(compared: Sequence[Sequence[Any]]) -> list[str]:
    """Return what each request would have the model say."""
    if _differs_in_context(compared):
        begin = len(_beginning(compared))
        return [str(each[0])[begin:].strip() for each in compared]
    return [str(each[1]).strip() for each in compared if len(each) > 1]


def _differs_in_context(compared: Sequence[Sequence[Any]]) -> bool:
    """Tell whether several contexts stand before one continuation, as in winogrande."""
    pairs = {(str(each[0]), str(each[1])) for each in compared if len(each) > 1}
    return len(pairs) > 1 and len({after for _, after in pairs}) == 1


def _beginning(compared: Sequence[Sequence[Any]]) -> str:
    """Return the words that all contexts begin with."""
    words = [re.split(r"(?<=\s)", str(each[0])) for each in compared]
    shared = takewhile(lambda each: len(set(each)) == 1, zip(*words, strict=False))
    return "".join(each[0] for each in shared)


def _requests(line: Mapping[str, Any]) -> list[list[Any]]:
    """Return the arguments of each request: of newer versions by name, of older ones as lists."""
    told = line["arguments"]
    each = list(told.values()) if isinstance(told, dict) else told if isinstance(told, list) else []
    return [
        list(a.values()) if isinstance(a, dict) else a for a in each if isinstance(a, (dict, list))
    ]


def _text(line: Mapping[str, Any]) -> str | None:
    """Return what the model wrote, or the choice that it finds likeliest."""
    first = [each[0] for each in line["resps"] if isinstance(each, list) and each]
    if not first:
        return None
    if isinstance(first[0], str):
        return first[0]
    compared = _compared(line)
    if not all(isinstance(each, list) and len(each) == 2 for each in first):
        return ""  # a log likelihood of the whole text: nothing was written
    if len(first) == 1:
        greedy = str(first[0][1]).lower() == "true"
        return str(compared[0][1]) if greedy and compared and len(compared[0]) > 1 else ""
    # behind them may come what only normalises
    likely = [
        (float(each[0]), answer) for each, answer in zip(first, _answers(compared), strict=False)
    ]
    return max(likely, key=itemgetter(0))[1] if likely else ""


def _filtered(line: Mapping[str, Any]) -> str | None:
    told = line.get("filtered_resps")
    first = told[0] if isinstance(told, list) and told else None
    return None if first is None else as_text(first)


def _figures(
    line: Mapping[str, Any], task: str, name: str, results: Mapping[str, Any]
) -> dict[str, tuple[object, str]]:
    metrics = line.get("metrics")
    own = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
    names = (
        metrics
        if isinstance(metrics, list)
        else [each for each in line if each not in own and not each.endswith("_hash")]
    )
    version = (results.get("versions") or {}).get(task, "?")
    tail = "" if name == "none" else f",{name}"
    return {
        f"{each}{tail}": (
            line.get(each),
            f"lm-eval:{task}|metric:{each}|filter:{name}|version:{version}",
        )
        for each in map(str, names)
    }

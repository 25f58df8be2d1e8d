"""Inspect: a log's samples as rows and outputs, by the readers of trajectories.

A sample is a row, a model a system, an epoch a repeat. Values of scores count as in Inspect's
`value_to_float`: C is 1, P is 0.5, I and N are 0; in any case, yes and true are 1, no and false are 0;
a text that is a finite number is that number. What else is a text or a list Inspect warns of and takes
for 0; here it is left out, and counted in a note. So are samples that cannot be read whole, and what
else the reader finds. A `.eval` is packed already, and not read from gzip.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import formats
from workbench.errors import BadValue
from workbench.exchange.evaluation import Found, as_text, broken, slices

if TYPE_CHECKING:
    from workbench.trajectories.collection import Runs
    from workbench.trajectories.model import Run

NAME = "inspect"


def recognises(value: object) -> bool:
    """Tell whether a value is a log's."""
    told = value.get("eval") if isinstance(value, dict) else None
    return isinstance(told, dict) and "task" in told


def read(path: Path, _value: object) -> Found:
    """Read the samples of a log."""
    from workbench.tables import each_row
    from workbench.trajectories import outputs_of
    from workbench.trajectories import read as read_runs

    _refuse_what_is_no_log(path)
    runs = read_runs(path, format="inspect-log")
    found = Found()
    each = _whole(runs, path, found)
    if not each:
        return found
    outputs = outputs_of(each, system=_system, row_id=_row_id, text=_text)
    for run, record in zip(each, each_row(outputs), strict=True):
        row_id = _row_id(run)
        found.add_row(row_id, _row(run))
        record.pop("output_id")
        record |= {
            "system": _system(run),
            "error": run.termination if run.status == "error" else None,
        }
        task = _task(run)
        found.add(
            record,
            {
                name: (value, f"inspect:{task}|scorer:{name}|version:{run.format_version}")
                for name, value in run.scores.items()
            },
        )
    found.notes += _unread(each)
    return found


def _refuse_what_is_no_log(path: Path) -> None:
    if formats.suffix(path) != ".eval":
        return
    with formats.readable(path), path.open("rb") as stream:
        begin = stream.read(2)
    if not begin:
        raise broken(path, "it", "is empty")
    if begin == b"\x1f\x8b":
        raise BadValue(
            f"{path} must be a log as Inspect writes it, but it is packed by gzip too; unpack it."
        )


def _whole(runs: "Runs", path: Path, found: Found) -> list["Run"]:
    """Return the samples that can be read whole, and tell what the reader found."""
    from workbench.tables import each_row

    kinds: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for finding in each_row(runs.findings):
        kinds[finding["check"].removeprefix("trajectories.")].append(finding)
    found.notes += [
        f"{len(told)} findings {kind!r} in the log, the first at {told[0]['subject']}: "
        f"{told[0]['evidence']:.200}."
        for kind, told in kinds.items()
    ]
    wrong = kinds["unreadable"]
    # what is left of a broken sample may lack its answer, and would count as a failure
    whole = [run for run in runs if not _is_broken(run, [each["subject"] for each in wrong])]
    if wrong and not whole:
        raise broken(path, "no sample", f"can be read ({wrong[0]['evidence']:.200})")
    if n := len(runs) - len(whole):
        found.notes.append(f"{n} samples that cannot be read whole are left out.")
    return whole


def _is_broken(run: "Run", subjects: Sequence[str]) -> bool:
    """Tell whether what cannot be read is a run's sample, or one of its chunks."""
    place = f"{run.source}#{run.pointer}".removesuffix("!")
    return any(each.startswith((f"{place}!", f"{place}/")) for each in subjects)


def _unread(runs: "Iterable[Run]") -> list[str]:
    """Tell of the values of scores that are no numbers; null and NaN say that nothing was scored."""
    from workbench.trajectories.readers.inspect_log import scored
    from workbench.trajectories.sources.documents import Fields

    left: dict[str, list[object]] = defaultdict(list)
    for run in runs:
        for name, value, _ in scored(Fields(_sample(run))):
            if isinstance(value, (str, list)) and name not in run.scores:
                left[name].append(value)
    return [
        f"{len(values)} values of the scorer {name!r} are no numbers, such as {values[0]!r:.80}, and "
        "are left out."
        for name, values in left.items()
    ]


def _eval(run: "Run") -> Mapping[str, Any]:
    told = run.extra.get("eval")
    return told if isinstance(told, dict) else {}


def _sample(run: "Run") -> Mapping[str, Any]:
    told = run.extra.get("sample")
    return told if isinstance(told, dict) else {}


def _task(run: "Run") -> str:
    return str(_eval(run).get("task", "?"))


def _system(run: "Run") -> str:
    return str(run.model or "unknown model")


def _row_id(run: "Run") -> str:
    return f"{_task(run)}:{run.task_id}"


def _row(run: "Run") -> dict[str, Any]:
    sample = _sample(run)
    asked, target = sample.get("input", ""), sample.get("target", "")
    targets = target if isinstance(target, list) else [target]
    metadata = sample.get("metadata")
    return {
        "input": asked if isinstance(asked, (str, list)) else as_text(asked),
        "references": [as_text(each) for each in targets if each not in ("", None)],
        "task": _task(run),
        **slices(metadata if isinstance(metadata, dict) else {}),
    }


def _text(run: "Run") -> str | None:
    """Return the completion that was scored; where the log has none, what was last written."""
    from workbench.trajectories.joining import final_text

    output = _sample(run).get("output")
    told = output if isinstance(output, dict) else {}
    if isinstance(told.get("completion"), str) and told["completion"]:
        return str(told["completion"])
    choices = told.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part["text"] for part in content if isinstance(part, dict) and "text" in part]
        return "\n".join(map(str, texts))
    return final_text(run)

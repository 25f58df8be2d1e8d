"""HELM: a run's folder with `scenario_state.json` and `per_instance_stats.json`.

An instance is a row, a perturbed one a row of its own; a train trial is a repeat. References are those
tagged correct. A completion that is the letter of an option (joint multiple choice) is read as the
option. Requests that only score a reference (separate multiple choice) are no outputs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import formats
from workbench.errors import Unreadable
from workbench.exchange.evaluation import Found, broken

NAME = "helm"
STATE, STATS = "scenario_state.json", "per_instance_stats.json"

Key = tuple[str, int]


def recognises(value: object) -> bool:
    """Tell whether a value is a scenario's state, or a list of statistics per instance."""
    if isinstance(value, dict):
        return {"adapter_spec", "request_states"} <= value.keys()
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and {"instance_id", "stats"} <= first.keys()


def read(path: Path, _value: object) -> Found:
    """Read the run in whose folder a file stands."""
    place = path if path.is_dir() else path.parent
    state, stats = _json(place / STATE), _json(place / STATS)
    if not recognises(state):
        raise broken(place / STATE, "it", "holds no adapter_spec and request_states")
    system = _system(state["adapter_spec"])
    found, figures, n_scored = Found(), _figures(stats, place / STATS), 0
    for at, each in enumerate(state["request_states"], start=1):
        instance = each.get("instance") if isinstance(each, dict) else None
        if not isinstance(instance, dict) or "id" not in instance:
            raise broken(place / STATE, f"request state {at}", "has no instance with an id")
        if each.get("reference_index") is not None:
            n_scored += 1
            continue
        row_id, trial = _row_id(instance["id"], instance.get("perturbation")), _trial(each)
        found.add_row(row_id, _row(instance))
        own = figures.get((row_id, trial), {})
        found.add(_output(each, row_id, trial, system), own)
    if n_scored:
        found.notes.append(
            f"{n_scored} requests only score a reference, and are no outputs of {system}."
        )
    return found


def _json(path: Path) -> Any:  # noqa: ANN401 - JSON holds anything
    for each in (path, path.with_name(f"{path.name}.gz")):
        if each.is_file():
            return formats.parsed_json(formats.decoded(formats.whole(each), each), each, 1)
    raise Unreadable(
        f"a run of HELM must hold {STATE} and {STATS}, but {path.parent} has no {path.name}; name "
        "the folder of one run."
    )


def _system(spec: Mapping[str, Any]) -> str:
    return str(spec.get("model") or spec.get("model_deployment") or "helm")


def _trial(told: Mapping[str, Any]) -> int:
    trial = told.get("train_trial_index")
    return trial if isinstance(trial, int) else 0


def _row_id(instance_id: object, perturbation: object) -> str:
    """Return a name for an instance; a perturbed one bears the perturbation's."""
    if not isinstance(perturbation, dict):
        return str(instance_id)
    rest = sorted((k, v) for k, v in perturbation.items() if k not in {"name", "computed_on"})
    kept = [f"{k}={v}" for k, v in rest if not isinstance(v, bool)]
    return f"{instance_id}:{','.join([str(perturbation.get('name')), *kept])}"


def _row(instance: Mapping[str, Any]) -> dict[str, Any]:
    told = instance.get("input")
    perturbation = instance.get("perturbation")
    return {
        "input": _text_of(told),
        "references": [
            _text_of(each.get("output"))
            for each in instance.get("references") or []
            if "correct" in (each.get("tags") or [])
        ],
        # the same question with other words is no independent one
        "cluster": str(instance["id"]),
        "split": instance.get("split"),
        "perturbation": perturbation.get("name") if isinstance(perturbation, dict) else None,
    }


def _text_of(told: object) -> str:
    """Return a text: older versions write it bare."""
    return str(told.get("text", "")) if isinstance(told, dict) else str(told)


def _output(state: Mapping[str, Any], row_id: str, trial: int, system: str) -> dict[str, Any]:
    result = state.get("result")
    result = result if isinstance(result, dict) else {}
    completions = result.get("completions") or []
    first = completions[0] if completions and isinstance(completions[0], dict) else {}
    text = _mapped(first.get("text"), state.get("output_mapping"))
    reason = first.get("finish_reason")
    failed = result.get("success") is False or text is None
    return {
        "row_id": row_id,
        "system": system,
        "text": text,
        "repeat": trial,
        "output_tokens": len(first["tokens"]) if first.get("tokens") else None,
        "latency_s": result.get("request_time"),
        "finish_reason": reason.get("reason") if isinstance(reason, dict) else reason,
        "error": str(result.get("error") or "no completion") if failed else None,
    }


def _mapped(text: str | None, options: object) -> str | None:
    """Return the option that a completion's letter stands for, as HELM's metrics do."""
    if text is None or not isinstance(options, dict):
        return text
    option = options.get(text.strip())
    return option if isinstance(option, str) else text


def _figures(stats: object, path: Path) -> dict[Key, dict[str, tuple[object, str]]]:
    """Return the mean of each statistic by row and trial."""
    if not isinstance(stats, list):
        raise broken(path, "it", "is no list")
    found: dict[Key, dict[str, tuple[object, str]]] = {}
    for at, each in enumerate(stats, start=1):
        if not isinstance(each, dict) or not isinstance(each.get("stats"), list):
            raise broken(path, f"element {at}", "has no stats")
        key = (_row_id(each.get("instance_id"), each.get("perturbation")), _trial(each))
        own = found.setdefault(key, {})
        for stat in each["stats"]:
            name = stat.get("name") if isinstance(stat, dict) else None
            if isinstance(name, dict) and stat.get("count"):
                label = f"{name.get('name')}{_sub_split(name)}"
                own[label] = (stat.get("mean"), f"helm|metric:{label}|split:{name.get('split')}")
    return found


def _sub_split(name: Mapping[str, Any]) -> str:
    return f",{name['sub_split']}" if name.get("sub_split") else ""

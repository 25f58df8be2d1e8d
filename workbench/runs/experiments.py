"""Experiments as files: what `workbench run` starts, in YAML, or in Python where a model is code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import data, plain_yaml
from workbench.errors import BadValue, Unreadable, some, unknown_name
from workbench.models import Endpoint, Recorded
from workbench.models.base import Model
from workbench.pricing import Prices
from workbench.runs.budgets import Budget

if TYPE_CHECKING:
    import pandas as pd

_MEMBERS = (
    "rows",
    "models",
    "prompts",
    "repeats",
    "store",
    "name",
    "budget",
    "prices",
    "time_limit_s",
)
_ENDPOINT = (
    "endpoint",
    "base_url",
    "api_key_env",
    "name",
    "parameters",
    "stream",
    "concurrency",
    "timeout_s",
)
_RECORDED = ("recorded", "system", "name")


@dataclass(frozen=True)
class ExperimentFile:
    """What a file says is to be run.

    Parameters
    ----------
    path : Path
        The file.
    rows : DataFrame
        ROWS.
    options : mapping
        The other arguments of `run`.
    """

    path: Path
    rows: "pd.DataFrame"
    options: Mapping[str, Any] = field(default_factory=dict)


def read_experiment(path: str | Path) -> ExperimentFile:
    """Read an experiment from a file.

    Parameters
    ----------
    path : str or Path
        YAML (`.yaml`, `.yml`), or Python (`.py`), which is executed: only run what you trust.

    Raises
    ------
    Unreadable
        If the file cannot be read.
    BadValue
        If it says too little, or what nobody knows.

    Notes
    -----
    In YAML, with paths from the file's own folder:

    .. code-block:: yaml

        rows: news-summaries          # what wb.read reads
        models:
          - endpoint: llama3.2
            base_url: http://127.0.0.1:11434/v1
            api_key_env: null
            parameters: {temperature: 0.7, max_tokens: 200}
          - recorded: outputs.jsonl   # OUTPUTS of one system
            system: lead
        prompts: prompts              # what wb.prompts.read reads; by default the input as it is
        repeats: 3
        store: runs
        budget: {dollars: 2, calls: 5000}
        prices: prices.toml

    Python assigns the same names; there models are objects, and may be functions.
    """
    file = Path(path)
    if file.suffix == ".py":
        told = _executed(file)
    elif file.suffix in {".yaml", ".yml"}:
        told = _parsed(file)
    else:
        raise BadValue(
            f"an experiment must be a file of .yaml, .yml or .py, but {file.name!r} came; rename it."
        )
    if missing := [name for name in ("rows", "models") if told.get(name) is None]:
        raise BadValue(
            f"an experiment must say its rows and models, but {file.name} lacks {some(missing)}; add them."
        )
    rows = data.read(_beside(told.pop("rows"), file))  # type: ignore[arg-type] # it checks the kind
    options = {name: value for name, value in told.items() if value is not None}
    if file.suffix != ".py":
        options = _made(options, rows, file)
    return ExperimentFile(file, rows, options)


def _executed(file: Path) -> dict[str, Any]:
    import runpy

    if not file.is_file():
        raise Unreadable(f"an experiment must be a file, but {file} is none; check the path.")
    found = runpy.run_path(str(file))
    return {name: found[name] for name in _MEMBERS if name in found}


def _parsed(file: Path) -> dict[str, Any]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Unreadable(
            f"an experiment must be a file that can be read, but {file} cannot ({error.strerror}); check the path."
        ) from None
    return _members(plain_yaml.parse(content, what="experiment"), _MEMBERS, file.name)


def _made(told: Mapping[str, Any], rows: "pd.DataFrame", file: Path) -> dict[str, Any]:
    """Make objects of what a text says."""
    models = told["models"]
    if not isinstance(models, list):
        raise BadValue(
            f"models in {file.name} must be a list, but {type(models).__name__} came; begin each with '- '."
        )
    made: dict[str, Any] = {**told, "models": [_model(each, rows, file) for each in models]}
    if (budget := told.get("budget")) is not None:
        made["budget"] = Budget(
            **_members(budget, ("dollars", "tokens", "calls"), f"budget in {file.name}")
        )
    if (prices := told.get("prices")) is not None:
        made["prices"] = Prices.read(file.parent / str(prices))
    for name in ("prompts", "store"):
        if name in told:
            made[name] = _beside(told[name], file)
    return made


def _beside(value: object, file: Path) -> object:
    """Return paths from the file's folder; what is none there is left as it is."""
    if isinstance(value, list):
        return [_beside(each, file) for each in value]
    if (
        isinstance(value, str)
        and "\n" not in value
        and "{" not in value
        and (file.parent / value).exists()
    ):
        return str(file.parent / value)
    return value


def _members(value: object, known: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BadValue(
            f"{where} must be a mapping of names to values, but {type(value).__name__} came; see --help."
        )
    if strange := [name for name in value if name not in known]:
        raise unknown_name(f"a name in {where}", strange[0], known)
    return {str(name): each for name, each in value.items()}


def _model(value: object, rows: "pd.DataFrame", file: Path) -> Model:
    where = f"a model in {file.name}"
    kind = "recorded" if isinstance(value, Mapping) and "recorded" in value else "endpoint"
    told = _members(value, _RECORDED if kind == "recorded" else _ENDPOINT, where)
    if not isinstance(told.get(kind), str):
        raise BadValue(
            f"{where} must say `endpoint` or `recorded`, a text, but it does not; add it."
        )
    if kind == "endpoint":
        try:
            return Endpoint(told.pop("endpoint"), **told)
        except TypeError as error:
            raise BadValue(
                f"{where} must have values of the right kinds, but {error}; correct it."
            ) from None
    outputs = data.outputs(rows, _beside(told["recorded"], file))  # type: ignore[arg-type]
    chosen = outputs[outputs["system"] == told["system"]] if "system" in told else outputs
    return Recorded(chosen, name=str(told.get("name", "")))

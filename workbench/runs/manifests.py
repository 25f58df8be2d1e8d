"""What a run was made of: digests of rows, prompts and models, parameters, and versions."""

import json
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench import contents
from workbench.errors import Unreadable
from workbench.runs.cells import Experiment
from workbench.runs.rates import Rates
from workbench.store import digest, write_text

FILE = "manifest.json"


def manifest(
    made: Experiment,
    name: str,
    rates: Rates,
    *,
    dataset: str,
    source: str | Path | None,
) -> dict[str, Any]:
    """Return what an experiment is made of, as JSON without secrets."""
    table = rates.table
    return {
        "format": 1,
        "name": name,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "source": None if source is None else str(Path(source).resolve()),
        "rows": {
            "name": dataset,
            "digest": contents.digest(made.rows),
            "n_rows": len(made.rows),
        },
        "prompts": [
            {
                "name": each.name,
                "digest": each.digest,
                "source": each.source,
                "messages": [{"role": part.role, "text": part.text} for part in each.messages],
                "parameters": dict(each.parameters),
            }
            for each in made.prompts
        ],
        "models": [
            {
                "name": each.name,
                "identity": dict(each.identity),
                "parameters": dict(each.parameters),
                "price": None if (price := rates.price(each)) is None else price.members,
            }
            for each in made.models
        ],
        "repeats": made.repeats,
        "prices": None if table is None else {"name": table.name, "date": str(table.date)},
        "versions": {
            "workbench": metadata.version("evaluation-workbench"),
            "python": platform.python_version(),
        },
    }


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """Write a manifest, and keep the one before under its digest if it says something else."""
    place = folder / FILE
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n"
    if place.exists():
        before = read(folder)
        if _lasting(before) == _lasting(content):
            return
        old = place.read_text(encoding="utf-8")
        write_text(folder / "manifests" / f"{digest(old)[:12]}.json", old)
    write_text(place, text)


def _lasting(content: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Return what of a manifest does not change from start to start."""
    rest = {name: value for name, value in content.items() if name != "started"}
    return json.loads(json.dumps(rest, default=str))


def read(folder: str | Path) -> dict[str, Any]:
    """Read the manifest of a run.

    Raises
    ------
    Unreadable
        If the folder holds none, or one that is broken.
    """
    place = Path(folder) / FILE
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(
            f"the folder of a run must hold {FILE}, but that of {folder} cannot be read ({error}); "
            "check the path."
        ) from None
    if not isinstance(content, dict) or content.get("format") != 1:
        raise Unreadable(
            f"{FILE} must be of format 1, but that of {folder} is not; read it by the version that wrote it."
        )
    return content

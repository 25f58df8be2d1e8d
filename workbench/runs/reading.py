"""Runs on the disk: listed, opened, and compared by what they were made of."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.categories import CATEGORIES
from workbench.display import Sheet, number, plain
from workbench.errors import Unreadable
from workbench.runs import manifests
from workbench.runs.outputs import outputs_of, summary
from workbench.runs.rates import Rates
from workbench.runs.store import FILE, stored_records

if TYPE_CHECKING:
    import pandas as pd

    from workbench.pricing import Prices

DEFAULT = "runs"


@dataclass(frozen=True)
class Run:
    """A run as its folder holds it.

    Parameters
    ----------
    folder : Path
        Its folder.
    manifest : mapping
        What it was made of when it was last started.
    outputs : DataFrame
        OUTPUTS, as `run` returned or would have returned them.
    """

    folder: Path
    manifest: Mapping[str, Any]
    outputs: "pd.DataFrame"

    @property
    def counts(self) -> dict[str, int]:
        """Cells by category, none that is empty."""
        found = Counter(self.outputs["category"])
        return {name: found[name] for name in CATEGORIES if found[name]}

    @property
    def summary(self) -> Sheet:
        """What each system delivered, took and cost."""
        return summary(self.outputs)

    def __repr__(self) -> str:
        told = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in self.counts.items())
        rows, models, prompts = (self.manifest[name] for name in ("rows", "models", "prompts"))
        return plain(
            f"Run {self.folder.name!r} of {self.manifest['started']}: {rows['n_rows']} rows of {rows['name']} × "
            f"{len(models)} models × {len(prompts)} prompts × {self.manifest['repeats']} repeats; {told or 'no cells'}"
        )

    def _repr_html_(self) -> str:
        sheet = self.summary
        return Sheet(sheet.frame, repr(self), sheet.header, sheet.body)._repr_html_()


def read(folder: str | Path, *, prices: "Prices | None" = None) -> Run:
    """Open a run, while it is going on or later.

    Parameters
    ----------
    folder : str or Path
        The run's folder.
    prices : Prices, optional
        What tokens cost; by default, and for a model that they lack, the prices with which the run
        was last started. Costs are made anew from stored tokens.

    Raises
    ------
    Unreadable
        If the folder holds no run.
    """
    place = Path(folder)
    manifest = manifests.read(place)
    if not (place / FILE).is_file():
        raise Unreadable(
            f"the folder of a run must hold {FILE}, but {place} does not; check the path."
        )
    outputs = outputs_of(
        stored_records(place), _rates(manifest, prices), skipped="the run ended before it"
    )
    outputs.attrs |= {"name": manifest["rows"]["name"], "run": str(place)}
    return Run(place, manifest, outputs)


def _rates(manifest: Mapping[str, Any], prices: "Prices | None") -> Rates:
    from workbench.pricing import Price

    found = {}
    for each in manifest["models"]:
        name, told = each["name"], each.get("price")
        price = prices.get(str(each["identity"].get("model", name))) if prices else None
        found[name] = price or (Price.of(told, name) if told else None)
    return Rates(prices, found, ())


def folders(store: str | Path = DEFAULT) -> list[Path]:
    """Return the folders of runs in a store, by name.

    Raises
    ------
    Unreadable
        If there is no such folder.
    """
    place = Path(store)
    if not place.is_dir():
        raise Unreadable(f"a store of runs must be a folder, but {place} is none; check the path.")
    return sorted(each.parent for each in place.glob(f"*/{manifests.FILE}"))


def listed(store: str | Path = DEFAULT) -> Sheet:
    """List the runs of a store.

    Parameters
    ----------
    store : str or Path
        The folder of runs.

    Returns
    -------
    Sheet
        One row per run: its name, when it was last started, its rows, models, prompts, repeats,
        cells, how many have an answer, failures, and US dollars (missing where a price is).
    """
    import pandas as pd

    records = [_told(read(each)) for each in folders(store)]
    columns = [
        "run",
        "started",
        "rows",
        "models",
        "prompts",
        "repeats",
        "n_cells",
        "n_answered",
        "n_failed",
        "cost_usd",
    ]
    frame = pd.DataFrame(records, columns=columns)
    header = [
        "run",
        "started",
        "rows",
        "models",
        "prompts",
        "repeats",
        "cells",
        "answered",
        "failed",
        "dollars",
    ]
    body = [[*map(str, list(each.values())[:-1]), number(each["cost_usd"], 4)] for each in records]
    return Sheet(frame, f"Runs in {plain(store)}", header, body)


def _told(run: Run) -> dict[str, Any]:
    outputs, manifest = run.outputs, run.manifest
    failed = outputs["text"].isna() & (outputs["category"] != "skipped")
    answered = outputs["text"].notna()
    known = answered.any() and outputs.loc[answered, "cost_usd"].notna().all()
    return {
        "run": run.folder.name,
        "started": manifest["started"],
        "rows": f"{manifest['rows']['n_rows']} of {manifest['rows']['name']}",
        "models": ", ".join(each["name"] for each in manifest["models"]),
        "prompts": ", ".join(each["name"] for each in manifest["prompts"]),
        "repeats": manifest["repeats"],
        "n_cells": len(outputs),
        "n_answered": int(answered.sum()),
        "n_failed": int(failed.sum()),
        "cost_usd": float(outputs["cost_usd"].sum()) if known else None,
    }


def compare_manifests(a: str | Path | Run, b: str | Path | Run) -> Sheet:
    """Say what differs between what two runs were made of.

    Parameters
    ----------
    a, b : Run, str or Path
        Runs, or their folders.

    Returns
    -------
    Sheet
        One row per difference: where it is, and what each run has there; no rows if there is none.
    """
    import pandas as pd

    before, after = (
        _flat(each.manifest if isinstance(each, Run) else manifests.read(each)) for each in (a, b)
    )
    records = [
        {"what": name, "a": before.get(name), "b": after.get(name)}
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    frame = pd.DataFrame(records, columns=["what", "a", "b"])
    body = [[_short(each[name]) for name in ("what", "a", "b")] for each in records]
    caption = "What differs between the runs" if records else "The runs were made of the same"
    return Sheet(frame, caption, ["what", "a", "b"], body)


def _flat(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the lasting members of a manifest, each under a path of names."""
    rest = {
        name: value for name, value in manifest.items() if name not in {"format", "name", "started"}
    }
    for name in ("models", "prompts"):
        rest[name] = {each["name"]: each for each in manifest[name]}
    return dict(_leaves("", rest))


def _leaves(path: str, value: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        value = {str(at): each for at, each in enumerate(value)}
    if isinstance(value, Mapping) and value:
        pairs = [
            _leaves(f"{path} › {name}" if path else str(name), each) for name, each in value.items()
        ]
        return [leaf for part in pairs for leaf in part]
    return [(path, str(value))]


def _short(text: str | None) -> str:
    return "–" if text is None else plain(text, width=60)

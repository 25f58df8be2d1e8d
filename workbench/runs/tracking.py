"""Runs in MLflow: what was run as a run of theirs, with its manifest and its outputs, and back."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import tables
from workbench.errors import BadValue, Unreadable
from workbench.runs import manifests
from workbench.runs.reading import Run
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    from mlflow import MlflowClient

_OUTPUTS = "outputs.parquet"
# MLflow's own limit for a parameter's value.
_LONGEST = 6_000


def to_mlflow(run: Run, *, tracking_uri: str, experiment: str | None = None) -> str:
    """Write a run to MLflow.

    Parameters
    ----------
    run : Run
        The run, see `read`.
    tracking_uri : str
        Where MLflow keeps its runs: a server, ``sqlite:///mlflow.db``, or a folder ``file:mlruns``.
    experiment : str, optional
        The experiment's name, made if it is missing; the dataset's name by default.

    Returns
    -------
    str
        The run's id in MLflow.

    Raises
    ------
    Unreadable
        If the extra `[tracking]` is not installed, or MLflow cannot be written to.

    Notes
    -----
    Names, digests and repeats become parameters, the figures of `Run.summary` metrics (one per
    system, `n_ok/SYSTEM`), manifest and OUTPUTS artifacts. MLflow's telemetry is switched off.
    """
    with _mlflow(tracking_uri) as client, tempfile.TemporaryDirectory() as folder:
        found = client.get_experiment_by_name(experiment or run.manifest["rows"]["name"])
        told = (
            found.experiment_id
            if found
            else client.create_experiment(experiment or run.manifest["rows"]["name"])
        )
        made = client.create_run(told, run_name=run.folder.name, tags={"workbench.format": "1"})
        for name, value in _parameters(run.manifest).items():
            client.log_param(made.info.run_id, name, value[:_LONGEST])
        for name, number in _figures(run):
            client.log_metric(made.info.run_id, name, number)
        place = Path(folder)
        manifests.write(place, run.manifest)
        run.outputs.to_parquet(place / _OUTPUTS)
        for each in (manifests.FILE, _OUTPUTS):
            client.log_artifact(made.info.run_id, str(place / each))
        client.set_terminated(made.info.run_id)
        return str(made.info.run_id)


def from_mlflow(run_id: str, *, tracking_uri: str) -> Run:
    """Read a run that `to_mlflow` wrote.

    Parameters
    ----------
    run_id : str
        Its id in MLflow.
    tracking_uri : str
        Where MLflow keeps its runs.

    Raises
    ------
    Unreadable
        If the extra `[tracking]` is not installed, or MLflow cannot be read.
    BadValue
        If the run is none of ours.
    """
    import pandas as pd

    with _mlflow(tracking_uri) as client, tempfile.TemporaryDirectory() as folder:
        made = client.get_run(run_id)
        if made.data.tags.get("workbench.format") != "1":
            raise BadValue(
                f"a run of MLflow must be one that to_mlflow wrote, but {run_id!r} is not; choose another."
            )
        for each in (manifests.FILE, _OUTPUTS):
            client.download_artifacts(run_id, each, folder)
        manifest = manifests.read(folder)
        outputs = tables.OUTPUTS.check(pd.read_parquet(Path(folder) / _OUTPUTS), source=run_id)
    outputs.attrs |= {"name": manifest["rows"]["name"], "run": None}
    return Run(Path(made.info.run_name or run_id), manifest, outputs)


@contextlib.contextmanager
def _mlflow(tracking_uri: str) -> "Iterator[MlflowClient]":
    """Open MLflow, which must neither tell others of it nor refuse its oldest kind of store."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if tracking_uri.startswith("file:"):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise Unreadable(
            "MLflow must be installed, but it is not; install the extra [tracking]: "
            "pip install 'evaluation-workbench[tracking]'."
        ) from None
    try:
        yield MlflowClient(tracking_uri=tracking_uri)
    except (MlflowException, OSError) as error:
        if isinstance(error, Unreadable):
            raise
        told = " ".join(str(error).split())[:200]
        raise Unreadable(
            f"MLflow at {tracking_uri} must be readable and writable, but it says {told!r}; check the address."
        ) from None


def _parameters(manifest: Any) -> dict[str, str]:  # noqa: ANN401 - a manifest is JSON
    told = {
        "rows": manifest["rows"]["name"],
        "rows.digest": manifest["rows"]["digest"],
        "repeats": str(manifest["repeats"]),
    }
    for each in manifest["models"]:
        told[f"model/{each['name']}"] = json.dumps(each["identity"], sort_keys=True)
    for each in manifest["prompts"]:
        told[f"prompt/{each['name']}"] = each["digest"]
    return {_allowed(name): value for name, value in told.items()}


def _figures(run: Run) -> Iterator[tuple[str, float]]:
    for told in each_row(run.summary.frame):
        system = told.pop("system")
        for name, value in told.items():
            if not is_missing(value):
                yield _allowed(f"{name}/{system}"), float(value)


def _allowed(name: str) -> str:
    """Return a name of letters that MLflow takes."""
    kept = (
        letter if (letter.isascii() and letter.isalnum()) or letter in "_-. /" else "-"
        for letter in name
    )
    return "".join(kept)[:250]

"""A conditional logit over the steps of a run: which of these steps is the mistake?

P(step s) = exp(w·x_s) / Σ_t exp(w·x_t), with a ridge on the weights. Only differences between the
steps of one run count, so runs of any length and kind can be learned from together.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue
from workbench.trajectories.attribution.features import FEATURES, Matrix, feature_matrix
from workbench.trajectories.attribution.transcript import Transcript
from workbench.trajectories.model import Run

Vector = NDArray[np.floating[Any]]

PENALTY = 30.0
"""The ridge of a model that is fitted without a search for one."""


@dataclass(frozen=True)
class AttributionModel:
    """Weights of the features of a step, and how they were found.

    Parameters
    ----------
    names : tuple of str
        The features.
    center, scale : tuple of float
        Of each feature, its mean and standard deviation over the steps learned from.
    weights : tuple of float
        Of each feature so standardised, in log-odds.
    penalty : float
        The ridge.
    n_runs : int
        Number of runs learned from.
    source : str
        Where these came from.
    """

    names: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    penalty: float
    n_runs: int
    source: str = ""

    def __repr__(self) -> str:
        return (
            f"AttributionModel: {len(self.names)} features, {self.n_runs} runs, penalty "
            f"{self.penalty:g}; {self.source or 'fitted here'}"
        )

    def contributions(self, matrix: Matrix) -> Matrix:
        """Return what each feature adds to the log-odds of each step, beside its run's mean."""
        standard = (matrix - np.array(self.center)) / np.array(self.scale)
        found: Matrix = (standard - standard.mean(axis=0)) * np.array(self.weights)
        return found

    def probabilities(self, matrix: Matrix) -> Vector:
        """Return the probability of each step of one run; they add to 1."""
        return softmax(self.contributions(matrix).sum(axis=1))

    def to_json(self) -> str:
        """Return the model as JSON."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "AttributionModel":
        """Read a model from its JSON.

        Raises
        ------
        BadValue
            If it is no model, or one of other features than this version has.
        """
        try:
            value = json.loads(text)
            model = cls(
                tuple(value["names"]),
                tuple(map(float, value["center"])),
                tuple(map(float, value["scale"])),
                tuple(map(float, value["weights"])),
                float(value["penalty"]),
                int(value["n_runs"]),
                str(value["source"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise BadValue(
                f"a model of attribution must be what `to_json` wrote, but this is not ({error!r}); "
                "fit it again."
            ) from None
        figures = (model.center, model.scale, model.weights)
        if model.names != tuple(FEATURES) or {len(each) for each in figures} != {len(FEATURES)}:
            raise BadValue(
                f"a model of attribution must weigh the {len(FEATURES)} features of this version, but "
                f"this one weighs others; fit it again."
            )
        return model


def softmax(utilities: Vector) -> Vector:
    """Return probabilities in proportion to the exponentials."""
    exponentials = np.exp(utilities - utilities.max())
    found: Vector = exponentials / exponentials.sum()
    return found


@cache
def default_model() -> AttributionModel:
    """Return the model that comes with the package; its `source` says what it was fitted on."""
    file = resources.files("workbench") / "assets" / "attribution.json"
    return AttributionModel.from_json(file.read_text(encoding="utf-8"))


def fit(
    runs: Iterable[Run],
    labels: Mapping[str, int] | None = None,
    *,
    penalty: float = PENALTY,
    source: str = "",
) -> AttributionModel:
    """Learn from runs whose mistake is known.

    Parameters
    ----------
    runs : iterable of Run
        Runs; those without a known mistake are left out.
    labels : mapping, optional
        The step of the mistake by `run_id`; by default the annotations named "mistake".
    penalty : float
        The ridge; larger means more caution.
    source : str
        Where the runs are from, kept with the model.

    Returns
    -------
    AttributionModel

    Raises
    ------
    BadValue
        If no run has a known mistake, a label names a step that is not there, or the penalty is
        not above 0.

    Examples
    --------
    >>> from workbench.trajectories.model import Annotation, Part, Step
    >>> says = lambda text: Step("chat", "", [Part("out", "assistant", "text", text)], agent="a")
    >>> run = Run("mine", run_id="r", steps=[says("What is the fare?"), says("Assume that it is 7.")])
    >>> run.annotations = [Annotation("mistake", step=1)]
    >>> fit([run]).n_runs
    1
    """
    if not penalty > 0:
        raise BadValue(f"a penalty must be above 0, but {penalty} came; 30 suits a hundred runs.")
    known = [(run, step) for run in runs if (step := mistake(run, labels)) is not None]
    if not known:
        raise BadValue(
            "runs to learn from must have a known mistake, but none has; annotate a step as "
            '"mistake", or pass labels.'
        )
    transcripts = [Transcript.of(run) for run, _ in known]
    choices = [
        each.positions.index(step) for each, (_, step) in zip(transcripts, known, strict=True)
    ]
    return fit_matrices([feature_matrix(each) for each in transcripts], choices, penalty, source)


def mistake(run: Run, labels: Mapping[str, int] | None = None) -> int | None:
    """Return the step that is known to be the mistake of a run, None where none is known.

    Raises
    ------
    BadValue
        If the run has no such step, or it is one in which no mistake can lie.
    """
    if labels is not None:
        step = labels.get(run.run_id)
    else:
        step = next((each.step for each in run.annotations if each.name == "mistake"), None)
    if step is not None and step not in Transcript.of(run).positions:
        raise BadValue(
            f"a mistake must be a step that acts, but run {run.run_id!r} of {len(run.steps)} steps has "
            f"it in step {step}; label the step in which something was done."
        )
    return step


def fit_matrices(
    matrices: Sequence[Matrix], choices: Sequence[int], penalty: float, source: str = ""
) -> AttributionModel:
    """Fit the weights to the features of runs and the place of the mistake in each."""
    stacked = np.vstack(matrices)
    center, scale = stacked.mean(axis=0), stacked.std(axis=0)
    # a feature that never differs says nothing, and must not divide by nought
    scale = np.where(scale > 1e-9, scale, 1.0)
    weights = _newton([(each - center) / scale for each in matrices], choices, penalty)
    return AttributionModel(
        tuple(FEATURES),
        _rounded(center),
        _rounded(scale),
        _rounded(weights),
        penalty,
        len(matrices),
        source,
    )


def _rounded(values: Vector) -> tuple[float, ...]:
    """Return values to twelve digits: the last bits differ between machines."""
    return tuple(float(f"{each:.12g}") for each in values)


def _newton(matrices: Sequence[Matrix], choices: Sequence[int], penalty: float) -> Vector:
    """Return the weights that maximise the penalised likelihood, which is concave."""
    n_features = matrices[0].shape[1]
    padded, mask = _padded(matrices)
    chosen = np.array([each[choice] for each, choice in zip(matrices, choices, strict=True)])
    weights: Vector = np.zeros(n_features)
    for _ in range(100):
        shares = _shares(padded, mask, weights)
        means = np.einsum("rs,rsf->rf", shares, padded)
        weighted = (padded * np.sqrt(shares)[..., None]).reshape(-1, n_features)
        hessian = weighted.T @ weighted - means.T @ means + penalty * np.eye(n_features)
        step = np.linalg.solve(hessian, (chosen - means).sum(axis=0) - penalty * weights)
        # far from the summit a whole step may overshoot
        weights = weights + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            break
    return weights


def _shares(padded: Matrix, mask: NDArray[np.bool_], weights: Vector) -> Matrix:
    """Return the probability of each step within its run."""
    utilities = np.where(mask, padded @ weights, -np.inf)
    shares = np.exp(utilities - utilities.max(axis=1, keepdims=True))
    found: Matrix = shares / shares.sum(axis=1, keepdims=True)
    return found


def _padded(matrices: Sequence[Matrix]) -> tuple[Matrix, NDArray[np.bool_]]:
    longest = max(len(each) for each in matrices)
    padded = np.zeros((len(matrices), longest, matrices[0].shape[1]))
    mask = np.zeros((len(matrices), longest), dtype=bool)
    for at, each in enumerate(matrices):
        padded[at, : len(each)] = each
        mask[at, : len(each)] = True
    return padded, mask

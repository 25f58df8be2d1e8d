"""How near outputs are to references in the space of an embedding model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from workbench.errors import BadKind, BadValue
from workbench.metrics.base import Array, Mean, require_references

if TYPE_CHECKING:
    import pandas as pd

# Vectors that are kept for the next chunk of outputs: 80 MB of a thousand numbers each.
_KEPT = 10_000


class Embeds(Protocol):
    """What turns texts into vectors, such as `wb.Endpoint`."""

    def embed(self, texts: Sequence[str], /) -> ArrayLike:
        """Return one vector per text, shape (n_texts, d)."""


Embedder = Embeds | Callable[[Sequence[str]], ArrayLike]


@dataclass(frozen=True)
class EmbeddingSimilarity(Mean):
    """Embedding similarity: the mean cosine between outputs and their nearest reference, −1 to 1.

    Parameters
    ----------
    embed : callable or object with a method `embed`
        From a list of texts to an array of shape (n_texts, d).
    model : str
        What makes the vectors, for the signature; by default the embedder's `name` or `model`, or
        the name of the function.
    batch : int
        Texts that are embedded at a time; each text once.
    name : str
        The name in tables.

    Raises
    ------
    BadValue
        If nobody says what makes the vectors. When scoring: if the array has another shape, or a
        vector is zero or not finite.

    Notes
    -----
    It is computed where it was called, never in worker processes by themselves. A cache keeps its
    statistics only if the embedder has an attribute `identity`, which says all that its vectors
    depend on.

    Examples
    --------
    >>> def letters(texts):
    ...     return [[1 + text.count(each) for each in "abc"] for text in texts]
    >>> EmbeddingSimilarity(letters).signature
    'nrefs:?|embed:letters|cosine:best|version:wb1'
    """

    embed: Embedder
    model: str = ""
    batch: int = 256
    name: str = "embedding_similarity"
    bounds = (-1.0, 1.0)

    def __post_init__(self) -> None:
        if not callable(getattr(self.embed, "embed", self.embed)):
            raise BadKind(
                "embed must be a function from texts to vectors, or have a method embed, but "
                f"{type(self.embed).__name__} came; pass one such as wb.Endpoint(...)."
            )
        told = (getattr(self.embed, name, "") for name in ("name", "model", "__name__"))
        model = self.model or next((each for each in told if each and isinstance(each, str)), "")
        if not model or model == "<lambda>" or not self.batch >= 1:
            raise BadValue(
                "embedding_similarity must know what makes its vectors, and embed at least 1 text at "
                f"a time, but model={model!r} and batch={self.batch} came; pass model='its name'."
            )
        object.__setattr__(self, "model", model)

    @property
    def signature(self) -> str:
        """The model, the choice of reference and the version of this definition."""
        return f"nrefs:?|embed:{self.model}|cosine:best|version:wb1"

    @property
    def movable(self) -> bool:
        """Never: the embedder may hold a connection, or gigabytes."""
        return False

    @property
    def reads(self) -> tuple[str, ...] | None:
        """Text and references, if it is known what the vectors depend on."""
        return ("text", "references") if getattr(self.embed, "identity", None) else None

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return cosine and count of each output."""
        require_references(self, outputs)
        vectors = self._vectors(chain(outputs["text"], *outputs["references"]))
        cosines = [
            max(float(vectors[text] @ vectors[each]) for each in references)
            for text, references in zip(outputs["text"], outputs["references"], strict=True)
        ]
        return np.column_stack([np.clip(cosines, -1, 1), np.ones(len(cosines))])

    @cached_property
    def _known(self) -> dict[str, Array]:
        return {}

    def _vectors(self, texts: Any) -> dict[str, Array]:  # noqa: ANN401 - an iterable of texts
        """Return the vector of length one of each text; those that are new are embedded."""
        wanted = dict.fromkeys(texts)
        found = {text: self._known[text] for text in wanted if text in self._known}
        new = [text for text in wanted if text not in found]
        for at in range(0, len(new), self.batch):
            part = new[at : at + self.batch]
            found |= zip(part, self._embedded(part), strict=True)
        self._known.clear()
        self._known.update({text: found[text] for text in list(found)[:_KEPT]})
        return found

    def _embedded(self, texts: list[str]) -> Array:
        embed: Any = getattr(self.embed, "embed", self.embed)
        try:
            vectors = np.asarray(embed(texts), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise BadValue(self._must(f"something else came ({error})")) from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise BadValue(self._must(f"shape {vectors.shape} came for {len(texts)} texts"))
        lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
        for text, length in zip(texts, lengths[:, 0], strict=True):
            if not 0 < length < np.inf:
                what = "a zero vector" if length == 0 else "a vector that is not finite"
                raise BadValue(self._must(f"{what} came for {text!r:.60}"))
        return np.asarray(vectors / lengths)

    def _must(self, came: str) -> str:
        return (
            f"{self.model} must turn n texts into finite vectors other than zero, as an array of "
            f"shape (n, d), but {came}; correct it."
        )

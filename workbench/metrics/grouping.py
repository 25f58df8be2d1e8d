"""Which references belong to which outputs, each text once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """The references of outputs, those of a row as one group.

    Parameters
    ----------
    references : list of str
        The references of all groups, one group after another.
    group_of : array of int, shape (n_references,)
        The group of each reference.
    of_output : array of int, shape (n_outputs,)
        The group of each output.
    places : list of array of int, shape (n_outputs,)
        Of each output the place of its first reference in `references`, of its second, and so on;
        -1 where it has no more.
    """

    references: list[str]
    group_of: Ints
    of_output: Ints
    places: list[Ints]

    @classmethod
    def of(cls, references: Iterable[Sequence[str]]) -> "Groups":
        """Find the groups of a column of references.

        Examples
        --------
        >>> groups = Groups.of([["a", "b"], ["c"], ["a", "b"]])
        >>> groups.references, groups.of_output.tolist(), [each.tolist() for each in groups.places]
        (['a', 'b', 'c'], [0, 1, 0], [[0, 2, 0], [1, -1, 1]])
        """
        known: dict[tuple[str, ...], int] = {}
        of_output = np.array(
            [known.setdefault(tuple(each), len(known)) for each in references], dtype=np.int64
        )
        sizes = np.array([len(each) for each in known], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        places = [
            np.where(number < sizes, starts + number, -1)[of_output]
            for number in range(int(sizes.max(initial=0)))
        ]
        texts = [text for each in known for text in each]
        return cls(texts, np.repeat(np.arange(len(known)), sizes), of_output, places)

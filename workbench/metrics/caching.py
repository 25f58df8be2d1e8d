"""Statistics kept on disk under the digest of all that they depend on."""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import BadValue, Unreadable
from workbench.metrics.base import Array, Metric
from workbench.metrics.identity import digest_of

if TYPE_CHECKING:
    import pandas as pd

FILE = "statistics.sqlite"
"""The file in a cache's folder."""

# Rows of statistics that are kept, the youngest: some 400 MB of BLEU's.
_MOST = 2_000_000
# Keys that are asked for at once; SQLite takes 999 at least.
_ASKED = 900
# How long one waits for others who write.
_PATIENCE_S = 60.0

_MAKE = (
    "CREATE TABLE IF NOT EXISTS statistics (place INTEGER PRIMARY KEY, key BLOB UNIQUE, row BLOB)"
)
_KEEP = "INSERT OR IGNORE INTO statistics (key, row) VALUES (?, ?)"
_FORGET = "DELETE FROM statistics WHERE place <= (SELECT max(place) FROM statistics) - ?"


class Cache:
    """A folder with the statistics of outputs that were scored before.

    A row of statistics is a few numbers under a key, the SHA-256 of what they follow from: the
    metric with its options and its code, and the cells that it reads. So a key never means
    something else later, entries are never changed, and who writes at the same time writes the
    same. A row is stored with a checksum; one that does not fit is computed anew.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing.

    Raises
    ------
    Unreadable
        If there can be no such folder, or its file is no cache, or cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        self._path = Path(folder) / FILE
        with self._told():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._database.execute(_MAKE)
            except sqlite3.Error:
                self._database.close()  # there is nobody yet who would
                raise

    def close(self) -> None:
        """Forget the oldest entries where there are too many, and let go of the file."""
        with closing(self._database), self._told():
            self._database.execute(_FORGET, (_MOST,))

    def recall(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Array]]:
        """Find the rows of statistics that are kept under some of the keys."""
        for at in range(0, len(keys), _ASKED):
            asked = keys[at : at + _ASKED]
            marks = ", ".join("?" * len(asked))
            with self._told():
                found = self._database.execute(
                    f"SELECT key, row FROM statistics WHERE key IN ({marks})",  # noqa: S608 - marks
                    asked,
                ).fetchall()
            for key, row in found:
                if row[-4:] == _checksum(key, row[:-4]):
                    yield key, np.frombuffer(row[:-4], dtype="<f8")

    def keep(self, keys: Iterable[bytes], statistics: Array) -> None:
        """Keep rows of statistics, all or none of them."""
        rows = [row.tobytes() for row in statistics.astype("<f8")]
        entries = [(key, row + _checksum(key, row)) for key, row in zip(keys, rows, strict=True)]
        with self._told():
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(_KEEP, entries)
            self._database.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise Unreadable(
                f"a cache of scores must be a folder that this package may write, but {self._path} "
                f"cannot be used ({error}); name another folder, or remove this one."
            ) from None


def _checksum(key: bytes, row: bytes) -> bytes:
    return zlib.crc32(key + row).to_bytes(4)


class Keys:
    """The keys of outputs under metrics; the digest of a cell is made once for all metrics.

    Parameters
    ----------
    outputs : DataFrame
        OUTPUTS joined with ROWS.
    """

    def __init__(self, outputs: "pd.DataFrame") -> None:
        self._outputs = outputs
        self._columns: dict[str, list[bytes]] = {}

    def of(self, metric: Metric) -> list[bytes]:
        """Return the key of each output; no keys if nobody can say what a metric is or reads."""
        reads = metric.columns_read()
        head = None if reads is None else digest_of(metric)
        if reads is None or head is None:
            return []
        if not reads:
            return [head] * len(self._outputs)
        cells = zip(*(self._digests(column) for column in reads), strict=True)
        return [hashlib.sha256(head + b"".join(each)).digest() for each in cells]

    def _digests(self, column: str) -> list[bytes]:
        if column not in self._columns:
            known: dict[int, bytes] = {}
            cells = self._outputs[column].tolist() if column in self._outputs else []
            # the outputs of a row share the list of its references, which `cells` keeps alive
            self._columns[column] = [
                known.get(id(cell)) or known.setdefault(id(cell), _digest(cell)) for cell in cells
            ]
        return self._columns[column]


def _digest(cell: object) -> bytes:
    if isinstance(cell, str):  # most are
        return hashlib.sha256(b'"' + cell.encode("utf-8", "surrogatepass")).digest()
    return hashlib.sha256(json.dumps(cell, sort_keys=True, default=_plain).encode()).digest()


def _plain(value: object) -> object:
    """Turn NumPy's numbers and arrays into Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise BadValue(
        "a cell whose score is to be kept must hold text, numbers, or lists or objects of them, but "
        f"{type(value).__name__} came; turn it into one, or score without a cache."
    )

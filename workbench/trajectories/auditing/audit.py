"""An audit log of trajectories that shows every change, and can be redacted without breaking.

Each line holds a run or a step as JSON. A leaf of it (a text, a number) is hashed with a salt of its
own, the leaves of an object or a list into the hash of that, up to the hash of the line, and each
line's with that of the line before. What is redacted leaves its hash behind, so the chain still
holds, and without the salts nobody can guess what stood there.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import store
from workbench.errors import BadValue, Unreadable
from workbench.trajectories.auditing.demands import demand_list
from workbench.trajectories.auditing.files import changed_files, kept_files
from workbench.trajectories.auditing.hashing import (
    START,
    escaped,
    leaves,
    next_hash,
    redacted,
    salt_of,
    salts_hold,
    tree_hash,
)  # fmt: skip
from workbench.trajectories.auditing.patterns import KINDS
from workbench.trajectories.auditing.redaction import Choice, without
from workbench.trajectories.collection import each_run
from workbench.trajectories.model import Json, Run, Step
from workbench.trajectories.replays.values import canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VERSION = 1
"""Of audit logs."""


@dataclass(frozen=True)
class Break:
    """A place where an audit log does not hold.

    Parameters
    ----------
    line : int
        From 1; 0 for the log as a whole.
    reason : str
        What is wrong.
    """

    line: int
    reason: str


@dataclass(frozen=True)
class Verified:
    """What was found in an audit log; true if it is whole.

    It iterates over its breaks, and its length is their number.

    Parameters
    ----------
    breaks : tuple of Break
        Where the log does not hold.
    n_lines : int
        How many lines it has.
    n_redacted : int
        How many leaves, or whole objects, are redacted. Anybody can redact: that something was taken
        out is proven, what is shown in its place is not.
    signed : bool
        Whether it bears a signature that holds, of the key asked for or else of the one it names. A
        log whose signature was taken away is whole, and not signed.

    Examples
    --------
    >>> bool(Verified((), 20, 0, False)), len(Verified((Break(0, "it is empty"),), 0, 0, False))
    (True, 1)
    """

    breaks: tuple[Break, ...]
    n_lines: int
    n_redacted: int
    signed: bool

    def __bool__(self) -> bool:
        return not self.breaks

    def __iter__(self) -> Iterator[Break]:
        return iter(self.breaks)

    def __len__(self) -> int:
        return len(self.breaks)


def _contents(runs: Run | Iterable[Run]) -> Iterator[dict[str, Json]]:
    for run in each_run(runs, "an audit log is made of"):
        own = {each.name: getattr(run, each.name) for each in fields(Run) if each.name != "steps"}
        own["recorded"] = asdict(run.recorded) if run.recorded else None
        own["annotations"] = [asdict(each) for each in run.annotations]
        yield {"run_id": run.run_id, "run": own}
        for number, step in enumerate(run.steps):
            yield {"run_id": run.run_id, "number": number, "step": _plain(step)}


def _plain(step: Step) -> dict[str, Json]:
    return asdict(step) | {"flags": sorted(step.flags)}


def seal(
    runs: Run | Iterable[Run],
    path: str | Path,
    *,
    files: Sequence[str | Path] = (),
    key: "Ed25519PrivateKey | str | Path | None" = None,
    secret: bytes | None = None,
) -> str:
    """Write an audit log of runs, whole or not at all.

    Parameters
    ----------
    runs : Run or iterable of Run
        What to keep; `Runs` is one. A member named `$redacted` is kept as `$$redacted`, and so on,
        since the first name marks what was taken out.
    path : str or Path
        The log, as JSON Lines.
    files : sequence of path
        Files whose digests are kept too, such as those the runs were read from. Their names are
        relative to the folder that holds them all.
    key : Ed25519PrivateKey, or path of one as PEM, optional
        Signs the end of the chain.
    secret : bytes, optional
        What salts are made of; 32 random bytes by default. The same secret gives the same log.

    Returns
    -------
    str
        The hash at the end of the chain. Kept elsewhere, it shows a log that was written anew.

    Raises
    ------
    BadValue
        If a file is named twice, or a run is nested too deeply.
    BadKind
        If something is no run, or `files` is no list.

    References
    ----------
    Schneier and Kelsey (1999), "Secure Audit Logs to Support Computer Forensics", section 3; salted
    commitments of leaves as in Steinfeld, Bull and Zheng (2001), "Content Extraction Signatures",
    in a tree as in Merkle (1987), "A Digital Signature Based on a Conventional Encryption Function".
    """
    demand_list("files", files)
    chosen = secrets.token_bytes(32) if secret is None else secret
    first = {"workbench": "audit", "version": VERSION, "files": kept_files(files)}
    head, n = START, 0
    try:
        with store.replacing(path) as stream:
            for n, content in enumerate(chain([first], _contents(runs)), 1):
                line = _sealed(n, content, head, chosen)
                head = line["hash"]
                stream.write(_line(line))
            stream.write(_line(_end(n, head, key)))
    except RecursionError:
        raise BadValue(
            f"what is sealed must not be nested too deeply, but what follows line {n} is; look at "
            "the arguments of its tools."
        ) from None
    return head


def _sealed(n: int, source: Json, before: str, secret: bytes) -> dict[str, Json]:
    content = escaped(source)
    salts = {place: salt_of(secret, n, place) for place, _ in leaves(content)}
    hashed = next_hash(before, tree_hash(content, salts))
    return {"n": n, "content": content, "salts": salts, "hash": hashed}


def _line(value: Json) -> bytes:
    return canonical(value) + b"\n"


def _end(n: int, head: str, key: "Ed25519PrivateKey | str | Path | None") -> dict[str, Json]:
    end: dict[str, Json] = {"end": {"n": n, "hash": head}}
    if key is not None:
        from workbench.trajectories.auditing.signing import private_key, public_text, sign

        private = private_key(key)
        end["public_key"] = public_text(private)
        end["signature"] = sign(private, canonical(end))
    return end


def verify(
    path: str | Path,
    *,
    head: str | None = None,
    public_key: str | Path | None = None,
    files: str | Path | None = None,
) -> Verified:
    """Find where an audit log was changed.

    Parameters
    ----------
    path : str or Path
        The log.
    head : str, optional
        The hash that `seal` returned.
    public_key : path of a PEM file, optional
        Whose signature the log must bear.
    files : str or Path, optional
        A folder in which the kept files must be, unchanged.

    Returns
    -------
    Verified
        True, and without breaks, when all holds.
    """
    lines = _read(path)
    if not lines:
        return Verified((Break(0, "it is empty"),), 0, 0, signed=False)
    found = list(_chain(lines))
    n, end = len(lines), lines[-1] if isinstance(lines[-1], dict) else {}
    if head is not None and _member(end.get("end"), "hash") != head:
        found.append(Break(n, "it does not end with the hash that was kept"))
    wrong = _signature(end, public_key)
    if wrong is not None and (public_key is not None or "signature" in end):
        found.append(Break(n, wrong))
    if files is not None:
        kept = _member(_member(lines[0], "content"), "files")
        found += [Break(1, reason) for reason in changed_files(kept, Path(files))]
    n_redacted = sum(redacted(_member(line, "content")) for line in lines)
    return Verified(tuple(found), n, n_redacted, signed=wrong is None)


def _member(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None


def _read(path: str | Path) -> list[Json]:
    """Read the lines of a log; None for each that is not as it was written."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise Unreadable(
            f"an audit log must be readable, but {path} is not ({error.strerror}); check the path."
        ) from None
    *whole, rest = data.split(b"\n")
    return [_value(line) for line in whole] + [None] * bool(rest)


def _value(line: bytes) -> Json:
    try:
        value = json.loads(line)
        # what was written is canonical: another spelling of the same values is a change too
        return value if canonical(value) == line else None
    except (ValueError, RecursionError):
        return None


def _chain(lines: list[Json]) -> Iterator[Break]:
    before = START
    for n, line in enumerate(lines[:-1], 1):
        if not isinstance(line, dict) or line.keys() != {"n", "content", "salts", "hash"}:
            yield Break(n, "it is no line of an audit log")
            return
        try:
            hashed = next_hash(before, tree_hash(line["content"], line["salts"]))
            whole = salts_hold(line["content"], line["salts"])
        except (TypeError, KeyError, ValueError, AttributeError, RecursionError):
            yield Break(n, "it is no line of an audit log")
            return
        # 1, 1.0 and true are equal, but not as they are written
        if hashed != line["hash"] or not whole or canonical(line["n"]) != canonical(n):
            yield Break(n, "its content, or one before it, is not what was sealed")
            return
        before = hashed
    if len(lines) < 2:
        yield Break(1, "it is no line of an audit log")
    elif not _is_end(lines[-1], {"n": len(lines) - 1, "hash": before}):
        yield Break(len(lines), "lines are missing at the end, or were added")


def _is_end(line: Json, wanted: Json) -> bool:
    if not isinstance(line, dict) or canonical(line.get("end")) != canonical(wanted):
        return False
    return line.keys() in ({"end"}, {"end", "public_key", "signature"})


def _signature(end: Mapping[str, Any], public_key: str | Path | None) -> str | None:
    """Say what is wrong with the signature of a log."""
    from workbench.trajectories.auditing.signing import holds

    if "signature" not in end:
        return "it is not signed"
    signed = {name: each for name, each in end.items() if name != "signature"}
    if not holds(end, canonical(signed), public_key):
        return "its signature does not hold, or is another's"
    return None


def redact(
    path: str | Path,
    to: str | Path,
    *,
    kinds: Sequence[str] = KINDS,
    names: Sequence[str] = (),
) -> int:
    """Write an audit log without what should not leave; its chain and signature still hold.

    Parameters
    ----------
    path, to : str or Path
        The log, and where the redacted one is written.
    kinds : sequence of str
        Of `patterns.KINDS`: a text or number that holds one, also in JSON inside a text, is taken
        out whole. What is shown instead is the text with marks, which the chain does not cover. An
        object with such a name of a member is taken out with all its members.
    names : sequence of str
        Members of objects that are taken out whatever they hold, such as `password`; so is a text
        that holds an object with such a member.

    Returns
    -------
    int
        How many were taken out: leaves, and objects as one each.

    Raises
    ------
    BadValue
        If the log does not hold as it is.
    BadKind
        If `kinds` or `names` is no list.
    UnknownName
        If a kind is unknown.
    """
    demand_list("kinds", kinds)
    demand_list("names", names)
    if (found := verify(path)).breaks:
        raise BadValue(
            f"an audit log must hold before it is redacted, but {path} does not: line "
            f"{found.breaks[0].line}, {found.breaks[0].reason}; find out who changed it."
        )
    n, choice = 0, Choice(tuple(kinds), frozenset(names))
    with store.replacing(to) as stream:
        for line in _read(path):
            if "content" in line:
                before = redacted(line["content"])
                line["content"] = without(line["content"], line["salts"], choice)
                left = {place for place, _ in leaves(line["content"])}
                line["salts"] = {k: v for k, v in line["salts"].items() if k in left}
                n += redacted(line["content"]) - before
            stream.write(_line(line))
    return n

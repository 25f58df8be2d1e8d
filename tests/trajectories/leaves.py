"""Is anything of a source lost? Each of its texts and numbers must be found again in what was read.

Counted: what stands three times in the source must stand three times in the runs. A pool of messages
counts once for each reference to it. Truth values, nulls and empty texts are left out: they are everywhere.
"""

import dataclasses
import json
from collections import Counter

from workbench.trajectories.conversations.pools import whole_ranges
from workbench.trajectories.model import Part
from workbench.trajectories.sources.documents import nanoseconds

_REFERENCES = ("input_refs", "next_input_refs", "message_refs")


def leaves(value):
    """Yield the texts and numbers in a JSON value, or in a run.

    Examples
    --------
    >>> list(leaves({"a": ["b", 1.0, None, True], "c": ""}))
    ['b', '1']
    """
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            stack += one.values()
        elif isinstance(one, (list, tuple, set, frozenset)):
            stack += reversed(list(one))
        elif dataclasses.is_dataclass(one):
            if isinstance(one, Part) and one.extra.get("structured") and one.text:
                stack.append(json.loads(one.text))
            stack += [getattr(one, each.name) for each in dataclasses.fields(one)]
        elif isinstance(one, (str, int, float)) and not isinstance(one, bool) and one != "":
            yield _plain(one)


def _plain(leaf):
    if isinstance(leaf, float) and leaf.is_integer():
        return str(int(leaf))
    return str(leaf)


def missing_leaves(source, runs):
    """Return the leaves of a JSON value that no run holds, with how often each is missing.

    Parameters
    ----------
    source : JSON value
        What was read.
    runs : iterable of Run
        What came of it.

    Returns
    -------
    list of (str, int)
        Empty where nothing is lost. A time in ISO 8601 is found where its nanoseconds are.
    """
    found = Counter()
    for run in runs:
        found.update(leaves(run))
        found.update(_referred(run))
    missing = Counter(leaves(source)) - found
    times = Counter()
    for leaf, n in missing.items():
        if (time := nanoseconds(leaf)) is not None:
            times[str(time)] += n
    lost = times - found
    for leaf in [leaf for leaf in missing if nanoseconds(leaf) is not None]:
        if str(nanoseconds(leaf)) not in lost:
            del missing[leaf]
    return sorted(missing.items())


def _referred(run):
    """Yield the leaves of pooled messages, once for each reference."""
    pool = run.extra.get("message_pool", [])
    known = [list(leaves(message)) for message in pool]
    for holder in [run, *run.steps]:
        for name in _REFERENCES:
            for first, end in whole_ranges(holder.extra.get(name), len(pool)):
                for number in range(first, end):
                    yield from known[number]

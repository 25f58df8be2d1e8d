"""Groups of systems that cannot be told apart."""

from collections.abc import Collection, Sequence


def tie_letters(ranked: Sequence[str], apart: Collection[frozenset[str]]) -> dict[str, str]:
    """Give each system letters so that two share one exactly when they cannot be told apart.

    Parameters
    ----------
    ranked : sequence of str
        Systems, best first.
    apart : collection of frozenset of str
        Pairs of systems that differ.

    Returns
    -------
    dict of str to str
        Letters of each system, "a" for the group of the best.

    References
    ----------
    Piepho (2004), section 3 (insert and absorb).

    Examples
    --------
    >>> tie_letters(["x", "y", "z"], [frozenset("xz")])
    {'x': 'a', 'y': 'ab', 'z': 'b'}
    """
    groups = [frozenset(ranked)]
    for pair in apart:
        split = [group - {one} for group in groups if pair <= group for one in sorted(pair)]
        groups = [group for group in groups if not pair <= group] + split
        groups = [g for g in dict.fromkeys(groups) if not any(g < other for other in groups)]
    place = {system: at for at, system in enumerate(ranked)}
    groups.sort(key=lambda group: sorted(place[system] for system in group))
    return {
        system: "".join(_letter(at) for at, group in enumerate(groups) if system in group)
        for system in ranked
    }


def _letter(at: int) -> str:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return alphabet[at] if at < len(alphabet) else f"({at + 1})"

"""The chance that some, or all, of k attempts succeed."""

from math import comb

from workbench.errors import BadValue


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the chance that at least one of `k` attempts succeeds, unbiased, from `c` of `n`.

    Parameters
    ----------
    n, c : int
        Attempts, and how many of them succeeded.
    k : int
        From 1 to `n`.

    Raises
    ------
    BadValue
        If there are fewer than `k` attempts.

    References
    ----------
    Chen et al. (2021), "Evaluating large language models trained on code", equation 1.

    Examples
    --------
    >>> pass_at_k(10, 3, 1), round(pass_at_k(10, 3, 5), 7)
    (0.3, 0.9166667)
    """
    _require_attempts(n, c, k)
    # one division of whole numbers: rounded once
    return (comb(n, k) - comb(n - c, k)) / comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Return the chance that all of `k` attempts succeed, unbiased, from `c` of `n`.

    Parameters
    ----------
    n, c : int
        Attempts, and how many of them succeeded.
    k : int
        From 1 to `n`.

    Raises
    ------
    BadValue
        If there are fewer than `k` attempts.

    References
    ----------
    Yao et al. (2024), "τ-bench: a benchmark for tool-agent-user interaction in real-world domains".

    Examples
    --------
    >>> round(pass_hat_k(10, 3, 2), 7)
    0.0666667
    """
    _require_attempts(n, c, k)
    return comb(c, k) / comb(n, k)


def _require_attempts(n: int, c: int, k: int) -> None:
    if not 1 <= k <= n or not 0 <= c <= n:
        raise BadValue(
            f"k must be from 1 to the number of attempts and successes among them, but k = {k}, "
            f"{n} attempts and {c} successes came; choose a smaller k or run the task more often."
        )

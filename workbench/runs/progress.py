"""How far a run is: counts, money, rate and the time that is left."""

from dataclasses import dataclass

from workbench.display import number


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a run at a moment.

    Parameters
    ----------
    n_cells, n_done, n_failed : int
        Cells in all, those with an answer or a failure, and of those the failures.
    n_stored : int
        Of those done, the ones that were answered in an earlier start.
    n_calls, n_tokens : int
        Calls sent and tokens used by this start.
    dollars : float or None
        What they cost; None where a price is not known.
    in_flight : int
        Calls under way.
    elapsed_s : float
        Seconds since the start.
    """

    n_cells: int
    n_done: int
    n_failed: int
    n_stored: int
    n_calls: int
    n_tokens: int
    dollars: float | None
    in_flight: int
    elapsed_s: float

    @property
    def rate(self) -> float:
        """Cells per second since the start."""
        return (self.n_done - self.n_stored) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at this rate; None before the first cell."""
        return (self.n_cells - self.n_done) / self.rate if self.rate > 0 else None

    def __str__(self) -> str:
        """Return one line for a terminal.

        Examples
        --------
        >>> print(Progress(100, 50, 1, 0, 52, 12_000, 0.021, 8, 10.0))
        50 of 100 cells (1 failed), 12,000 tokens, $0.0210, 5.0/s, 10 s left
        """
        parts = [f"{self.n_done:,} of {self.n_cells:,} cells"]
        if self.n_failed:
            parts[0] += f" ({self.n_failed:,} failed)"
        if self.n_tokens:
            parts.append(f"{self.n_tokens:,} tokens")
        if self.dollars is not None and (self.n_tokens or self.dollars):
            parts.append(f"${number(self.dollars, 4)}")
        if self.rate:
            parts.append(f"{self.rate:,.1f}/s")
        if self.left_s is not None and self.n_done < self.n_cells:
            parts.append(f"{_duration(self.left_s)} left")
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02} min"
        if hours
        else f"{minutes} min {rest:02} s"
        if minutes
        else f"{rest} s"
    )

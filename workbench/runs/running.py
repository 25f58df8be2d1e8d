"""Rows × prompts × models × repeats: asked, stored, and made into OUTPUTS."""

import asyncio
import contextlib
import gc
import random
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from workbench.categories import category_of
from workbench.errors import BadKind, BadValue, is_number
from workbench.models.base import Call, Model, Usage
from workbench.models.loops import run_apart
from workbench.prompts import Prompt
from workbench.runs import manifests
from workbench.runs.asking import Lane, Outcome, OutOfBudget, Retries
from workbench.runs.budgets import Budget, Purse, Spending
from workbench.runs.cells import Experiment, experiment
from workbench.runs.estimates import Estimate, estimated_run
from workbench.runs.limiting import Limiter
from workbench.runs.outputs import outputs_of
from workbench.runs.progress import Progress
from workbench.runs.rates import Rates, rates_of
from workbench.runs.store import Record, Store

if TYPE_CHECKING:
    import pandas as pd

    from workbench.pricing import Prices

# How often progress is told.
_TELL_S = 0.2


@overload
def run(rows: "pd.DataFrame", *, estimate: Literal[True], **options: Any) -> Estimate: ...  # noqa: ANN401
@overload
def run(rows: "pd.DataFrame", **options: Any) -> "pd.DataFrame": ...  # noqa: ANN401
def run(  # type: ignore[misc] # the options are those below
    rows: "pd.DataFrame",
    *,
    models: Sequence[Model] | Model,
    prompts: Sequence[Prompt] | Prompt | str = "{{ input }}",
    repeats: int = 1,
    store: str | Path | None = None,
    name: str | None = None,
    budget: Budget | None = None,
    prices: "Prices | None" = None,
    retries: Retries = Retries(),  # noqa: B008 - it is frozen
    retry_failures: bool = False,
    time_limit_s: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    estimate: bool = False,
    source: str | Path | None = None,
) -> "pd.DataFrame | Estimate":
    """Ask every model by every prompt about every row, and keep each answer.

    Parameters
    ----------
    rows : DataFrame
        ROWS; a prompt is filled from their columns.
    models : sequence of Model
        Whom to ask: `Endpoint`, `Function`, `Recorded`.
    prompts : sequence of Prompt, or str
        By what; a text is a template. By default the input as it is.
    repeats : int
        Answers per row and system.
    store : str or Path, optional
        A folder of runs, in which this run has a folder of its own; with it a run can be resumed
        by the same call. None keeps the answers in memory.
    name : str, optional
        The run's folder in `store`; the dataset's name by default.
    budget : Budget, optional
        The most that this call may spend; the worst case of each call is set aside before it is
        sent, as far as it is known (see `Budget`). What does not fit is not asked, and is said to
        be skipped.
    prices : Prices, optional
        What tokens cost; the shipped table by default.
    retries : Retries
        How calls that fail are tried again.
    retry_failures : bool
        Whether cells that failed in an earlier start are asked again.
    time_limit_s : float, optional
        Seconds after which the run ends; what is not asked by then is skipped.
    progress : callable, optional
        Called now and then with a `Progress`.
    estimate : bool
        Say what the run would take instead of running it.
    source : str or Path, optional
        The file that started the run, for its manifest.

    Returns
    -------
    DataFrame
        OUTPUTS, one for each row, system and repeat, and further `category` (what became of it),
        `reasoning_tokens`, `first_token_s`, `usage_source` ("reported" or "estimated") and
        `attempts`. `attrs["run"]` is the run's folder.

    Raises
    ------
    BadKind
        If an argument is of another kind.
    BadValue
        If a prompt needs a column that a row lacks, two models or prompts share a name, the budget
        cannot be held (no price, no limit of tokens), or the first calls are denied.
    Unreadable
        If the folder cannot be written; what was stored is kept.

    Warns
    -----
    RuntimeWarning
        If a model has no price: then its cost is missing, never nought.

    Notes
    -----
    An answer is stored before it is counted, under a key of who was asked what for the which time:
    an interrupted or killed run repeats no call whose answer was stored, and a changed prompt asks
    only its own cells again. The answers of a folder can be read later by `wb.runs.read`.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "two and two"}, {"input": "three"}])
    >>> echo = wb.Function(lambda messages: messages[-1]["content"], name="echo")
    >>> outputs = wb.run(rows, models=[echo], prompts=[wb.Prompt.of("Say {{ input }}", name="say")])
    >>> outputs[["system", "text", "category"]]
           system             text category
    0  echo · say  Say two and two       ok
    1  echo · say        Say three       ok
    """
    from workbench.prompts import read as read_prompts

    _require(rows, budget, prices, retries, time_limit_s)
    chosen: list[Any] = [models]  # of whatever kind: `experiment` looks
    if isinstance(models, Iterable) and not isinstance(models, str):
        chosen = list(models)
    asked = [prompts] if isinstance(prompts, Prompt) else read_prompts(prompts)
    made = experiment(rows, chosen, asked, repeats)
    dataset = str(rows.attrs.get("name", "rows"))
    rates = rates_of(made.models, prices, budget or Budget())
    folder = None if store is None else _folder(Path(store), name or dataset)
    with Store(None if estimate and folder and not folder.exists() else folder) as kept:
        if estimate:
            kept.sketch(made.cells())
            return estimated_run(made, kept, rates, again=retry_failures)
        if folder:
            told = manifests.manifest(made, folder.name, rates, dataset=dataset, source=source)
            manifests.write(folder, told)
        kept.plan(made.cells())
        purse = Purse(budget or Budget())
        job = _Job(made, kept, purse, rates, retries, retry_failures, time_limit_s, progress)
        with _collecting_seldom():
            run_apart(job.work())
        skipped = job.stopped or "the run ended before it"
        outputs = outputs_of(kept.records(), rates, skipped=skipped)
    outputs.attrs |= {"name": dataset, "run": str(folder) if folder else None}
    return outputs


def _require(
    rows: object, budget: object, prices: object, retries: object, limit: float | None
) -> None:
    """Refuse options of another kind before anything is made of them."""
    import pandas as pd

    from workbench.pricing import Prices

    dollars = budget if is_number(budget) else 2
    for what, value, kind, advice in (
        ("rows must be a DataFrame", rows, pd.DataFrame, "read them by wb.read"),
        ("budget must be a Budget", budget, Budget | None, f"use wb.Budget(dollars={dollars})"),
        ("prices must be Prices", prices, Prices | None, "read them by wb.pricing.Prices.read"),
        ("retries must be Retries", retries, Retries, "use wb.runs.Retries(attempts=3)"),
    ):
        if not isinstance(value, kind):
            raise BadKind(f"{what}, but {type(value).__name__} came; {advice}.")
    if limit is not None and not (is_number(limit) and limit >= 0):
        raise BadValue(
            f"time_limit_s must be a number of at least 0, but {limit!r} came; leave it out for no limit."
        )


@contextlib.contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let Python look for garbage less often: a call makes much that ends with it, and no garbage."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], 20_000) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _folder(store: Path, name: str) -> Path:
    """Return a run's folder; a name is no path."""
    safe = "".join(
        letter if letter.isalnum() or letter in "._- " else "-" for letter in name
    ).strip(". ")
    if not safe:
        raise BadValue(
            f"a run must have a name that a folder can have, but {name!r} came; pass name=."
        )
    return store / safe[:100]


@dataclass
class _Job:
    """One start of a run."""

    made: Experiment
    store: Store
    purse: Purse
    rates: Rates
    retries: Retries
    retry_failures: bool
    time_limit_s: float | None
    progress: Callable[[Progress], None] | None
    stopped: str = ""
    n_done: int = 0
    n_failed: int = 0
    n_stored: int = 0
    lanes: list[Lane] = field(default_factory=list)
    begun_at: float = field(default_factory=time.monotonic)
    told_at: float = 0.0
    answered: set[str] = field(default_factory=set)

    async def work(self) -> None:
        """Ask what is not answered yet."""
        self._settled = asyncio.Event()
        self._count_stored()
        try:
            async with (
                contextlib.AsyncExitStack() as open_models,
                asyncio.timeout(self.time_limit_s),
            ):
                for model in self.made.models:
                    if self._open_cells(model):
                        self.lanes.append(
                            self._lane(
                                model, await open_models.enter_async_context(model.connect())
                            )
                        )
                async with asyncio.TaskGroup() as group:
                    for lane in self.lanes:
                        cells = self.store.open_cells(lane.model.name, again=self.retry_failures)
                        for _ in range(min(lane.model.concurrency, self.made.n_cells)):
                            group.create_task(self._drive(lane, cells))
        except TimeoutError:
            self.stopped = f"the time limit of {self.time_limit_s:g} s came first"
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._tell(always=True)

    def _open_cells(self, model: Model) -> bool:
        return next(self.store.open_cells(model.name, again=self.retry_failures), None) is not None

    def _count_stored(self) -> None:
        counts = dict(self.store.counts())
        n_failed = self.store.n_failed()
        self.n_stored = sum(n for category, n in counts.items() if category)
        if self.retry_failures:
            self.n_stored, n_failed = self.n_stored - n_failed, 0
        self.n_done, self.n_failed = self.n_stored, n_failed
        self._tell()

    def _lane(self, model: Model, ask: Any) -> Lane:  # noqa: ANN401 - see Ask
        limiter = Limiter(model.concurrency)
        if self.purse.is_limited and not model.is_billed:
            limiter.limit = 1.0  # its first answer tells whether it takes anything
        return Lane(
            model,
            ask,
            limiter,
            self.rates.price(model),
            self.purse,
            self.retries,
            random.Random(),  # noqa: S311 - spreads calls in time, and must differ between processes
            self._settled.set,
        )

    async def _drive(self, lane: Lane, cells: Generator[tuple[int, bytes]]) -> None:
        """Ask one cell after the other, beside others that do the same, while the limiter admits."""
        while True:
            await lane.limiter.acquire()
            try:
                place, key = next(cells, (-1, b""))
                if place < 0:
                    return
                await self._ask(lane, self.made.call(place), key)
            except OutOfBudget:
                cells.close()
                return
            finally:
                lane.limiter.release()

    async def _hold(self, lane: Lane, call: Call) -> Spending:
        """Set the worst case of a call aside; wait while calls under way may leave room."""
        while not self.purse.hold(worst := lane.worst(call)):
            if not self.purse.held.calls:
                self.stopped = "the budget had no room for it"
                raise OutOfBudget
            self._settled.clear()
            await self._settled.wait()
        return worst

    async def _ask(self, lane: Lane, call: Call, key: bytes) -> None:
        """Ask, and store what comes; the place is kept until it is on the disk.

        So no more answers can be lost than are in flight.
        """
        worst = await self._hold(lane, call)
        try:
            outcome = await lane.answer(call, worst)
        except OutOfBudget:
            self.stopped = "the budget had no room for another try"
            return
        self._refuse_denied(lane.model, outcome)
        record = _record(key, call, outcome)
        await self.store.put(record)
        self.n_done += 1
        self.n_failed += record.fault is not None
        self._tell()

    def _refuse_denied(self, model: Model, outcome: Outcome) -> None:
        """End the run if the first answers of an endpoint are that it will not have us."""
        if outcome.failure is None:
            self.answered.add(model.name)
        elif outcome.failure.fault == "denied" and model.name not in self.answered:
            raise BadValue(
                f"{model!r} must accept our calls, but it says {outcome.failure.reason!r}; check its address, "
                "its model's name and its key."
            )

    def _tell(self, *, always: bool = False) -> None:
        now = time.monotonic()
        if self.progress and (always or now - self.told_at > _TELL_S):
            self.told_at = now
            spent = self.purse.spent
            self.progress(
                Progress(
                    self.made.n_cells,
                    self.n_done,
                    self.n_failed,
                    self.n_stored,
                    spent.calls,
                    spent.tokens,
                    spent.dollars if self.rates.are_known else None,
                    sum(lane.limiter.in_flight for lane in self.lanes),
                    now - self.begun_at,
                )
            )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error that somebody can do something about."""
    leaves: list[BaseException] = []
    for each in errors.exceptions:
        leaves.append(_first(each) if isinstance(each, BaseExceptionGroup) else each)
    return leaves[0]


def _record(key: bytes, call: Call, outcome: Outcome) -> Record:
    """Return what is stored of a call."""
    answer, failure = outcome.answer, outcome.failure
    text = answer.text if answer else None
    usage: Usage | None = answer.usage if answer else None
    error = failure.reason if failure else None
    category = (
        "timeout"
        if failure and failure.fault == "timeout"
        else category_of(text, finish_reason=answer.finish_reason if answer else None, error=error)
    )
    if category == "ok" and _wants_json(call) and not _is_json(text):
        category = "parse_failure"
    return Record(
        key=key,
        text=text,
        finish_reason=answer.finish_reason if answer else None,
        category=category,
        error=error,
        fault=failure.fault if failure else None,
        model=answer.model if answer else None,
        input_tokens=usage.input_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        reasoning_tokens=usage.reasoning_tokens if usage else None,
        usage_source=usage.source if usage else None,
        latency_s=answer.latency_s
        if answer and answer.latency_s is not None
        else outcome.latency_s,
        first_token_s=answer.first_token_s if answer else None,
        recorded_cost_usd=answer.cost_usd if answer else None,
        attempts=outcome.attempts,
        answered_at=time.time(),
    )


def _wants_json(call: Call) -> bool:
    wanted = call.parameters.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in {"json_object", "json_schema"}


def _is_json(text: str | None) -> bool:
    import json

    try:
        json.loads(text or "")
    except (ValueError, RecursionError):
        return False
    return True

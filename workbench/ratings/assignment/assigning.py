"""Who rates what: from outputs to items, and from items to each rater's list.

All that is drawn is drawn by a keyed hash or a generator of its own from `seed`, so that the same
outputs in whatever order give the same items, and a seed is enough to replay who saw what where.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from workbench.display import counted, html_table, plain
from workbench.errors import BadKind, BadValue, some, unknown_name
from workbench.ratings.assignment.content import Item, Purpose, Shown
from workbench.ratings.assignment.sides import order

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Scores
    from workbench.ratings.assignment.material import Material
    from workbench.ratings.assignment.sampling import By, Chosen, Draw
    from workbench.ratings.tasks import Task

__all__ = ["Item", "Items", "Purpose", "Shown", "items", "order"]

_LONGEST_NAME = 200
_MOST_RATERS = 10_000
# So many raters are listed one by one.
_MOST_LINES = 50


@dataclass(frozen=True, repr=False, eq=False)
class Items:
    """What is rated, and by whom.

    Parameters
    ----------
    task : Task
        What is asked.
    items : tuple of Item
        Training first, in its order; the others in the order of their names.
    plan : mapping of str to tuple of str
        By rater, the names of the items in the order to come; empty for a pool.
    overlap : int
        How many raters rate each item.
    seed : int
        Of all that was drawn.
    left_out : mapping of str to int
        By reason, how many outputs have no place in an item.
    n_drawn : int
        How many outputs were drawn from several answers of their system to their row.
    """

    task: "Task"
    items: tuple[Item, ...]
    plan: Mapping[str, tuple[str, ...]]
    overlap: int
    seed: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    n_drawn: int = 0

    def __len__(self) -> int:
        return len(self.items)

    @property
    def frame(self) -> "pd.DataFrame":
        """One row per item: item_id row_id systems purpose raters output_ids propensity, slices."""
        import pandas as pd

        raters: dict[str, list[str]] = {}
        for rater, planned in self.plan.items():
            for item_id in planned:
                raters.setdefault(item_id, []).append(rater)
        records = [
            {
                "item_id": item.item_id,
                "row_id": item.row_id,
                "systems": item.systems,
                "purpose": item.purpose,
                "raters": tuple(raters.get(item.item_id, ())),
                "output_ids": item.output_ids,
                "propensity": item.propensity,
                # a slice may not hide a column
                **{name: at for name, at in item.where.items() if name not in _COLUMNS},
            }
            for item in self.items
        ]
        frame = pd.DataFrame(records)
        return frame.astype({"propensity": "float64"}) if len(frame) else frame

    def __repr__(self) -> str:
        counts: Counter[str] = Counter(item.purpose for item in self.items)
        besides = [
            f"{counts[purpose]} {said}"
            for purpose, said in (
                ("training", "for training"), ("gold", "of known answer"), ("check", "as checks"),
            )
            if counts[purpose]
        ]  # fmt: skip
        also = f"; besides, {' and '.join(besides)}" if besides else ""
        return f"{counted(counts['rate'], 'item')}{self._plan_in_words()}{also}{self._omissions()}"

    def _repr_html_(self) -> str:
        purposes = {item.item_id: item.purpose for item in self.items}
        body = []
        for rater, planned in list(self.plan.items())[:_MOST_LINES]:
            counts = Counter(purposes[item_id] for item_id in planned)
            body.append([plain(rater, width=60), *(counts[each] for each in get_args(Purpose))])
        if len(self.plan) > _MOST_LINES:
            body.append([f"and {len(self.plan) - _MOST_LINES} more", "", "", "", ""])
        header = ["rater", "to rate", "training", "gold", "checks"]
        return html_table(header, body, caption=repr(self))

    def _plan_in_words(self) -> str:
        each = f"{counted(self.overlap, 'rater')} each"
        if not self.plan:
            return f" in a pool, {each}"
        rated = {item.item_id for item in self.items if item.purpose == "rate"}
        loads = [sum(each in rated for each in planned) for planned in self.plan.values()]
        low, high = min(loads), max(loads)
        span = counted(low, "item") if low == high else f"{low}–{high} items"
        return f" for {counted(len(self.plan), 'rater')}, {each}, {span} a rater"

    def _omissions(self) -> str:
        drawn_from = (
            f"; {counted(self.n_drawn, 'output')} drawn from several" if self.n_drawn else ""
        )
        left_out = sum(self.left_out.values())
        reasons = ", ".join(
            f"{reason}" if len(self.left_out) == 1 else f"{count} {reason}"
            for reason, count in self.left_out.items()
        )
        return drawn_from + (
            f"; {counted(left_out, 'output')} left out ({reasons})" if left_out else ""
        )


_COLUMNS = frozenset(
    {"item_id", "row_id", "systems", "purpose", "raters", "output_ids", "propensity"}
)


def items(
    outputs: "pd.DataFrame",
    rows: "pd.DataFrame",
    task: "Task",
    *,
    raters: int | Sequence[str] = 1,
    overlap: int = 1,
    sample: int | None = None,
    by: "By" = "random",
    slices: str | Sequence[str] | None = None,
    scores: "Scores | pd.DataFrame | None" = None,
    ratings: "pd.DataFrame | None" = None,
    gold: "pd.DataFrame | Iterable[Mapping[str, Any]] | None" = None,
    checks: int | Mapping[str, int] = 0,
    training: int | None = None,
    pool: bool = False,
    seed: int = 0,
) -> Items:
    """Make items of outputs, and share them among raters.

    Parameters
    ----------
    outputs : DataFrame
        OUTPUTS. Those without a text or with an error are left out and counted; of several answers
        of a system to a row one is drawn.
    rows : DataFrame
        ROWS; columns `image` and `images` hold paths or data URIs of images to show.
    task : Task
        What is asked. It says how many outputs an item shows: 1, each output is an item; 2, each
        pair of systems on each row; more, on each row balanced tuples that show each output.
    raters : int or sequence of str
        How many raters ("r1", "r2", …), or their names.
    overlap : int
        How many of them rate each item, by balanced incomplete blocks.
    sample : int, optional
        How many items to take; by default all, which for tuples of three or more outputs is as few
        per row as show each output.
    by : {"random", "stratified", "disagreement", "information"}
        How to sample. "random": rows at random, and of them each system and each pair of systems as
        equally often as possible; for single outputs all outputs of a row before the next.
        "stratified": so within each combination of `slices`, by its share, at least one if there
        are not more of them than `sample`. "disagreement": where scores (`scores`) or else texts
        differ most; see `workbench.ratings.sampling.Apart`. "information": pairs of systems with
        probabilities by what a comparison would tell after `ratings`, logged as `propensity`.
    slices : str or sequence of str, optional
        Columns of `rows` for by="stratified".
    scores : Scores or DataFrame, optional
        SCORES for by="disagreement".
    ratings : DataFrame, optional
        RATINGS for by="information".
    gold : DataFrame or iterable of mapping, optional
        Items of known answer, for all raters; see `workbench.ratings.controls.gold_items`. The same
        outputs are not rated otherwise.
    checks : int or mapping
        Attention checks for each rater: ``{"silent": 3, "loud": 2}``, or a number of both, silent
        ones the larger half. Silent: one of the rater's own items again, one text made worse; loud:
        texts that say what to answer. In a pool so many in all.
    training : int, optional
        How many gold items, from the first, come before all others and with feedback.
    pool : bool
        Whether raters take items as they come, instead of by a plan.
    seed : int
        Of all that is drawn, at least 0.

    Returns
    -------
    Items

    Raises
    ------
    BadValue
        If there are fewer systems on all rows than an item shows, fewer raters than `overlap`,
        fewer items than `sample`, or an argument makes no sense.
    UnknownName
        If a row, a system, a question or a slice is unknown.

    Notes
    -----
    Numbers of items differ between raters by at most one, and so do those of a system within a
    rater's list by little; gold items and checks are spread evenly over the list and never first.
    Names of items and the order of a rater's items are keyed hashes, and say nothing of a system.

    Examples
    --------
    >>> import workbench as wb
    >>> from workbench.ratings import Task
    >>> rows = wb.read([{"input": "Guten Tag"}, {"input": "Danke"}, {"input": "Nein"}])
    >>> outputs = wb.outputs(rows, {"a": ["Good day", "Thanks", None], "b": ["Hi", "Ta", "No"]})
    >>> items(outputs, rows, Task.pairwise(), raters=["anna", "ben"], overlap=2)
    2 items for 2 raters, 2 raters each, 2 items a rater; 1 output left out (no text)
    """
    from workbench.ratings.assignment.controls import gold_items
    from workbench.ratings.assignment.material import gathered
    from workbench.ratings.assignment.planning import planned

    _whole("seed", seed, 0)
    names = _raters(raters)
    _whole("overlap", overlap, 1)
    if overlap > len(names) and not pool:
        raise BadValue(
            f"overlap must be at most the number of raters, {len(names)}, but {overlap} came; name "
            "more raters, or lower it."
        )
    material = gathered(outputs, rows, task, seed)
    known = _trained(gold_items(gold, material) if gold is not None else [], training)
    chosen = _chosen(
        material, known, sample=sample, by=by, slices=slices, scores=scores, ratings=ratings
    )
    rated = [
        material.item(
            row_id, [material.outputs[row_id][each] for each in systems], propensity=propensity
        )
        for row_id, systems, propensity in chosen
    ]
    made, plan = planned(material, rated, known, [] if pool else names, overlap, _n_checks(checks))
    shown = {output for item in made for output in item.outputs if output.n_repeats > 1}
    return Items(task, made, plan, overlap, seed, material.left_out, len(shown))


def _chosen(
    material: "Material",
    known: list[Item],
    *,
    sample: int | None,
    by: "By",
    slices: str | Sequence[str] | None,
    scores: "Scores | pd.DataFrame | None",
    ratings: "pd.DataFrame | None",
) -> list["Chosen"]:
    """Choose rows and systems; what is gold is not rated otherwise."""
    from workbench.ratings.assignment.sampling import By, Draw

    if by not in get_args(By):
        raise unknown_name("by", by, get_args(By))
    _fitting(by, sample, slices=slices, scores=scores, ratings=ratings)
    groups = {row_id: tuple(shown) for row_id, shown in material.outputs.items()}
    taken = {
        (item.row_id, item.systems)
        for item in known
        if all(output in material.outputs.get(item.row_id, {}).values() for output in item.outputs)
    }
    draw = Draw(groups, material.task.outputs, material.seed, taken)
    n_items = draw.size(draw.rows())
    if not n_items:
        raise _nothing(material)
    if sample is None:
        return draw.every()
    _whole("sample", sample, 1)
    if sample > n_items:
        raise BadValue(
            f"sample must be at most the number of items there are, {n_items}, but {sample} came; "
            "take fewer, or leave it out."
        )
    return _sampled(draw, material, sample, by, slices, scores, ratings)


def _sampled(
    draw: "Draw",
    material: "Material",
    n: int,
    by: "By",
    slices: str | Sequence[str] | None,
    scores: "Scores | pd.DataFrame | None",
    ratings: "pd.DataFrame | None",
) -> list["Chosen"]:
    from workbench.ratings.assignment import sampling

    if by == "stratified":
        return sampling.stratified(draw, _strata(material, slices), n)
    if by == "disagreement":
        texts = {
            row_id: {system: output.text for system, output in shown.items()}
            for row_id, shown in material.outputs.items()
        }
        return sampling.disagreeing(draw, sampling.Apart(texts, _score_frame(scores)), n)
    if by == "information":
        questions = [each.name for each in material.task.questions if each.kind == "preference"]
        if draw.k != 2 or not questions:
            raise BadValue(
                "by='information' must have a task with a preference between two outputs, but "
                f"{material.task.name!r} shows {draw.k} and asks for "
                f"{some([each.kind for each in material.task.questions])}; sample otherwise."
            )
        assert ratings is not None
        return sampling.informative(draw, _rating_frame(ratings), questions, n)
    return draw.fill(draw.rows(), n, whole=draw.k == 1)


def _trained(known: list[Item], training: int | None) -> list[Item]:
    """Turn the first gold items into training."""
    n = 0 if training is None else training
    _whole("training", n, 0)
    if n > len(known):
        raise BadValue(
            f"training must be at most the number of gold items, {len(known)}, but {n} came; give "
            "more gold items, or lower it."
        )
    return [replace(item, purpose="training") if at < n else item for at, item in enumerate(known)]


def _fitting(by: str, sample: int | None, **given: object) -> None:
    """Refuse arguments that would do nothing, and ways to sample that lack one."""
    if by != "random" and sample is None:
        raise BadValue(f"by={by!r} must come with sample=, the number of items to take; give it.")
    uses = {"slices": "stratified", "scores": "disagreement", "ratings": "information"}
    for name, use in uses.items():
        if given[name] is not None and by != use:
            raise BadValue(
                f"{name} must come with by={use!r}, but by={by!r} came; drop {name}, or change by."
            )
        if given[name] is None and by == use and name != "scores":
            raise BadValue(f"by={use!r} must come with {name}=, but none came; give it.")


def _strata(material: "Material", slices: str | Sequence[str] | None) -> dict[str, str]:
    """Return each row's combination of slices."""
    from workbench.ratings.assignment.material import slice_cell

    names = [slices] if isinstance(slices, str) else list(slices or ())
    known = {name for record in material.rows.values() for name in record}
    for name in names:
        if name not in known:
            raise unknown_name("a column in slices", name, sorted(map(str, known)))
    return {
        row_id: " · ".join(slice_cell(material.rows[row_id].get(name)) for name in names)
        for row_id in material.outputs
    }


def _score_frame(scores: "Scores | pd.DataFrame | None") -> "pd.DataFrame | None":
    from workbench.metrics import Scores
    from workbench.tables import SCORES

    frame: pd.DataFrame | None = scores.frame if isinstance(scores, Scores) else scores
    return None if frame is None else SCORES.check(frame, source="the scores given")


def _rating_frame(ratings: "pd.DataFrame") -> "pd.DataFrame":
    from workbench.tables import RATINGS

    return RATINGS.check(ratings, source="the ratings given")


def _nothing(material: "Material") -> BadValue:
    """Say why there is no item."""
    k, n_rows = material.task.outputs, len(material.rows)
    most = max(map(len, material.outputs.values()), default=0)
    if most >= k:
        return BadValue(
            "there must be outputs to rate besides the gold items, but none is left; give more."
        )
    return BadValue(
        f"task {material.task.name!r} shows {counted(k, 'output')} of different systems, so a row must "
        f"have as many, but none of {counted(n_rows, 'row')} has more than {most}; give outputs of more "
        "systems."
    )


def _raters(raters: int | Sequence[str]) -> list[str]:
    if isinstance(raters, int):
        _whole("raters", raters, 1)
        if raters > _MOST_RATERS:
            raise BadValue(f"raters must be at most {_MOST_RATERS:,}, but {raters:,} came.")
        return [f"r{at + 1}" for at in range(raters)]
    if isinstance(raters, (str, bytes)) or not isinstance(raters, Iterable):
        raise BadKind(
            f"raters must be a number or a list of names, but {raters!r} came; write a list."
        )
    names = list(raters)
    for name in names:
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= _LONGEST_NAME:
            raise BadValue(
                f"a rater's name must be text of 1 to {_LONGEST_NAME} characters, but {name!r} "
                "came; correct it."
            )
        if any("\ud800" <= mark <= "\udfff" for mark in name):
            raise BadValue(f"a rater's name must be text, but {name!r} holds half a character.")
    if not names or len(set(names)) < len(names):
        twice = [name for name, n in Counter(names).items() if n > 1]
        raise BadValue(
            f"raters must be at least one, each once, but {some(twice) or 'none'} came"
            f"{' twice' if twice else ''}; name each rater once."
        )
    return names


def _n_checks(checks: int | Mapping[str, int]) -> dict[str, int]:
    """Return how many silent and loud checks there are to be."""
    if isinstance(checks, Mapping):
        for name in checks:
            if name not in {"silent", "loud"}:
                raise unknown_name("a kind of check", name, ("silent", "loud"))
        numbers = {"silent": checks.get("silent", 0), "loud": checks.get("loud", 0)}
    else:
        _whole("checks", checks, 0)
        numbers = {"silent": checks - checks // 2, "loud": checks // 2}
    for name, number in numbers.items():
        _whole(f"checks[{name!r}]", number, 0)
    return numbers


def _whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BadValue(
            f"{name} must be a whole number, at least {least}, but {value!r} came; correct it."
        )

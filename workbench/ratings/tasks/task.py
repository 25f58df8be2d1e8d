"""Tasks: what raters are asked, in a few lines of Python or a small YAML file."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from workbench.display import html_table, plain
from workbench.errors import BadValue, some, unknown_name
from workbench.ratings.events import canonical
from workbench.ratings.tasks import entries, presets, task_files
from workbench.ratings.tasks.comparative import BestWorst, Preference, Ranking
from workbench.ratings.tasks.entries import seen
from workbench.ratings.tasks.examples import Example
from workbench.ratings.tasks.markdown_trees import markdown_tree
from workbench.ratings.tasks.questions import LETTERS, Correction, Labels, Question, Scale, Text
from workbench.ratings.tasks.spans import Spans

Format: TypeAlias = Literal["plain", "markdown", "code"]
Direction: TypeAlias = Literal["auto", "ltr", "rtl"]

_KINDS: Mapping[str, type[Question]] = {
    kind.kind: kind
    for kind in (Scale, Preference, Ranking, BestWorst, Labels, Spans, Text, Correction)
}
_LONGEST = 100_000


@dataclass(frozen=True)
class Task:
    """What raters are asked, and how the outputs are shown to them.

    Parameters
    ----------
    name : str
        The task's name: a letter, then letters, digits, "_", "-" and ".".
    questions : sequence of Question
        What is asked about each item, in this order.
    title : str
        What raters see above it; the name when empty.
    instructions : str
        Markdown.
    outputs : int
        How many outputs an item shows, 1 to 26.
    source, reference : bool
        Whether the input and the first reference are shown.
    diff : bool
        Whether the words in which texts differ can be marked.
    format : "plain", "markdown" or "code"
        How the texts are shown.
    direction : "auto", "ltr" or "rtl"
        How they run; "auto" goes by their first letters.
    examples : sequence of Example or mapping
        Examples beside the instructions.
    skip_reasons : sequence of str
        Why an item may be skipped; without any none can be.
    comments : bool
        Whether raters can comment on an item.

    Examples
    --------
    >>> task = Task("summaries", [Scale("fluency", 1, 5), Correction("better", required=False)])
    >>> task
    Task 'summaries' (version 79d3d63900dd), one output
      fluency: a number from 1 to 5
      better: the text corrected (optional)
    >>> Task.from_dict(task.to_dict()) == task
    True
    """

    kinds: ClassVar[Mapping[str, type[Question]]] = _KINDS

    name: str
    questions: Sequence[Question]
    title: str = field(default="", kw_only=True)
    instructions: str = field(default="", kw_only=True)
    outputs: int = field(default=1, kw_only=True)
    source: bool = field(default=True, kw_only=True)
    reference: bool = field(default=False, kw_only=True)
    diff: bool = field(default=False, kw_only=True)
    format: Format = field(default="plain", kw_only=True)
    direction: Direction = field(default="auto", kw_only=True)
    examples: Sequence[Example] = field(default=(), kw_only=True)
    skip_reasons: Sequence[str] = field(
        default=("I cannot judge this", "The text is broken"), kw_only=True
    )
    comments: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        entries.name(self.name, "the name of a task")
        if self.title != "":
            self._set("title", entries.line(self.title, self._of("title")))
        self._set(
            "instructions", entries.prose(self.instructions, self._of("instructions"), _LONGEST)
        )
        self._set("outputs", entries.whole(self.outputs, self._of("outputs"), 1, len(LETTERS)))
        for part in ("source", "reference", "diff", "comments"):
            entries.flag(getattr(self, part), self._of(part))
        _known(self.format, self._of("format"), get_args(Format))
        _known(self.direction, self._of("direction"), get_args(Direction))
        self._set("examples", self._examples())
        reasons = entries.lines(self.skip_reasons, self._of("skip_reasons"), least=0, most=20)
        self._set("skip_reasons", reasons)
        self._set("questions", self._questions())

    @classmethod
    def from_dict(cls, record: object) -> "Task":
        """Return the task that `to_dict` wrote.

        Parameters
        ----------
        record : mapping
            The fields; what is left out is at its default.

        Raises
        ------
        BadValue
            If a field cannot be used.
        UnknownName
            If a key is not known; the nearest one is named.
        """
        given = entries.fields(record, "a task", cls)
        records = entries.several(given["questions"], "the questions of a task", 50)
        given["questions"] = [_question(each, at) for at, each in enumerate(records, 1)]
        return cls(**given)

    @classmethod
    def read(cls, path: str | Path) -> "Task":
        """Read a task from a YAML file of at most 1 MB.

        Raises
        ------
        Unreadable
            If the file cannot be opened.
        BadValue, UnknownName
            If it is not YAML, or no task; the message names the file and the place in it.
        """
        return task_files.named(path, lambda: cls.from_dict(task_files.read(path)))

    def to_dict(self) -> dict[str, Any]:
        """Return the task as JSON; what is at its default is left out."""
        # so that a field that a later version adds does not change what a task is
        given = {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if getattr(self, each.name) != each.default
        }
        given["questions"] = [question.to_dict() for question in self.questions]
        if self.examples:
            given["examples"] = [example.to_dict() for example in self.examples]
        return {key: entries.to_json(part) for key, part in given.items()}

    def to_yaml(self) -> str:
        """Return the task as the text of a YAML file."""
        return task_files.text(self.to_dict())

    def write(self, path: str | Path) -> None:
        """Write the task as a YAML file, whole or not at all."""
        task_files.write(path, self.to_yaml())

    @classmethod
    def likert(
        cls,
        name: str = "likert",
        *,
        criteria: Sequence[str] | Mapping[str, str] = ("quality",),
        low: float = 1,
        high: float = 5,
        labels: Mapping[float, str] | None = None,
        **fields: Any,  # noqa: ANN401 - any field of a task
    ) -> "Task":
        """Return a task that asks for a number on each of several criteria.

        Parameters
        ----------
        name : str
            The task's name.
        criteria : sequence of str, or mapping of str to str
            The names of the scales, or their names and what each asks.
        low, high : float
            The ends of each scale.
        labels : mapping of number to str, optional
            Anchors; from "very bad" to "very good" on 1 to 5.
        **fields
            Other fields of the task.

        Examples
        --------
        >>> Task.likert(criteria=["fluency", "coverage"])
        Task 'likert' (version 7caf2e7829f9), one output
          fluency: a number from 1 to 5
          coverage: a number from 1 to 5
        """
        return cls(name, presets.likert(criteria, low, high, labels), **fields)

    @classmethod
    def mqm(cls, name: str = "mqm", **fields: Any) -> "Task":  # noqa: ANN401 - any field of a task
        """Return a task that asks for errors with the categories and weights of MQM at WMT.

        References
        ----------
        Freitag et al. (2021), "Experts, Errors, and Context", TACL 9, tables 2 and 4; the WMT 2023
        ratings, in which a source error and a creative reinterpretation weigh nothing.
        """
        return cls(name, presets.mqm(), **fields)

    @classmethod
    def esa(cls, name: str = "esa", **fields: Any) -> "Task":  # noqa: ANN401 - any field of a task
        """Return a task that asks for errors without categories, then for a score of 0 to 100.

        References
        ----------
        Kocmi et al. (2024), "Error Span Annotation", WMT.
        """
        return cls(name, presets.esa(), **fields)

    @classmethod
    def pairwise(
        cls,
        name: str = "pairwise",
        *,
        text: str = "Which is better?",
        strength: int = 1,
        tie: bool = True,
        both_bad: bool = False,
        **fields: Any,  # noqa: ANN401 - any field of a task
    ) -> "Task":
        """Return a task that asks which of two outputs is better.

        Parameters
        ----------
        name, text : str
            The task's name, and what is asked.
        strength, tie, both_bad
            As in `Preference`.
        **fields
            Other fields of the task.
        """
        better = Preference("better", text=text, strength=strength, tie=tie, both_bad=both_bad)
        return cls(name, [better], outputs=2, **fields)

    @classmethod
    def best_worst(
        cls,
        name: str = "best-worst",
        *,
        text: str = "Which is the best, and which the worst?",
        outputs: int = 4,
        **fields: Any,  # noqa: ANN401 - any field of a task
    ) -> "Task":
        """Return a task that asks for the best and the worst of several outputs.

        References
        ----------
        Kiritchenko and Mohammad (2017), "Best-Worst Scaling More Reliable than Rating Scales", ACL.
        """
        return cls(name, [BestWorst("ends", text=text)], outputs=outputs, **fields)

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that are the same for the same content."""
        return hashlib.sha256(canonical(self.to_dict()).encode("utf-8")).hexdigest()[:12]

    def shown(self) -> dict[str, Any]:
        """Return what the browser gets: every field as JSON, Markdown as trees."""
        parts = {
            each.name: entries.to_json(getattr(self, each.name))
            for each in dataclasses.fields(self)
            if each.name not in {"questions", "examples", "instructions"}
        }
        return {
            **parts,
            "title": self.title or self.name,
            "instructions": markdown_tree(self.instructions),
            "questions": [question.shown() for question in self.questions],
            "examples": [each.shown(markdown=self.format == "markdown") for each in self.examples],
        }

    def __repr__(self) -> str:
        lines = [
            f"  {each.name}: {plain(each.summary(), width=160)}{'' if each.required else ' (optional)'}"
            for each in self.questions
        ]
        return "\n".join([self._caption(), *lines])

    def _repr_html_(self) -> str:
        body = [
            [
                each.name,
                each.kind,
                plain(each.text, width=200) or "–",
                plain(each.summary(), width=200),
                "yes" if each.required else "no",
            ]
            for each in self.questions
        ]
        header = ["question", "kind", "asks", "answer", "required"]
        return html_table(header, body, caption=self._caption())

    def _caption(self) -> str:
        count = "one output" if self.outputs == 1 else f"{self.outputs} outputs"
        return f"Task {self.name!r} (version {self.version}), {count}"

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _of(self, part: str) -> str:
        return f"{part!r} of task {self.name!r}"

    def _examples(self) -> tuple[Example, ...]:
        given = entries.several(self.examples, self._of("examples"), 50)
        return tuple(
            each
            if isinstance(each, Example)
            else Example(**entries.fields(each, f"example {at}", Example))
            for at, each in enumerate(given, 1)
        )

    def _questions(self) -> tuple[Question, ...]:
        questions = entries.several(self.questions, self._of("questions"), 50)
        if not questions:
            raise BadValue(f"task {self.name!r} must ask something, but no question came; add one.")
        for question in questions:
            if type(question) not in _KINDS.values():
                raise BadValue(
                    f"{self._of('questions')} must be questions, but {seen(question)} came; use "
                    "Scale, Preference, Ranking, BestWorst, Labels, Spans, Text or Correction."
                )
            self._check_fit(question)
        entries.once([each.name for each in questions], f"the names of {self._of('questions')}")
        return tuple(questions)

    def _check_fit(self, question: Question) -> None:
        """Refuse a question that the items of this task cannot answer."""
        fit = question.n_outputs
        if self.outputs not in fit:
            count = f"exactly {fit[0]}" if len(fit) == 1 else f"{fit[0]} or more"
            raise BadValue(
                f"question {question.name!r} ({question.kind}) needs {count} outputs, but task "
                f"{self.name!r} shows {self.outputs}; set 'outputs', or ask something else."
            )
        if isinstance(question, Spans) and "source" in question.sides and not self.source:
            raise BadValue(
                f"question {question.name!r} marks errors in the source, but task {self.name!r} does "
                "not show it; set 'source' to true, or leave \"source\" out of 'sides'."
            )


def _question(value: object, at: int) -> Question:
    """Return the question that a record describes."""
    what = f"question {at}"
    if not isinstance(value, Mapping):
        raise BadValue(
            f"{what} must be a mapping of keys to values, but {seen(value)} came; write one."
        )
    if "kind" not in value:
        raise BadValue(f"{what} must say its 'kind', one of {some(_KINDS, 9)}; add it.")
    kind = _KINDS[_known(value["kind"], f"the kind of {what}", _KINDS)]
    parts = entries.fields(value, f"{what} ({kind.kind})", kind, beside=("kind",))
    return kind(**{key: part for key, part in parts.items() if key != "kind"})


def _known(value: object, what: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    if not isinstance(value, str) or value not in known:
        came = plain(value, width=80) if isinstance(value, str) else seen(value)
        raise unknown_name(what, came, known)
    return value

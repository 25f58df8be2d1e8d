"""What changed between two prompts: words, roles and parameters."""

import html
import json
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from workbench.display import plain, visible
from workbench.errors import BadValue
from workbench.prompts.messages import Message
from workbench.prompts.prompt import Prompt
from workbench.prompts.reading import Source, read

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["same", "changed", "added", "removed", "role"]

# White space, and the variable, word or other mark behind it; or a line.
_WORDS = re.compile(r"(\s*)(\{\{.*?\}\}|\w+|[^\w\s]|$)")
_LINES = re.compile(r"()([^\n]*\n|[^\n]+)")
# Beyond so many words a text is compared by its lines, and beyond so many lines as a whole.
_MOST = 5_000
# Of what is the same between two changes, so many characters stay at each end.
_CONTEXT = 80

# Tints work on light and on dark pages, and the lines where there are no colours.
_STYLES = {
    "del": "background:rgba(205,70,60,0.22);text-decoration:line-through",
    "ins": "background:rgba(50,150,80,0.25);text-decoration:underline",
}
_CELL = "text-align:left;vertical-align:top"
_TEXT = f"{_CELL};white-space:pre-wrap;overflow-wrap:anywhere;min-width:20em"


class Stretch(NamedTuple):
    """What a text lost and got at one place; both are the same text where nothing changed."""

    old: str
    new: str


class Change(NamedTuple):
    """One message or parameter in both prompts."""

    part: str
    kind: Kind
    stretches: tuple[Stretch, ...]

    @property
    def old(self) -> str:
        """What stood in the old prompt."""
        return "".join(each.old for each in self.stretches)

    @property
    def new(self) -> str:
        """What stands in the new prompt."""
        return "".join(each.new for each in self.stretches)


class _HasPrompt(Protocol):
    @property
    def prompt(self) -> Prompt: ...


@dataclass(frozen=True)
class Difference:
    """What changed between two prompts.

    Parameters
    ----------
    old, new : Prompt
        What was compared.
    changes : tuple of Change
        Every message in order, then every parameter and default, by name; those that are the same
        among them.
    """

    old: Prompt
    new: Prompt
    changes: tuple[Change, ...]

    @property
    def same(self) -> bool:
        """Whether both ask the same: roles, texts, parameters and defaults."""
        return all(each.kind == "same" for each in self.changes)

    @property
    def frame(self) -> "pd.DataFrame":
        """What changed, one row per message or parameter: `part`, `kind`, `old`, `new`."""
        import pandas as pd

        rows = [(each.part, each.kind, each.old, each.new) for each in self._changed]
        return pd.DataFrame(rows, columns=["part", "kind", "old", "new"], dtype=object)

    @property
    def _changed(self) -> list[Change]:
        return [each for each in self.changes if each.kind != "same"]

    @property
    def _caption(self) -> str:
        names = [f"{each.name} ({each.digest[:8]})" for each in (self.old, self.new)]
        counted = f"{len(self._changed)} of {len(self.changes)} messages and parameters differ"
        return plain(f"{' → '.join(names)}: {'nothing differs' if self.same else counted}")

    def __repr__(self) -> str:
        told = [f"{plain(each.part)} ({each.kind})\n{_indented(each)}" for each in self._changed]
        return "\n".join([self._caption, *told])

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col" style="{_CELL}">{name}</th>' for name in ("part", "what", "text")
        )
        rows = "\n".join(
            f'<tr><td style="{_CELL}">{_escaped(plain(each.part))}</td>'
            f'<td style="{_CELL}">{each.kind}</td><td style="{_TEXT}">{_marked(each)}</td></tr>'
            for each in self._changed
        )
        return (
            '<figure class="mathjax_ignore tex2jax_ignore" style="margin:0">'
            f"<figcaption>{_escaped(self._caption)}</figcaption>\n"
            f'<div style="overflow-x:auto"><table>\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody>\n</table></div></figure>"
        )


def diff(old: Source | _HasPrompt, new: Source | _HasPrompt) -> Difference:
    """Say what changed between two prompts, word by word.

    Parameters
    ----------
    old, new : Prompt, version, path or template
        Whatever `read` makes one prompt of, or one of `versions`.

    Returns
    -------
    Difference
        Shown with what is gone as ``[-old-]`` and what came as ``{+new+}``, in a notebook struck through
        and underlined; `frame` has it as a table. Names and descriptions are not compared.

    Raises
    ------
    BadValue
        If a side is not one prompt.

    Examples
    --------
    >>> import workbench as wb
    >>> a = wb.Prompt.of("Use three sentences: {{ input }}", name="a", parameters={"temperature": 1})
    >>> b = wb.Prompt.of("Use two sentences: {{ input }}", name="b", parameters={"temperature": 0})
    >>> wb.prompts.diff(a, b)
    a (7a73e3a9) → b (c852d27f): 2 of 2 messages and parameters differ
    user (changed)
      Use [-three-]{+two+} sentences: {{ input }}
    parameter temperature (changed)
      [-1-]{+0+}
    """
    before, after = _one(old), _one(new)
    changes = [
        *_messages(before.messages, after.messages),
        *_values("parameter", before.parameters, after.parameters),
        *_values("default of", before.defaults, after.defaults),
    ]
    return Difference(before, after, tuple(changes))


def _one(side: object) -> Prompt:
    if isinstance(found := getattr(side, "prompt", side), Prompt):
        return found
    found = read(side)  # type: ignore[arg-type]  # which refuses what is no source
    if len(found) != 1:
        raise BadValue(
            f"each side of a difference must be one prompt, but {plain(side, width=60)!r} holds "
            f"{len(found)}; name the file."
        )
    return found[0]


def _messages(old: Sequence[Message], new: Sequence[Message]) -> Iterator[Change]:
    """Match messages by text, then by role, and yield what became of each."""
    for same, befores, afters in _matched(old, new, lambda each: (each.text, each.literal)):
        if same:
            yield from map(_of_roles, befores, afters)
            continue
        for alike, one, other in _matched(befores, afters, lambda each: each.role):
            if alike:
                yield from map(_of_texts, one, other)
                continue
            for each in one:
                yield Change(_part(each), "removed", (Stretch(each.text, ""),))
            for each in other:
                yield Change(_part(each), "added", (Stretch("", each.text),))


def _matched(
    old: Sequence[Message], new: Sequence[Message], key: Callable[[Message], Hashable]
) -> Iterator[tuple[bool, Sequence[Message], Sequence[Message]]]:
    """Yield stretches of two lists of messages, and whether they are alike in a key."""
    i = j = 0
    for a, b in common([key(each) for each in old], [key(each) for each in new]):
        yield False, old[i:a], new[j:b]
        yield True, old[a : a + 1], new[b : b + 1]
        i, j = a + 1, b + 1
    yield False, old[i:], new[j:]


def _part(message: Message) -> str:
    return f"{message.role} (example)" if message.literal else message.role


def _of_roles(old: Message, new: Message) -> Change:
    """Compare the roles of two messages of the same text."""
    stretches = (Stretch(old.text, new.text),)
    if old.role == new.role:
        return Change(_part(new), "same", stretches)
    return Change(f"{_part(old)} → {_part(new)}", "role", stretches)


def _of_texts(old: Message, new: Message) -> Change:
    """Compare the texts of two messages of the same role, which differ."""
    return Change(_part(new), "changed", tuple(_stretches(old.text, new.text)))


def _values(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        before, after = (
            json.dumps(each[name], sort_keys=True, ensure_ascii=False) if name in each else ""
            for each in (old, new)
        )
        kind: Kind = "added" if not before else "removed" if not after else "changed"
        if before == after:
            kind = "same"
        yield Change(f"{what} {name}", kind, (Stretch(before, after),))


def _stretches(old: str, new: str) -> Iterator[Stretch]:
    """Yield a text's stretches, same and changed in turn; a short one between changes is changed too."""
    found = [Stretch("", "")]
    for gone, came in _pieces(old, new):
        last = found[-1]
        if (gone == came) == (last.old == last.new):
            found[-1] = Stretch(last.old + gone, last.new + came)
        else:
            found.append(Stretch(gone, came))
    # as in `found`, what is at an odd place has changed
    kept = found[:1]
    for at, each in enumerate(found[1:], 1):
        last = kept[-1]
        follows = at % 2 == 1 or _is_chance(each, last, found[at + 1 : at + 2])
        if len(kept) % 2 == 0 and follows:
            kept[-1] = Stretch(last.old + each.old, last.new + each.new)
        else:
            kept.append(each)
    yield from kept


def _is_chance(same: Stretch, before: Stretch, after: Sequence[Stretch]) -> bool:
    """Tell whether less is the same than changed on both sides of it, as by chance in other words."""
    size = len(same.old)
    sides = [before, *after]
    return len(sides) == 2 and all(size <= min(len(each.old), len(each.new)) for each in sides)


def _pieces(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Yield what stands in two texts at the same place: words that match, and what is between them."""
    before, after = _cut(old, new)
    words = [[word for _, word in parts] for parts in (before, after)]
    i = j = 0
    for a, b in [*common(*words), (len(before), len(after))]:
        gone, came = before[i:a], after[j:b]
        if gone and came:  # the first white space apart, since it is often the same
            yield gone[0][0], came[0][0]
            gone[0], came[0] = ("", gone[0][1]), ("", came[0][1])
        yield _written(gone), _written(came)
        for (space, word), (other, _) in zip(before[a : a + 1], after[b : b + 1], strict=True):
            yield space, other
            yield word, word
        i, j = a + 1, b + 1


def _written(parts: Sequence[tuple[str, str]]) -> str:
    return "".join(space + word for space, word in parts)


def _cut(old: str, new: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Cut two texts into words, or, where these are many, into lines, or not at all."""
    for pattern in (_WORDS, _LINES):
        parts = pattern.findall(old), pattern.findall(new)
        if max(map(len, parts)) <= _MOST:
            return parts
    return [("", old)], [("", new)]


def common(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return the places of a longest common subsequence, in rows of bits.

    Python's own matcher takes minutes on two thousand words of which few are different.

    References
    ----------
    Hyyrö (2004), "Bit-parallel LCS-length computation revisited", section 3.

    Examples
    --------
    >>> common("abcd", "bd")
    [(1, 0), (3, 1)]
    """
    places: dict[Hashable, int] = {}
    for at, each in enumerate(old):
        places[each] = places.get(each, 0) | 1 << at
    every = (1 << len(old)) - 1
    rows = [every]
    for each in new:
        same = rows[-1] & places.get(each, 0)
        rows.append((rows[-1] + same | rows[-1] - same) & every)
    found, i, j = [], len(old), len(new)
    while i and j:
        if rows[j] >> (i - 1) & 1:
            i -= 1
        elif not rows[j - 1] >> (i - 1) & 1:
            j -= 1
        else:
            i, j = i - 1, j - 1
            found.append((i, j))
    return found[::-1]


def _shown(change: Change) -> Iterator[tuple[Literal["", "del", "ins"], str]]:
    """Yield what is shown of a change, each piece with the tag it stands in."""
    last = len(change.stretches) - 1
    for at, (old, new) in enumerate(change.stretches):
        if old == new:
            head = "" if at == 0 else old[:_CONTEXT]
            tail = "" if at == last else old[-_CONTEXT:]
            yield "", old if len(old) <= 2 * _CONTEXT else f"{head} … {tail}"
            continue
        if old:
            yield "del", old
        if new:
            yield "ins", new


def _indented(change: Change) -> str:
    marks = {"": "{}", "del": "[-{}-]", "ins": "{{+{}+}}"}
    text = "".join(marks[tag].format(each) for tag, each in _shown(change))
    return "\n".join(f"  {line}".rstrip() for line in visible(text, but="\n\t").split("\n"))


def _marked(change: Change) -> str:
    return "".join(
        f'<{tag} style="{_STYLES[tag]}">{_escaped(each)}</{tag}>' if tag else _escaped(each)
        for tag, each in _shown(change)
    )


def _escaped(text: str) -> str:
    return html.escape(visible(text, but="\n\t"))

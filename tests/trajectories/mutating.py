"""Logs broken on purpose: seeded mutations of their JSON values, their bytes and their packing.

What is put in bears a text or a number that stands nowhere else, so that its loss would show.
"""

import gzip
import json
import re
import runpy
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

_BREAKING = runpy.run_path(str(Path(__file__).with_name("breaking.py")))
BYTES, GZIPS, ZIPS = _BREAKING["BYTES"], _BREAKING["GZIPS"], _BREAKING["ZIPS"]
zipped, unzipped, _word = _BREAKING["zipped"], _BREAKING["unzipped"], _BREAKING["word"]
BOMBS = (_BREAKING["gzip_bomb"], _BREAKING["zip_bomb"])


class Mutation(NamedTuple):
    """A broken file, and what was done to it."""

    what: str
    data: bytes


def mutation(files: list[bytes], chance: Random, *, large: float = 0.02) -> Mutation:
    """Return one of some files, broken.

    Parameters
    ----------
    files : list of bytes
        Whole ones.
    chance : Random
        What decides.
    large : float
        The share of files that are broken by something large: a million letters, a bomb.
    """
    data = chance.choice(files)
    if chance.random() < large:
        return _largely(data, chance)
    family = chance.choices(["values", "bytes", "packing"], [60, 28, 12])[0]
    if family == "values":
        return _by_values(data, chance, VALUES)
    if family == "packing":
        breaker = chance.choice(ZIPS if data[:2] == b"PK" else GZIPS)
        return Mutation(breaker.__name__, breaker(data, chance))
    done = []
    for _ in range(chance.choice([1, 1, 2])):
        breaker = chance.choice(BYTES)
        data = breaker(data, chance)
        done.append(breaker.__name__)
    return Mutation(" + ".join(done), data)


def _largely(data: bytes, chance: Random) -> Mutation:
    if chance.random() < 0.6:
        return _by_values(data, chance, LARGE, n=1)
    breaker = BOMBS[data[:2] == b"PK"]
    return Mutation(breaker.__name__, breaker(data, chance))


def _by_values(data: bytes, chance: Random, breakers: list[Any], n: int | None = None) -> Mutation:
    done = []

    def breaks(text: bytes) -> bytes:
        document = Values.of(text)
        for _ in range(n or chance.choice([1, 1, 1, 2, 3, 8])):
            breaker = chance.choice(breakers)
            breaker(document, chance)
            done.append(breaker.__name__)
        return document.written(escaped=chance.random() < 0.5)

    if data[:2] == b"PK":
        entries = unzipped(data)
        at = chance.choice([at for at, each in enumerate(entries) if each.name.endswith(".json")])
        entries[at] = entries[at]._replace(data=breaks(entries[at].data))
        data = zipped(entries)
    else:
        data = breaks(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    if data[:2] != b"PK" and chance.random() < 0.05:
        data = gzip.compress(data, 1)
        done.append("gzip")
    return Mutation(" + ".join(done), data)


# --- JSON values

_MARK = re.compile(r'"@@raw (\d+)@@"')
_OF_IDS = re.compile(r"id$|uuid|parent|cause|ref", re.IGNORECASE)


@dataclass
class Values:
    """JSON values that are being broken; what Python's writer would refuse stands in them as marks."""

    values: list[Any]
    lines: bool
    raws: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: bytes) -> "Values":
        """Return the values of a document."""
        try:
            return cls([json.loads(text)], lines=False)
        except json.JSONDecodeError:
            return cls([json.loads(line) for line in text.splitlines() if line.strip()], lines=True)

    def raw(self, text: str) -> str:
        """Return a mark that is written as this JSON text."""
        self.raws.append(text)
        return f"@@raw {len(self.raws) - 1}@@"

    def places(self, kind: Any = object) -> list[tuple[Any, Any]]:
        """Return each member of a kind, as its parent and its key."""
        found: list[tuple[Any, Any]] = []
        stack: list[Any] = [self.values]
        while stack:
            parent = stack.pop()
            for key, each in parent.items() if isinstance(parent, dict) else enumerate(parent):
                if isinstance(each, kind):
                    found.append((parent, key))
                if isinstance(each, (dict, list)):
                    stack.append(each)
        return found

    def place(self, chance: Random, kind: Any = object) -> tuple[Any, Any]:
        """Return one of these places; one that does not matter where there is none."""
        return chance.choice(self.places(kind) or [([None], 0)])

    def written(self, *, escaped: bool) -> bytes:
        """Return the document."""
        text = "\n".join(json.dumps(each, ensure_ascii=escaped) for each in self.values)
        return _MARK.sub(lambda mark: self.raws[int(mark[1])], text).encode(
            "utf-8", "surrogatepass"
        )


def _number(chance: Random) -> Any:
    whole = chance.randrange(10**7, 10**9)
    return chance.choice([whole, -whole, whole / 8 + 0.03125, whole * 10**11, whole * 1e30])


def other_kind(document: Values, chance: Random) -> None:
    """Put a value of any kind where something else stood."""
    word = _word(chance)
    parent, key = document.place(chance)
    parent[key] = chance.choice([
        None, True, False, word, _number(chance), _number(chance), [word], {word: word}, [], {}, "",
        [None], [[]], [[word]], {"type": word}, {"type": [word]}, {"role": {"a": word}}, {"id": [word]},
        {"content": [{"text": [word]}]}, {"text": _number(chance)}, [{"type": "text", "text": word}],
        0, -1, 0.5, 2**63, 2**63 - 1,
    ])  # fmt: skip


def odd_number(document: Values, chance: Random) -> None:
    """Put a number that JSON or a column does not know."""
    parent, key = document.place(chance, (int, float, str))
    parent[key] = document.raw(chance.choice(
        ["NaN", "Infinity", "-Infinity", "1e999", "-0.0", "1E-400", str(2**64), "9" * 400 + ".5"]
    ))  # fmt: skip


def odd_text(document: Values, chance: Random) -> None:
    """Put letters that are hard to store or to show into a text."""
    parent, key = document.place(chance, str)
    word, old = _word(chance), parent[key] or ""
    odd = chance.choice([
        "\u0000", "\u2028", "\u2029\u202e", "\r\n", "</script>", "\ufeff", "💥", "\ue000", "\\", '"', "\x7f",
    ])  # fmt: skip
    at = chance.randint(0, len(old))
    parent[key] = f"{old[:at]}{word}{odd}{old[at:]}"


def half_character(document: Values, chance: Random) -> None:
    """Put half of a surrogate pair into a text, as an escape."""
    parent, key = document.place(chance, str)
    half = chance.choice(["\\ud83d", "\\udc00", "\\uDBFF x", "\\ud83d\\ud83d"])
    parent[key] = document.raw(f'"{_word(chance)} {half}"')


def odd_time(document: Values, chance: Random) -> None:
    """Put a time that is none, or lies far away."""
    parent, key = document.place(chance, str)
    parent[key] = chance.choice([
        "2026-13-45T99:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "1969-12-31",
        "2026-11-28T01:02:03.123456789Z", "-1000000", "1" * 19, "18446744073709551616", "2026-W48-6",
    ])  # fmt: skip


def text_of_json(document: Values, chance: Random) -> None:
    """Put JSON, whole or broken, into a text, as arguments of tools are."""
    parent, key = document.place(chance, str)
    word = _word(chance)
    parent[key] = chance.choice([
        json.dumps({"a": word}), json.dumps([word, 1.5]), '{"a": "' + word, f'{{"a": 1, "a": "{word}"}}',
        f'{{"a": "{word} \\ud83d"}}', f"{{'a': '{word}'}}", f'"{word}"', f'[NaN, "{word}"]', "null", "[",
        f'[{{"role": "user", "parts": [{{"type": "text", "content": "{word}", "b": 71234567}}]}}]',
        "[" * 3000 + f'"{word}"' + "]" * 3000, "(" * 300 + f"'{word}'" + ")" * 300, "9" * 5000,
    ])  # fmt: skip


def nested(document: Values, chance: Random) -> None:
    """Put a value deep down."""
    _nest(document, chance, chance.choice([10, 60, 190, 210, 990, 3000]))


def missing(document: Values, chance: Random) -> None:
    """Take a member out."""
    parent, key = document.place(chance)
    del parent[key]


def doubled(document: Values, chance: Random) -> None:
    """Let a member of a list stand twice."""
    parent, key = _in_list(document, chance)
    parent.insert(chance.randint(0, len(parent)), json.loads(json.dumps(parent[key])))


def swapped(document: Values, chance: Random) -> None:
    """Let two values change places."""
    (one, at), (other, there) = document.place(chance), document.place(chance)
    mine, yours = json.dumps(one[at]), json.dumps(other[there])
    one[at] = json.loads(yours)
    if len(document.places()) < 5_000 and at in (one if isinstance(one, dict) else range(len(one))):
        other[there] = json.loads(mine)


def reordered(document: Values, chance: Random) -> None:
    """Let the members of a list stand in another order."""
    parent, key = document.place(chance, list)
    parent[key] = chance.sample(parent[key] or [], len(parent[key] or []))


def unknown_member(document: Values, chance: Random) -> None:
    """Give an object a member that its format does not know, or one of another object."""
    parent, key = document.place(chance, dict)
    names = [key for _, key in document.places() if isinstance(key, str)] or ["a"]
    name = chance.choice([_word(chance), chance.choice(names)])
    value = chance.choice([_word(chance), _number(chance), {"a": _word(chance)}, [_word(chance)]])
    (parent[key] or {}).setdefault(name, value)


def doubled_key(document: Values, chance: Random) -> None:
    """Let a key stand twice in an object, with another value."""
    parent, key = document.place(chance, dict)
    inner = parent[key] or {}
    if names := [name for name in inner if not name.startswith("@@")]:
        name = chance.choice(names)
        other = chance.choice(
            [_word(chance), _number(chance), [_word(chance)], {"b": _word(chance)}]
        )
        entries = list(inner.items())
        entries.insert(chance.randint(0, len(entries)), (document.raw(json.dumps(name)), other))
        parent[key] = dict(entries)


def renamed(document: Values, chance: Random) -> None:
    """Give a member another's name."""
    parent, key = document.place(chance, dict)
    inner = parent[key]
    if inner:
        names = [key for _, key in document.places() if isinstance(key, str)]
        old, new = chance.choice(list(inner)), chance.choice([*names, _word(chance), ""])
        parent[key] = {new if name == old else name: each for name, each in inner.items()}


def reused_ids(document: Values, chance: Random) -> None:
    """Give ids to others, so that some come twice and some parents stand in a circle."""
    places = [
        (parent, key) for parent, key in document.places((str, int))
        if isinstance(key, str) and _OF_IDS.search(key)
    ]  # fmt: skip
    for _ in range(chance.choice([1, 2, 8]) if places else 0):
        (one, at), (other, there) = chance.choice(places), chance.choice(places)
        one[at] = other[there]


def circle(document: Values, chance: Random) -> None:
    """Let things enclose each other."""
    owners: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for owner, key in document.places(str):
        if isinstance(key, str) and re.search(r"parent", key, re.IGNORECASE):
            own = next(
                (name for name in ("spanId", "span_id", "uuid", "id") if name in owner), None
            )
            if own:
                owners[own, key].append(owner)
    for (own, key), group in owners.items():
        for _ in range(chance.choice([1, 3])):
            one, other = chance.choice(group), chance.choice(group)
            one[key], other[key] = other[own], one[own]


VALUES = [
    other_kind, other_kind, other_kind, odd_number, odd_text, half_character, odd_time, text_of_json,
    nested, missing, missing, doubled, swapped, reordered, unknown_member, doubled_key, renamed,
    reused_ids, circle,
]  # fmt: skip


def _in_list(document: Values, chance: Random) -> tuple[Any, Any]:
    places = [(parent, key) for parent, key in document.places() if isinstance(parent, list)]
    return chance.choice(places or [([None], 0)])


def _nest(document: Values, chance: Random, depth: int) -> None:
    parent, key = document.place(chance)
    begin, end = chance.choice(
        [("[", "]"), ('{"a":', "}"), ('[{"content":', "}]"), ('[0,"b",', "]")]
    )
    parent[key] = document.raw(begin * depth + json.dumps(_word(chance)) + end * depth)


def nested_deeply(document: Values, chance: Random) -> None:
    """Put a value very deep down."""
    _nest(document, chance, chance.choice([10_000, 30_000, 100_000]))


def huge_text(document: Values, chance: Random) -> None:
    """Put a text of a million letters, of one kind or of JSON's own."""
    parent, key = document.place(chance, str)
    piece = chance.choice(
        ["x", " ", "\\", "[", '{"a":', "1", "é\n", "data:image/png;base64,", "a b "]
    )
    parent[key] = _word(chance) + piece * (10**6 // len(piece))


def huge_number(document: Values, chance: Random) -> None:
    """Put a number of ten thousand digits."""
    parent, key = document.place(chance, (int, float, str))
    digits = "".join(chance.choices("123456789", k=10_000))
    parent[key] = document.raw(chance.choice([digits, f"-{digits}", f"{digits}.5", f"0.{digits}"]))


def many(document: Values, chance: Random) -> None:
    """Let a member of a list stand some thousand times."""
    parent, key = _in_list(document, chance)
    text = json.dumps(parent[key])
    parent[key:key] = [json.loads(text) for _ in range(min(5_000, 500_000 // len(text)))]


LARGE = [nested_deeply, huge_text, huge_number, many]

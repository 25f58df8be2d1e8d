"""Look English words up in the lexicon, with the endings they have, and translate word for word."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import spanish_forms as forms


class Word(NamedTuple):
    """An entry of the lexicon, or what a rule has made of it."""

    en: str
    es: str
    pos: str
    gender: str = ""
    number: str = ""


Lexicon = dict[str, list[Word]]
END = Word("", "", "mark")

TOKEN = re.compile(r"\d+(?:[.:]\d+)*|'s|o'clock|[^\W\d_]+(?:-[^\W\d_]+)*|[^\w\s]")
CONTRACTIONS = (
    (r"\bcan't", "can not"),
    (r"\bwon't", "will not"),
    (r"n't\b", " not"),
    (r"'m\b", " am"),
    (r"'re\b", " are"),
    (r"'ve\b", " have"),
    (r"'ll\b", " will"),
    (r"'s been\b", " has been"),
    (r"'d better\b", " had better"),
    (r"'d\b", " would"),
    (r"\blet's\b", "let us"),
    (r"\b(it|that|what|where|who|there|here|he|she|how)'s\b", r"\1 is"),
)
BE = frozenset({"be", "am", "is", "are", "was", "were", "been"})
HAVE = frozenset({"have", "has", "had"})
PERSON = {"i": "1s", "we": "1p", "they": "3p"}
VERBAL = frozenset({"verb", "present", "past", "participle", "gerund", "modal", "aux"})
# the kinds of word that may follow a kind, likeliest first
LIKELY = {
    "det": ("noun", "adj", "state", "num"),
    "num": ("noun", "adj", "state"),
    "adj": ("noun", "adj"),
    "state": ("noun", "adj"),
    "subj": ("present", "past", "verb", "modal", "aux"),
    "noun": ("conj", "present", "state", "past", "noun"),
    "wh": ("modal", "present", "past", "noun", "verb"),
    "pron": ("present", "past", "state", "adj"),
    "modal": ("verb",),
    "to": ("verb",),
    "verb": ("pron", "gerund", "adj"),
    "present": ("pron", "gerund", "adj"),
    "past": ("pron", "gerund", "adj"),
    "prep": ("gerund", "pron", "noun"),
    "be": ("gerund", "state", "adj", "participle"),
    "have": ("participle", "det"),
}
# two kinds of one form: it is the first after these kinds or before those, and else the second
CONFUSED: tuple[tuple[str, str, set[str], set[str]], ...] = (
    ("past", "state", set(), {"det", "pron"}),
    ("subj", "pron", {"mark", "conj", "wh", "be"}, {"present", "past", "modal"}),
    ("conj", "prep", set(), {"subj"}),
    ("adv", "conj", set(), {"adj", "state", "adv"}),
    ("pron", "conj", {"mark", "prep", "be"}, {"mark", "prep"}),
)


def read_lexicon(path: Path) -> Lexicon:
    """Return the entries of `lexicon.tsv` by their English."""
    lexicon: Lexicon = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        word = Word(*line.split("\t"))
        lexicon.setdefault(word.en, []).append(word)
    return lexicon


def rewritten(text: str, rules: tuple[tuple[str, str], ...]) -> str:
    """Apply replacements to a text, one after the other."""
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    return text


def written(texts: list[str]) -> str:
    """Join words and marks, and begin with a capital."""
    text = re.sub(r" +([,.;:?!])", r"\1", " ".join(text for text in texts if text))
    return text[:1].upper() + text[1:]


def bases(form: str) -> Iterator[tuple[str, str]]:
    """Yield what an inflected English form may come from, with its ending."""
    if " " in form and form.endswith("s"):
        yield form[:-1], "s"  # seat belts
    head, space, rest = form.partition(" ")
    endings = (("ies", "y"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", ""), ("ed", "e"))
    for ending, instead in (*endings, ("ing", ""), ("ing", "e")):
        if head.endswith(ending):
            stem = head.removesuffix(ending)
            yield stem + instead + space + rest, ending[-1]
            if re.search(r"(\w)\1$", stem) and ending[-1] != "s":  # stopped, putting
                yield stem[:-1] + space + rest, ending[-1]


def inflected(form: str, lexicon: Lexicon) -> Iterator[Word]:
    """Yield entries for the regular plural of a noun and the regular forms of a verb."""
    made = {
        "s": (("present", forms.third),),
        "d": (("past", forms.preterite), ("participle", forms.participle)),
        "g": (("gerund", forms.gerund),),
    }
    for base, ending in bases(form):
        for word in lexicon.get(base, ()):
            if word.pos in ("noun", "day") and ending == "s":
                yield Word(form, forms.plural_phrase(word.es), word.pos, word.gender, "p")
            if word.pos == "verb":
                yield from (Word(form, make(word.es), pos) for pos, make in made[ending])


def find(form: str, lexicon: Lexicon) -> list[Word]:
    """Return the entries of a form, its own first, then those made of its base."""
    own = lexicon.get(form, [])
    known = {word.pos for word in own}
    made = {word.pos: word for word in reversed([*inflected(form, lexicon)])}
    return own + [word for pos, word in made.items() if pos not in known]


def capital(word: Word) -> str:
    """Return the Spanish of a word, with a capital when it is a name."""
    return word.es.capitalize() if word.pos == "name" else word.es


def word_for_word(text: str, lexicon: Lexicon) -> str:
    """Replace each word by the first entry of its form; leave unknown words as they are."""
    tokens = TOKEN.findall(rewritten(text, CONTRACTIONS))
    found = [find(token.lower(), lexicon) or [Word(token, token, "")] for token in tokens]
    return written([capital(entries[0]) for entries in found])


def pieces(text: str, lexicon: Lexicon) -> list[list[Word]]:
    """Cut a text into the longest pieces that the lexicon has; return the entries of each."""
    tokens = TOKEN.findall(text)
    found: list[list[Word]] = []
    while tokens:
        for size in range(min(5, len(tokens)), 0, -1):
            piece = " ".join(tokens[:size])
            # "i have" tells how to form a person; as a piece it would hide the verb from the rules
            entries = [word for word in find(piece.lower(), lexicon) if not tells_person(word)]
            if entries or size == 1:
                break
        kind = "" if piece[0].isalnum() else "mark"
        found.append(entries or [Word(piece, piece, kind)])
        tokens = tokens[size:]
    return found


def tells_person(word: Word) -> bool:
    """Say whether an entry tells the form of a person, as "i have" does."""
    return word.en.split()[0] in PERSON and " " in word.en and word.pos in VERBAL


def context(word: Word) -> str:
    """Return the kind of a word as far as it tells what may follow."""
    if word.en.endswith(" to") and word.pos in VERBAL:
        return "to"
    return "be" if word.en in BE else "have" if word.en in HAVE else word.pos


def chosen(entries: list[Word], before: str, after: list[Word]) -> Word:
    """Choose among the entries of a piece by the kinds of word before and after it."""
    by_pos = {word.pos: word for word in entries}
    ahead = {word.pos for word in after}
    if entries[0].en == "to":
        return Word("to", "", "to") if "verb" in ahead else entries[0]
    if before == "mark" and "verb" in by_pos and ahead & {"det", "pron"}:
        return by_pos["verb"]
    if "aux" in by_pos:
        return by_pos["aux"]
    if "det" in by_pos and len(by_pos) > 1:
        if ahead & {"noun", "adj", "state", "num", "day"}:
            return by_pos["det"]
        del by_pos["det"]
    describing = ("state", "adj") if "noun" in by_pos and "noun" in ahead else ()
    likely = (*settled(by_pos, before, ahead), *describing, *LIKELY.get(before, ()))
    return next((by_pos[kind] for kind in likely if kind in by_pos), next(iter(by_pos.values())))


def settled(by_pos: dict[str, Word], before: str, ahead: set[str]) -> list[str]:
    """Return the kinds that a form has in its place, where two of its kinds are easily confused."""
    return [
        first if before in earlier or ahead & later else second
        for first, second, earlier, later in CONFUSED
        if first in by_pos and second in by_pos
    ]


def tagged(text: str, lexicon: Lexicon) -> list[Word]:
    """Return one entry per piece of a text."""
    found = pieces(text, lexicon)
    before, words = "mark", []
    for entries, after in zip(found, [*found[1:], [END]], strict=True):
        word = chosen(entries, before, after)
        words.append(word._replace(es=capital(word)))
        before = before if word.pos == "adv" else context(word)
    return words

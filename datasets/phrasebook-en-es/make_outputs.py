"""Make `outputs.jsonl` anew: what six systems make of the English sentences.

None sees a reference. Run it from anywhere: `python make_outputs.py`. Where Debian's `apertium`
and `apertium-eng-spa` are missing, the outputs of apertium already recorded are kept; another
version of them than the card names may answer otherwise.

Sources: apertium, Forcada et al. (2011); repaired, rules of transfer as in Hutchins and Somers
(1992); memory, translation by analogy, Nagao (1984), with neighbours found by the cosine of their
character n-grams; memory_edit, the differing words of a neighbour replaced, after Koehn and
Senellart (2010).
"""

import json
import re
import shutil
import subprocess
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import small_rules
import word_list
from spanish_forms import agreed
from word_list import Lexicon, Word

import workbench as wb
from workbench import store

HERE = Path(__file__).resolve().parent
# of the neighbours less like the input than this, only three could be edited at all
SIMILAR = 0.6
# what agrees with a noun that is exchanged, and its masculine singular
ARTICLES = {
    "el": "el", "la": "el", "los": "el", "las": "el",
    "un": "un", "una": "un", "unos": "un", "unas": "un",
    "este": "este", "esta": "este",
}  # fmt: skip


def records(name: str) -> list[dict[str, str]]:
    """Read one of the folder's `.jsonl` files."""
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def apertium(inputs: list[str], row_ids: list[str]) -> list[str]:
    """Call apertium, or take what was recorded of it."""
    program = shutil.which("apertium")
    if program is None:
        recorded = {
            x["row_id"]: x["text"] for x in records("outputs.jsonl") if x["system"] == "apertium"
        }
        return [recorded[row_id] for row_id in row_ids]
    # an empty line keeps a sentence from being read as the next one's beginning
    made = subprocess.run(  # noqa: S603 - our own sentences, and no shell
        [program, "-u", "eng-spa"],
        input="\n\n".join(inputs),
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout
    return [" ".join(text.split()) for text in made.split("\n\n")]


def character_grams(texts: list[str]) -> np.ndarray:
    """Return unit vectors of the texts' 2- to 4-grams of characters, shape (n_texts, n_grams)."""
    padded = [f" {text.lower()} " for text in texts]
    bags = [
        Counter(t[at : at + n] for n in (2, 3, 4) for at in range(len(t) - n + 1)) for t in padded
    ]
    column = {gram: at for at, gram in enumerate(sorted(set().union(*bags)))}
    counts = np.zeros((len(bags), len(column)))
    for at, bag in enumerate(bags):
        for gram, count in bag.items():
            counts[at, column[gram]] = count
    unit: np.ndarray = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    return unit


def neighbours(inputs: list[str], english: list[str]) -> tuple[list[int], list[float]]:
    """Return the nearest sentence of the memory to each input, and how similar it is."""
    vectors = character_grams(inputs + english)
    # rounded, so that ties fall the same way on every machine
    similar = np.round(vectors[: len(inputs)] @ vectors[len(inputs) :].T, 9)
    return [int(at) for at in similar.argmax(axis=1)], [float(x) for x in similar.max(axis=1)]


def edited(text: str, english: str, spanish: str, lexicon: Lexicon) -> str | None:
    """Replace the words in which a neighbour differs; None where one cannot be replaced."""
    old, new = word_list.TOKEN.findall(english), word_list.TOKEN.findall(text)
    lowered = [[token.lower() for token in tokens] for tokens in (old, new)]
    matcher = SequenceMatcher(a=lowered[0], b=lowered[1], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        if kind != "replace" or b - a != d - c:
            return None
        for before, after in zip(old[a:b], new[c:d], strict=True):
            exchanged = with_exchanged(spanish, before, after, lexicon)
            if exchanged is None:
                return None
            spanish = exchanged
    return word_list.rewritten(spanish, small_rules.FUSED)


def with_exchanged(spanish: str, before: str, after: str, lexicon: Lexicon) -> str | None:
    """Replace the Spanish of one word by that of another, and let its article agree."""
    for old, new in same_kind(before, after, lexicon):
        pattern = rf"\b(?:({'|'.join(ARTICLES)}) )?{re.escape(old.es)}\b"
        if match := re.search(pattern, spanish, re.IGNORECASE):
            article = match[1] or ""
            if article and new.gender:
                article = agreed(ARTICLES[article.lower()], new.gender, new.number)
            put = f"{article} {new.es}".strip()
            put = put[:1].upper() + put[1:] if match[0][0].isupper() else put
            return spanish[: match.start()] + put + spanish[match.end() :]
    return None


def same_kind(before: str, after: str, lexicon: Lexicon) -> list[tuple[Word, Word]]:
    """Pair the entries of two words that are of one kind; a name stands for itself."""
    olds = word_list.find(before.lower(), lexicon) or [Word(before, before, "name")]
    news = word_list.find(after.lower(), lexicon) or [Word(after, after, "name")]
    return [
        (old, new._replace(es=word_list.capital(new)))
        for old in olds
        for new in news
        if old.pos == new.pos
    ]


def systems(inputs: list[str], row_ids: list[str]) -> dict[str, list[str]]:
    """Return what each system makes of the inputs."""
    lexicon = word_list.read_lexicon(HERE / "lexicon.tsv")
    memory = records("memory.jsonl")
    nearest, similar = neighbours(inputs, [pair["en"] for pair in memory])
    pairs = [memory[at] for at in nearest]
    repaired = [small_rules.repaired(text, lexicon) for text in inputs]
    return {
        "apertium": apertium(inputs, row_ids),
        "word_for_word": [word_list.word_for_word(text, lexicon) for text in inputs],
        "repaired": repaired,
        "memory": [pair["es"] for pair in pairs],
        "memory_edit": [
            (edited(text, pair["en"], pair["es"], lexicon) if score >= SIMILAR else None) or other
            for text, pair, score, other in zip(inputs, pairs, similar, repaired, strict=True)
        ],
        "copy": inputs,
    }


def main() -> None:
    """Write `outputs.jsonl` beside this script."""
    rows = wb.read(HERE)
    inputs, row_ids = list(rows["input"]), list(rows["row_id"])
    made = systems(inputs, row_ids)
    lines = [
        json.dumps({"row_id": row_id, "system": name, "text": text}, ensure_ascii=False)
        for row_id, *texts in zip(row_ids, *made.values(), strict=True)
        for name, text in zip(made, texts, strict=True)
    ]
    store.write_text(HERE / "outputs.jsonl", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

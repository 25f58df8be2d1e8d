"""Translate English into Spanish with a word list and small rules.

The rules know no meaning. They see to what a reader of the word list would put right first: the
order and agreement of noun phrases, the endings of verbs, pronouns, contractions and marks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import spanish_forms as forms
import word_list
from word_list import BE, END, HAVE, PERSON, VERBAL, Lexicon, Word

AUXILIARY = "am|is|are|was|were|do|does|did|have|has|had|can|could|will|would|shall|should|may|must"
SUBJECT = "i|you|he|she|it|we|they"
QUESTION = rf"(?:what|which|who|whose|where|when|why|how)(?: (?!(?:{SUBJECT}) )\w+)?"
DAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
OWNER = r"(?:(?:my|your|his|her|our|their|the) )?"
PARTED = "pick|turn|put|hand|take|threw|throw|let|fill"
OBJECT = r"me|him|her|it|us|them|this|that|(?:the|my|your) \w+"
HOUR = "(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
# English brought into the order of Spanish before any word is looked up
REORDERED = (
    (rf", (?:{AUXILIARY})(?: not)? (?:{SUBJECT})\?$", ", verdad?"),
    (r"'s (?=ready\b|here\b|not\b|an?\b|the\b)", " is "),
    (rf"({OWNER}\w+)'s (\w+)", r"the \2 of \1"),
    (r"\b(have|has|had) got\b", r"\1"),
    (r"\b(have|has|had) no\b", r"not \1"),
    (r"\b(?:am|is|are) going to\b", "will"),
    (rf"(^|[,;] |\b{QUESTION} |\b(?:so|but|and|or) )({AUXILIARY}) ({SUBJECT})\b", r"\1\3 \2"),
    (rf"\b({AUXILIARY}) (not|never|always|already|only|just)\b", r"\2 \1"),
    (rf"\b({PARTED}) ({OBJECT}) (up|down|in|off|away|out)\b", r"\1 \3 \2"),
    (r"\bnot (.*?)\bany(thing|body|one)\b", r"not \1no\2"),
    (r"\b((?:\w+ )?\w+) ago\b", r"hace \1"),
    (r"\beuros an? (?=\w)", "euros to the "),
    (r"\bfor (?=\w+ (?:year|month|week|day|hour|minute)s)", "during "),
    (r"\bon the (?=\w+(?:th|st|nd|rd) of )", "the "),
    (r"\b(?:at )?half past (\w+)", r"to las \1 y media"),
    (r"\b(?:at )?(\w+) past (\w+)", r"to las \2 and \1"),
    (r"\b(?:at )?a quarter to (\w+)", r"to las \1 menos cuarto"),
    (r"\bone o'clock", "la una"),
    (r"\b(\w+) o'clock", r"las \1"),
    (rf"\b(at|until|since|from) (?={HOUR}(?: in| until| and|[.,?!]|$))", r"\1 las "),
    (r"\bat (?=las? )", "to "),
    (rf"\b(?:on )?({DAY}) (?=morning|afternoon)", r"the \1 por the "),
    (rf"(?<!the )\b(?:on )?({DAY})\b", r"the \1"),
)
# put right at the end
FUSED = (
    (r"\ba el\b(?! mío)", "al"),
    (r"\bde el\b", "del"),
    (r"\bla agua\b", "el agua"),
    (r"\by (?=h?i[^ae])", "e "),
    (r"\bo (?=h?o)", "u "),
    (r"\bcon mí\b", "conmigo"),
)
NOMINAL = frozenset({"det", "num", "adj", "state", "noun", "day"})
FORMS = frozenset({"finite", "infinitive", "gerund", "command", "participle"})
NEARNESS = frozenset({"here", "there", "away", "outside", "at home", "where", "how far"})
PLACES = frozenset({"in", "on", "at", "under", "above", "behind", "near", "next to", "opposite"})
CLITIC = frozenset({"me", "le", "lo", "la", "se", "nos", "los"})
# the pronoun after a preposition, and verbs whose person is given something: le, not lo
STRESSED = {
    "me": "mí", "you": "usted", "him": "él", "her": "ella", "it": "él",
    "us": "nosotros", "them": "ellos",
}  # fmt: skip
GIVING = re.compile(r"d[aeé]r?$|di[cgj]|dec|ofre|tra[ei]|env|prest|m[uo]e?str|pregunt|compr")
PAST = {
    "dar": "dio", "decir": "dijo", "hacer": "hizo", "ir": "fue", "pedir": "pidió", "poner": "puso",
    "querer": "quiso", "saber": "supo", "tener": "tuvo", "traer": "trajo", "venir": "vino",
    "ver": "vio",
}  # fmt: skip


@dataclass
class Clause:
    """What the verbs of a clause need to know of it."""

    person: str = ""  # none before a command
    gender: str = "m"
    number: str = "s"
    tense: str = "present"
    wanted: str = "finite"
    open: bool = True  # no subject seen yet


class Near(NamedTuple):
    """What stands around a word: the Spanish before it, the English after it."""

    before: Word
    after: list[Word]
    lexicon: Lexicon

    @property
    def next_kind(self) -> str:
        """The kind of the next word that is not an adverb."""
        return next(word.pos for word in self.after if word.pos != "adv")


Handler = Callable[[Word, Clause, Near], list[Word]]
SPEAKER = {person: pronoun for pronoun, person in PERSON.items()}


def repaired(text: str, lexicon: Lexicon) -> str:
    """Translate sentence by sentence with all the rules."""
    sentences = re.findall(r"[^.?!]+[.?!]?", text)
    return " ".join(repaired_sentence(sentence.strip(), lexicon) for sentence in sentences)


def repaired_sentence(sentence: str, lexicon: Lexicon) -> str:
    """Translate one sentence with all the rules."""
    english = word_list.rewritten(sentence, word_list.CONTRACTIONS + REORDERED)
    words = verbs(noun_phrases(word_list.tagged(english, lexicon)), lexicon)
    spanish = word_list.written([word.es for word in clitics(words)])
    opened = marked(word_list.rewritten(spanish, FUSED))
    return re.sub(r"^[¿¡]?\w", lambda match: match[0].upper(), opened)


def noun_phrases(words: list[Word]) -> list[Word]:
    """Put each noun phrase into Spanish order and agreement."""
    done: list[Word] = []
    while words:
        size = phrase_length(words)
        after = words[size].pos if size < len(words) else "mark"
        if size:
            last = done[-1] if done else END
            subject = last.pos in ("mark", "conj", "wh", "adv", "aux", "phrase") or last.en in BE
            bare = subject and last.pos != "wh" and (after in VERBAL or last.en in BE)
            done += noun_phrase(words[:size], "subject" if subject else "noun", bare)
        else:
            done.append(words[0])
        words = words[size or 1 :]
    return done


def phrase_length(words: list[Word]) -> int:
    """Return how many words from here on make one noun phrase; none without a noun."""
    last = 0
    for at, word in enumerate(words):
        if word.pos not in NOMINAL:
            break
        if at and word.pos in ("det", "num") and words[at - 1].pos not in ("det", "num"):
            break
        if word.pos in ("noun", "day"):
            last = at + 1
    return last


def noun_phrase(words: list[Word], role: str, bare: bool) -> list[Word]:
    """Return determiners, the last noun as the head, its adjectives, then nouns joined by de."""
    *others, head = words
    if bare and words[0].pos not in ("det", "num"):
        others.insert(0, Word("the", "el", "det"))
    before = [word for word in others if word.pos in ("det", "num")]
    after = [word for word in reversed(others) if word.pos in ("adj", "state")]
    nouns = [word for word in others if word.pos in ("noun", "day")]
    return [
        *(fitted(word, head) for word in before),
        head._replace(pos=role),
        *(fitted(word, head) for word in after),
        *(Word("", f"de {noun.es}", "fixed") for noun in reversed(nouns)),
    ]


def fitted(word: Word, head: Word) -> Word:
    """Let a word agree with its noun; of numbers only one and the hundreds do."""
    if word.pos == "num" and word.es != "uno" and not word.es.endswith("cientos"):
        return word._replace(pos="fixed")
    return word._replace(es=forms.agreed(word.es, head.gender, head.number), pos="fixed")


def verbs(words: list[Word], lexicon: Lexicon) -> list[Word]:
    """Give each verb its ending, drop subject pronouns, and agree what is said of the subject."""
    clause, done = Clause(), [END]
    for at, word in enumerate(words):
        near = Near(done[-1], [*words[at + 1 :], END], lexicon)
        if word.pos in ("mark", "wh"):
            clause = Clause(person="3s" if word.pos == "wh" else "")
        if word.es == "que" and done[-1].pos in ("noun", "subject"):
            subject_seen(done[-1], clause)
        if is_subject(word, near):
            subject_seen(word, clause)
        if word.pos == "to" or (word.pos == "prep" and near.after[0].pos == "gerund"):
            clause.wanted = "infinitive"
        done += handler(word, near)(word, clause, near)
    return done[1:]


def is_subject(word: Word, near: Near) -> bool:
    """Say whether a word is the subject of what follows; "nobody" is, before a verb."""
    if word.pos != "pron":
        return word.pos in ("subj", "subject")
    free = word.en not in STRESSED and near.before.pos not in FORMS
    return free and near.after[0].pos in VERBAL


def subject_seen(word: Word, clause: Clause) -> None:
    """Remember the person, gender and number of a subject."""
    number = word.number or "s"
    clause.person = PERSON.get(word.en, "3" + number)
    clause.gender = "f" if word.en == "she" else word.gender or "m"
    clause.number = "p" if clause.person.endswith("p") else "s"
    clause.wanted, clause.open = "finite", False


def handler(word: Word, near: Near) -> Handler:
    """Return what to do with a word; be and have come before their kind."""
    if word.en in BE:
        return be
    if word.en in HAVE and word.pos != "participle" and near.next_kind == "participle":
        return have
    return HANDLERS.get(word.pos, kept)


def kept(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Keep a word as it is; a pronoun after a preposition is stressed."""
    if near.before.pos == "prep" and w.pos == "pron" and w.en in STRESSED:
        return [w._replace(es=STRESSED[w.en], pos="fixed")]
    return [w]


def dropped(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Leave a subject pronoun out."""
    return []


def marker(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Leave the to of an infinitive out after a verb; elsewhere it is para."""
    led = near.before.pos in (*FORMS, "state", "pron", "wh")
    return [] if led else [w._replace(es="para", pos="prep")]


def predicate(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Let an adjective agree with the noun just before it, or else with the subject."""
    if w.en == "the":
        return [w]
    if near.before.pos in ("noun", "subject"):
        return [w._replace(es=forms.agreed(w.es, near.before.gender, near.before.number))]
    return [w._replace(es=forms.agreed(w.es, clause.gender, clause.number))]


def auxiliary(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Leave do out before a verb, and remember its tense."""
    if w.en == "did":
        clause.tense = "past"
    clause_end = next(at for at, word in enumerate(near.after) if word.pos == "mark")
    if any(word.pos in ("verb", "aux") for word in near.after[:clause_end]):
        return []
    return verb(Word("do", "hacer", "verb"), clause, near)


def modal(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Turn will and would into a tense; other modals take a person and an infinitive."""
    if w.en in ("will", "shall", "would"):
        clause.wanted = "conditional" if w.en == "would" else "future"
        return []
    clause.wanted = "infinitive"
    person = clause.person or "3s"
    own = near.lexicon.get(f"{SPEAKER.get(person)} {w.en}")
    if own:
        return [w._replace(es=own[0].es, pos="finite")]
    return [w._replace(es=forms.past_in_person(w.es, person), pos="finite")]


def verb(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Give a verb the form that its clause wants."""
    wanted, clause.wanted = clause.wanted, "finite"
    if w.en.endswith(" to"):
        clause.wanted = "infinitive"
    if wanted == "infinitive":
        return [w._replace(pos="infinitive")]
    person = clause.person or "3s"
    if wanted in forms.ENDINGS:
        return [w._replace(es=forms.tensed(w.es, wanted, person), pos="finite")]
    if not clause.person and clause.tense == "present":
        first = present(w, "1s", near.lexicon)
        return [w._replace(es=forms.command(w.es, first), pos="command")]
    if clause.tense == "past":
        return [w._replace(es=forms.past_in_person(past(w), person), pos="finite")]
    return [w._replace(es=present(w, person, near.lexicon), pos="finite")]


def present(w: Word, person: str, lexicon: Lexicon) -> str:
    """Return a present form: an entry of its own, or made from the third person."""
    if own := lexicon.get(f"{SPEAKER.get(person)} {w.en}"):
        return own[0].es
    head, space, rest = w.en.partition(" ")
    thirds = ["has" if head == "have" else head + "s", head + "es", head.removesuffix("y") + "ies"]
    found = [x for form in thirds for x in lexicon.get(form + space + rest, ())]
    listed = [x.es for x in found if x.pos == "present"]
    return forms.in_person(listed[0] if listed else forms.third(w.es), person, w.es)


def past(w: Word) -> str:
    """Return the third person of the past of an infinitive."""
    head, reflexive, rest = forms.parts(w.es)
    irregular = PAST.get(head)
    return "se " * reflexive + irregular + rest if irregular else forms.preterite(w.es)


def finite(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Give a form of the present or the past its person."""
    clause.wanted = "infinitive" if w.en.endswith(" to") else "finite"
    if w.pos == "past":
        return [w._replace(es=forms.past_in_person(w.es, clause.person or "3s"), pos="finite")]
    return [w._replace(pos="finite")]


def be(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Choose estar before what passes and before places, ser before the rest."""
    skipped = ("adv", "fixed", "subject", "noun")
    ahead = next((word for word in near.after if word.pos not in skipped), END)
    passing = {near.next_kind, ahead.pos} & {"gerund", "state"} or ahead.en in PLACES
    close = any(word.en in NEARNESS for word in (near.before, *near.after[:2]))
    asked = [word for word in near.after if word.pos in ("subject", "noun")]
    if asked and clause.open:
        subject_seen(asked[0], clause)
    staying = passing or (close and ahead.en != "from")
    return auxiliary_form("estar" if staying else "ser", w, clause)


def have(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Return haber before a participle."""
    return auxiliary_form("haber", w, clause)


def auxiliary_form(infinitive: str, w: Word, clause: Clause) -> list[Word]:
    """Return a form of ser, estar or haber."""
    wanted, clause.wanted = clause.wanted, "finite"
    person = "1s" if w.en == "am" else clause.person or "3s"
    if w.en == "been":
        return [w._replace(es=forms.participle(infinitive), pos="participle")]
    if wanted == "infinitive":
        return [w._replace(es=infinitive, pos="infinitive")]
    if wanted in forms.ENDINGS:
        stem = "habr" if infinitive == "haber" else infinitive
        return [w._replace(es=forms.tensed(stem, wanted, person), pos="finite")]
    tense = "past" if w.en in ("was", "were", "had") or clause.tense == "past" else "present"
    form = forms.AUXILIARIES[infinitive][tense].split()[forms.PERSONS.index(person)]
    return [w._replace(es=form, pos="finite")]


def participle(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Let a participle agree with the subject, unless it follows have."""
    if near.before.en in HAVE:
        return [w]
    return [w._replace(es=forms.agreed(w.es, clause.gender, clause.number))]


def gerund(w: Word, clause: Clause, near: Near) -> list[Word]:
    """Keep a gerund after estar; after a preposition and as a subject it is an infinitive."""
    if near.before.en in BE or near.before.pos not in (*FORMS, "prep", "mark"):
        return [w]
    entries = [word for base, _ in word_list.bases(w.en) for word in near.lexicon.get(base, ())]
    found = [word for word in entries if word.pos == "verb"]
    if near.before.pos == "mark":
        clause.person = "3s"
    return [w._replace(es=found[0].es if found else w.es, pos="infinitive")]


HANDLERS: dict[str, Handler] = {
    "subj": dropped,
    "to": marker,
    "adj": predicate,
    "state": predicate,
    "det": predicate,
    "aux": auxiliary,
    "modal": modal,
    "verb": verb,
    "present": finite,
    "past": finite,
    "participle": participle,
    "gerund": gerund,
}


def clitics(words: list[Word]) -> list[Word]:
    """Put object pronouns before a finite verb, or join them to another form."""
    done: list[Word] = []
    for word in words:
        before = done[-1] if done else END
        if word.pos == "pron" and word.es in CLITIC and before.pos in FORMS:
            place(word, done)
        else:
            done.append(word)
    return done


def place(word: Word, done: list[Word]) -> None:
    """Find the place of a pronoun that follows a verb in English."""
    at = len(done) - 1
    if done[at].pos == "participle" and at:
        at -= 1
    before = done[at]
    pronoun = "le" if word.es == "lo" and GIVING.match(before.es) else word.es
    head, space, rest = before.es.partition(" ")
    if rest.endswith(("de", "con", "a")):
        done.append(word._replace(es=STRESSED.get(word.en, word.es), pos="fixed"))
    elif before.pos == "finite" or (at and done[at - 1].en == "not"):
        done.insert(at, Word("", pronoun, "fixed"))
    else:
        done[at] = before._replace(es=forms.joined(head, pronoun) + space + rest)


def marked(sentence: str) -> str:
    """Open a question where it begins, after an address or a phrase, and an exclamation at once."""
    if sentence.endswith("!"):
        return "¡" + sentence
    if not sentence.endswith("?"):
        return sentence
    pieces = re.split(r"(?<=[,;]) ", sentence)
    asks = [
        at
        for at, piece in enumerate(pieces)
        if piece in ("verdad?", "de acuerdo?")
        or (len(piece.split()) > 2 and not piece.startswith(("y ", "o ", "si ")))
    ]
    at = asks[-1] if asks else 0
    pieces[at] = "¿" + pieces[at]
    return " ".join(pieces)

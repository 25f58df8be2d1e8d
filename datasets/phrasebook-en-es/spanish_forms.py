"""Spanish endings: plurals, feminines, persons, tenses, commands, and pronouns joined to a verb.

Regular forms come from rules; irregular third persons are entries of the lexicon, from which the
other persons follow (tiene, tienen; fue, fueron).
"""

import re

PERSONS = ("1s", "3s", "1p", "3p")
REFLEXIVE = {"1s": "me", "3s": "se", "1p": "nos", "3p": "se"}
AUXILIARIES = {
    "ser": {"present": "soy es somos son", "past": "era era éramos eran"},
    "estar": {"present": "estoy está estamos están", "past": "estaba estaba estábamos estaban"},
    "haber": {"present": "he ha hemos han", "past": "había había habíamos habían"},
}
# third person of a past tense: what its ending becomes in the four persons, first match counts
PAST = (
    ("ía", "ía ía íamos ían"),
    ("era", "era era éramos eran"),
    ("fue", "fui fue fuimos fueron"),
    ("ió", "í ió imos ieron"),
    ("yó", "í yó ímos yeron"),
    ("ó", "é ó amos aron"),
    ("io", "i io imos ieron"),
    ("jo", "je jo jimos jeron"),
    ("o", "e o imos ieron"),
)
ENDINGS = {"future": "é á emos án", "conditional": "ía ía íamos ían"}
STEMS = {
    "tener": "tendr",
    "poder": "podr",
    "hacer": "har",
    "decir": "dir",
    "salir": "saldr",
    "venir": "vendr",
    "poner": "pondr",
    "querer": "querr",
    "saber": "sabr",
}
# masculine and feminine, then their plurals
DETERMINERS = {
    "el": "el la los las",
    "un": "un una unos unas",
    "este": "este esta estos estas",
    "ese": "ese esa esos esas",
    "cada": "cada cada cada cada",
}
COMMANDS = {"ir": "vaya", "dar": "dé", "ser": "sea", "estar": "esté", "saber": "sepa"}
ACUTE = dict(zip("aeiou", "áéíóú", strict=True))
PLAIN = {acute: vowel for vowel, acute in ACUTE.items()}


def plural(word: str) -> str:
    """Return the plural of a noun or an adjective."""
    if word[-1] in "aeiouáéó":
        return word + "s"
    if word.endswith("z"):
        return word[:-1] + "ces"
    if word[-2] in PLAIN:  # estación, estaciones
        return word[:-2] + PLAIN[word[-2]] + word[-1] + "es"
    one_vowel = len(re.findall(r"[aeiou]+", word)) == 1
    return word if word.endswith("s") and not one_vowel else word + "es"  # los lunes, los meses


def plural_phrase(phrase: str) -> str:
    """Return the plural of a noun with what belongs to it: cinturones de seguridad."""
    head, of, rest = phrase.partition(" de ")
    return " ".join(plural(word) for word in head.split()) + of + rest


def agreed(word: str, gender: str, number: str) -> str:
    """Return an adjective or a determiner in the gender and number of its noun."""
    first, _, last = word.rpartition(" ")  # más lento
    if last in DETERMINERS:
        return DETERMINERS[last].split()[(gender == "f") + 2 * (number == "p")]
    if gender == "f":
        last = re.sub(r"o(s?)$", r"a\1", last)
        last = re.sub(r"ún$", "una", last)
        last = re.sub(r"(prim|terc)er$", r"\1era", last)
        last = re.sub(r"és$", "esa", last)
    elif number == "p":
        last = re.sub(r"ún$", "uno", last)
    return f"{first} {plural(last) if number == 'p' else last}".strip()


def parts(infinitive: str) -> tuple[str, bool, str]:
    """Split `darse prisa` into the bare infinitive, whether it is reflexive, and the rest."""
    head, space, rest = infinitive.partition(" ")
    return head.removesuffix("se"), head.endswith("rse"), space + rest


def third(infinitive: str) -> str:
    """Return the regular third person of the present."""
    head, reflexive, rest = parts(infinitive)
    return "se " * reflexive + head[:-2] + ("a" if head.endswith("ar") else "e") + rest


def preterite(infinitive: str) -> str:
    """Return the regular third person of the past."""
    head, reflexive, rest = parts(infinitive)
    return "se " * reflexive + head[:-2] + ("ó" if head.endswith("ar") else "ió") + rest


def participle(infinitive: str) -> str:
    """Return the regular participle."""
    head, _, rest = parts(infinitive)
    return head[:-2] + ("ado" if head.endswith("ar") else "ido") + rest


def gerund(infinitive: str) -> str:
    """Return the regular gerund."""
    head, reflexive, rest = parts(infinitive)
    form = head[:-2] + ("ando" if head.endswith("ar") else "iendo")
    return (joined(form, "se") if reflexive else form) + rest


def in_person(form: str, person: str, infinitive: str = "") -> str:
    """Return another person of a third person of the present; the first plural is regular."""
    reflexive, verb, rest = _taken_apart(form)
    if person == "1p" and infinitive:
        verb = parts(infinitive)[0][:-1] + "mos"
    elif person == "1s":
        verb = first_person(verb[:-1], parts(infinitive)[0])
    elif person == "3p":
        verb += "n"
    return (REFLEXIVE[person] + " ") * reflexive + verb + rest


def first_person(stem: str, infinitive: str) -> str:
    """Spell the first person of the present: conozco, recojo."""
    if re.search(r"[aeiou]c[ei]r$", infinitive):
        stem = stem.removesuffix("c") + "zc"
    elif re.search(r"g[ei]r$", infinitive):
        stem = stem.removesuffix("g") + "j"
    return stem + "o"


def past_in_person(form: str, person: str) -> str:
    """Return another person of a third person of the past."""
    reflexive, verb, rest = _taken_apart(form)
    for ending, endings in PAST:
        if verb.endswith(ending):
            new = endings.split()[PERSONS.index(person)]
            verb = softened(verb.removesuffix(ending), new) + new
            break
    return (REFLEXIVE[person] + " ") * reflexive + verb + rest


def tensed(infinitive: str, tense: str, person: str) -> str:
    """Return a form of the future or the conditional."""
    head, reflexive, rest = parts(infinitive)
    verb = STEMS.get(head, head) + ENDINGS[tense].split()[PERSONS.index(person)]
    return (REFLEXIVE[person] + " ") * reflexive + verb + rest


def command(infinitive: str, first: str) -> str:
    """Return what one says to usted, made from the first person: tengo, tenga."""
    head, reflexive, rest = parts(infinitive)
    verb = _taken_apart(first)[1]
    vowel = "e" if head.endswith("ar") else "a"
    form = COMMANDS.get(head) or softened(verb[:-1], vowel if vowel == "e" else "") + vowel
    return (joined(form, "se") if reflexive else form) + rest


def softened(stem: str, ending: str) -> str:
    """Spell a stem so that it sounds the same before an ending in e: busque, pague, empiece."""
    if ending[:1] not in ("e", "é"):
        return stem
    for old, new in (("c", "qu"), ("g", "gu"), ("z", "c")):
        if stem.endswith(old):
            return stem.removesuffix(old) + new
    return stem


def joined(verb: str, pronoun: str) -> str:
    """Join a pronoun to an infinitive, a gerund or a command, with the accent this asks for."""
    if verb.endswith("r"):
        return verb + pronoun
    sounded = re.sub(r"([qg])u(?=[eéií])", r"\1-", verb)  # the u of pague is silent
    groups = list(re.finditer(r"[aeiouáéíóú]+", sounded))
    if len(groups) < 2 or any(letter in PLAIN for letter in verb):
        return "".join(PLAIN.get(letter, letter) for letter in verb) + pronoun
    group = groups[-2]
    strong = [at for at in range(*group.span()) if verb[at] in "aeo"] or [group.end() - 1]
    return verb[: strong[0]] + ACUTE[verb[strong[0]]] + verb[strong[0] + 1 :] + pronoun


def _taken_apart(form: str) -> tuple[bool, str, str]:
    """Split `se da prisa` into whether it is reflexive, the verb, and the rest."""
    match = re.fullmatch(r"((?:se|me|nos) )?(\S+)(.*)", form)
    assert match
    return bool(match[1]), match[2], match[3]

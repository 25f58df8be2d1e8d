"""What became of an answer: said in one word, so that nothing that went wrong looks like a score.

An answer that is `ok` is a text that ended by itself. Of the others some have a text and are scored
as what they are (a refusal is a bad answer); the rest have none, and count as failed.
"""

import re
from types import MappingProxyType
from typing import Literal, get_args

Category = Literal[
    "ok",
    "refusal",
    "truncated",
    "empty",
    "content_filter",
    "timeout",
    "parse_failure",
    "error",
    "skipped",
]
"""What became of an answer."""

CATEGORIES: tuple[Category, ...] = get_args(Category)

MEANINGS = MappingProxyType(
    {
        "ok": "a text that ended by itself",
        "refusal": "a text that declines to answer",
        "truncated": "a text cut off at the limit of tokens",
        "empty": "a text of white space only, or none",
        "content_filter": "withheld or cut off by a filter of the provider",
        "timeout": "no answer in time",
        "parse_failure": "a text that is not the JSON that was asked for",
        "error": "no answer, for the reason in `error`",
        "skipped": "not asked: a budget, a limit of time or an interruption came first",
    }
)
"""What each category means."""

# Only the beginning counts: an answer may quote a refusal, and a refusal comes first.
_BEGINNING = 200
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "`": "'", "\u00a0": " "})
_CANNOT = r"""(?:can'?t|cannot|can\ not|won'?t|will\ not|(?:'?m|am|'?re|are)\ (?:not\ able|unable)\ to)
    (?:\ (?:and|or)\ (?:will\ not|won'?t|should\ not|shouldn'?t))?"""
_HOW = r"(?:(?:directly|really|ethically|simply|currently|respectfully|in\ good\ conscience|be\ able\ to)\ )*"
_HELP = r"""(?:help|assist|write|create|provide|answer|discuss|generate|share|engage|do|respond|comply|fulfil+
    |continue|give|tell|produce|support)"""
_REFUSAL = re.compile(
    rf"""[\s*_>\#-]*(?:(?:no|hi|hello|well|thanks?\b[^.!?\n]{{0,30}})[,.!]?\ +(?:but\ )?)?(?:
    # an apology, or what stands for one, and then what one cannot do
    (?:i'?m|i\ am|we'?re|we\ are)?\ ?(?:(?:very|so|really|truly|terribly)\ )?
      (?:sorry|afraid|unfortunately|my\ apologies|i\ apologi[sz]e
        |(?:just\ |as\ |programmed\b)[^.!?,\n]{{0,20}}\b(?:ai|language\ model|harmless|assistant)\b)
      [^.!?\n]{{0,60}}?\b(?:i|we)\ ?(?:{_CANNOT}|don'?t\ have\ (?:the\ ability|access))
      \ (?!wait\b|stress\b|help\ but\b|be\ at\b)
    # the same without
    |i\ ?{_CANNOT}\ {_HOW}(?:(?:assist|comply|fulfil+|provide|respond|engage|satisfy|roleplay|share|discuss)\b
      |help\b(?!\ (?:it|but|myself|\w+ing)\b)|(?:tell|give|show)\ you\b|(?:do|continue|answer|support)\ (?:that|this|your|with)\b
      |(?:write|create|generate|produce)\ (?:that|this|such|an?|any|content|instructions|explicit|harmful|hateful?|your)\b)
    |we\ ?{_CANNOT}\ {_HOW}(?:assist|comply|help\b(?!\ but)|(?:provide|fulfil+)\ (?:that|this|such|any|you))\b
    |(?:i|we)\ (?:(?:must|have\ to|will\ have\ to|am\ going\ to\ have\ to|need\ to|respectfully|politely)\ )*(?:decline|refuse)
      (?:\ to\ {_HELP}\b|\ (?:this|that|your)\b|[.!]|$)
    |i'?m\ going\ to\ have\ to\ decline\b
    |i(?:'d|\ would)\ rather\ not\ {_HELP}\b
    |i(?:\ do\ not|\ don'?t)\ (?:feel\ comfortable|(?:provide|offer|give)\ \w+\ advice)\b
    |i(?:'?m|\ am)\ not\ comfortable\ (?:with\ )?\w+ing\b
    |(?:this|that|your)\ (?:request|question|prompt)\ (?:violates|goes\ against|is\ against)\ (?:my|our|the|usage|content)\b
    |(?:this|that|it)(?:'s|\ is|\ goes)?\ against\ (?:my|our)\ (?:guidelines|policy|policies|programming|principles)\b
    |it\ (?:would\ not|wouldn'?t|is\ not|isn'?t)\ (?:be\ )?(?:appropriate|ethical|right|responsible)\ for\ me\ to\ {_HELP}\b
    |(?:i'?m\ |i\ am\ )?sorry,?\ (?:but\ )?(?:that'?s|that\ is|this\ is)\ not\ something\ (?:that\ )?i\b
    )""",
    re.VERBOSE,
)


def category_of(
    text: str | None, *, finish_reason: str | None = None, error: str | None = None
) -> Category:
    """Say what became of an answer.

    Parameters
    ----------
    text : str or None
        What the model wrote.
    finish_reason : str, optional
        Why it stopped, in the words of chat completions or of other providers.
    error : str, optional
        What went wrong.

    Returns
    -------
    str
        One of `CATEGORIES`; never "skipped" or "parse_failure", which only the caller can know.

    Examples
    --------
    >>> category_of("Paris.", finish_reason="stop")
    'ok'
    >>> category_of("I’m sorry, but I can’t help with that.")
    'refusal'
    >>> category_of("The capital of France is", finish_reason="length")
    'truncated'
    """
    reason = (finish_reason or "").casefold()
    if error is not None:
        return "timeout" if error.startswith("timeout") else "error"
    if reason in {"content_filter", "safety", "blocklist", "prohibited_content", "recitation"}:
        return "content_filter"
    if reason == "refusal":
        return "refusal"
    if text is None or not text.strip():
        return "empty"
    if reason in {"length", "max_tokens", "model_length"}:
        return "truncated"
    return "refusal" if is_refusal(text) else "ok"


def is_refusal(text: str) -> bool:
    """Tell whether a text begins by declining, in one of the usual English phrases.

    A rule of thumb for counting, not for judging: of texts that were written to mislead it, it finds
    12 of 20 refusals and takes 5 of 20 other texts for one.

    Examples
    --------
    >>> is_refusal("As an AI language model, I cannot provide medical advice.")
    True
    >>> is_refusal("I cannot help but admire the ending.")
    False
    """
    beginning = text[:_BEGINNING].translate(_APOSTROPHES).casefold()
    return _REFUSAL.match(beginning) is not None

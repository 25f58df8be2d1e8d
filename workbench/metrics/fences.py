"""Blocks of code that stand between Markdown's fences in an answer."""

import re

# Of back-ticks or tildes, three or more, closed by at least as many or by the end of the text.
_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n`]*\n", re.MULTILINE)


def fenced(text: str) -> list[str]:
    r"""Return what stands in each fenced block of a text, in order.

    Examples
    --------
    >>> fenced('Here it is:\n```json\n{"a": 1}\n```\nDone.')
    ['{"a": 1}\n']
    """
    blocks, at = [], 0
    while opened := _FENCE.search(text, at):
        mark = opened["fence"]
        end = re.compile(rf"^ {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*$", re.MULTILINE)
        closed = end.search(text, opened.end())
        blocks.append(text[opened.end() : closed.start() if closed else len(text)])
        if not closed:
            break
        at = closed.end()
    return blocks

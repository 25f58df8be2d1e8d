"""Blocks of code that stand between Markdown's fences in an answer."""

import re

# A line ends in LF, CR LF or CR; to `re` it would end in LF alone.
_BEGIN, _END = r"(?<![^\r\n])", r"(?![^\r\n])"
# Of back-ticks or tildes, three or more, closed by at least as many or by the end of the text.
_FENCE = re.compile(rf"{_BEGIN} {{0,3}}(?P<fence>`{{3,}}|~{{3,}})[^\r\n`]*(?:\r\n|\r|\n)")


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
        end = re.compile(rf"{_BEGIN} {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*{_END}")
        closed = end.search(text, opened.end())
        blocks.append(text[opened.end() : closed.start() if closed else len(text)])
        if not closed:
            break
        at = closed.end()
    return blocks

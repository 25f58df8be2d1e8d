"""ES modules of a widget, joined into the one script that anywidget and an offline page want.

A module is plain JavaScript, which a browser or `node` can import as it stands; there is nothing to
build. Joining takes the lines of imports away, so no two modules may use one name at their top; it
takes comments, types and indents away too, so no text may go on over a line (`test_modules.py`).
"""

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', flags=re.MULTILINE)
_REEXPORT = re.compile(r"^export \{[^}]*\};\n", flags=re.MULTILINE)
_COMMENT = re.compile(
    r"^ *(//.*|/\*(?:[^*]|\*(?!/))*\*/ *)\n|/\*\* @(?:[^*]|\*(?!/))*\*/ ?", re.MULTILINE
)
_INDENT = re.compile(r"^ +", flags=re.MULTILINE)


def joined(entry: Path) -> str:
    """Return a module and all that it imports as one script, each module once, imports first.

    Parameters
    ----------
    entry : Path
        The module that imports the others, all in its folder.
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in texts:
            return
        text = entry.with_name(name).read_text(encoding="utf-8")
        texts[name] = ""  # a circle ends here
        for imported in _IMPORT.findall(text):
            add(imported)
        del texts[name]
        texts[name] = _REEXPORT.sub("", _IMPORT.sub("", text))

    add(entry.name)
    return _INDENT.sub("", _COMMENT.sub("", "\n".join(texts.values())))

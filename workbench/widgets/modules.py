"""ES modules of a widget, joined into the few scripts that anywidget and an offline page want.

A module is plain JavaScript, which a browser or `node` can import as it stands; there is nothing to
build. What a module gets by `() => import("./name.js")` it can do without at first: such a part and
what only it needs are a script of their own for a notebook, and stand in the one script of a page.

Joining takes the lines of imports away, so no two modules may use one name at their top; it takes
comments, types and indents away too, so no text may go on over a line (`test_modules.py`).
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from workbench.errors import BadValue

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[\w/-]+\.js)";\n', flags=re.MULTILINE)
_LATER = re.compile(r'(?<==> )import\("\./([\w-]+\.js)"\)')
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function|class) (\w+))", flags=re.MULTILINE)
_COMMENT = re.compile(
    r"^ *(//.*|/\*(?:[^*]|\*(?!/))*\*/ *)\n|/\*\* @(?:[^*]|\*(?!/))*\*/ ?", re.MULTILINE
)
_INDENT = re.compile(r"^ +", flags=re.MULTILINE)
_LENT = "const LENT = {};"  # of a module that brings parts: what they take from the first script


@dataclass
class _Folder:
    """The modules of a folder, each read once."""

    place: Path
    texts: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        if name not in self.texts:
            self.texts[name] = self.place.joinpath(name).read_text(encoding="utf-8")
        return self.texts[name]

    def imports(self, name: str) -> list[tuple[str, str]]:
        """Return the names that a module imports at once, with the module that they come from."""
        beside = PurePosixPath(name).parent
        return [(names, str(beside / source)) for names, source in _IMPORT.findall(self.text(name))]

    def needed(self, *entries: str, later: bool = False) -> list[str]:
        """Return modules and all that they import, imports first; at will what comes later too."""
        found: dict[str, bool] = {}

        def add(name: str) -> None:
            if name in found:
                return
            found[name] = False  # a circle ends here
            text = self.text(name)
            for imported in [each for _, each in self.imports(name)] + (
                _LATER.findall(text) if later else []
            ):
                add(imported)
            del found[name]
            found[name] = True

        for entry in entries:
            add(entry)
        return [*found]

    def bare(self, names: list[str]) -> str:
        """Return modules as one text without imports, comments, types and indents."""
        texts = [_IMPORT.sub("", self.text(name)) for name in names]
        return _INDENT.sub("", _COMMENT.sub("", "\n".join(texts)))

    def exports(self, names: list[str]) -> list[str]:
        return sorted({each for name in names for each in _EXPORT.findall(self.text(name))})

    def borrowed(self, names: list[str]) -> list[str]:
        """Return what modules import from others than themselves."""
        return sorted(
            {
                each.strip()
                for name in names
                for imports, source in self.imports(name)
                if source not in names
                for each in imports.split(",")
            }
        )


def joined(entry: Path) -> str:
    """Return a module and all that it needs, at once or later, as one script, imports first.

    Parameters
    ----------
    entry : Path
        The module that imports the others, all in its folder or one beside it.
    """
    folder = _Folder(entry.parent)

    def at_hand(found: re.Match[str]) -> str:
        return f"Promise.resolve({{ {', '.join(folder.exports([found[1]]))} }})"

    return _LATER.sub(at_hand, folder.bare(folder.needed(entry.name, later=True)))


def split(entry: Path) -> tuple[str, dict[str, str]]:
    """Return the script of a module and what it needs at once, and one of each part for later.

    Parameters
    ----------
    entry : Path
        The module that imports the others, all in its folder. It has a line ``const LENT = {};``,
        which is filled with what the parts import from the first script.

    Returns
    -------
    first : str
        An ES module. It holds what two parts need, too.
    parts : dict of str to str
        By the name of its module without `.js`, each part: an ES module whose default export makes
        it of `LENT`, and returns what its modules export.

    Raises
    ------
    BadValue
        If there are parts, but the line of `LENT` is missing.
    """
    folder = _Folder(entry.parent)
    first = folder.needed(entry.name)
    parts = {
        name: folder.needed(name)
        for name in dict.fromkeys(_LATER.findall("".join(map(folder.text, first))))
    }
    n_needing = Counter(name for names in parts.values() for name in names)
    first = folder.needed(*(n for n in n_needing if n_needing[n] > 1), entry.name)
    own = {part: [name for name in names if name not in first] for part, names in parts.items()}
    lent = {name for names in own.values() for name in folder.borrowed(names)}
    text = folder.bare(first)
    if own and _LENT not in text:
        raise BadValue(f"{entry.name} must hold the line {_LENT!r}, for it has parts; add it.")
    filled = text.replace(_LENT, f"const LENT = {{ {', '.join(sorted(lent))} }};")
    return filled, {part.removesuffix(".js"): _part(folder, names) for part, names in own.items()}


def _part(folder: _Folder, names: list[str]) -> str:
    """Return a part as a module whose default export makes it of what the first script lends."""
    body = _EXPORT.sub("", folder.bare(names))
    return (
        f"export default ({{ {', '.join(folder.borrowed(names))} }}) => {{\n{body}\n"
        f"return {{ {', '.join(folder.exports(names))} }};\n}};\n"
    )

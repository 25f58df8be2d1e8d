"""The scripts and the style sheet of the inspector, in a notebook and in a file.

`parts.js` says which parts there are. A notebook gets `SCRIPT`, and the panel asks for `PARTS` when it
stands; a file is one script, for it may ask nobody for anything.
"""

from functools import cache
from pathlib import Path

from workbench.widgets.modules import joined, split

_HERE = Path(__file__).parent

SCRIPT, PARTS = split(_HERE / "notebook.js")
STYLE = (_HERE / "inspector.css").read_text(encoding="utf-8")


@cache
def file_script() -> str:
    """Return the script of a file, which holds the parts and what the kernel does otherwise."""
    return joined(_HERE / "file.js")

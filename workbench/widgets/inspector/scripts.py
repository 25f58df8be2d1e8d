"""The script and the style sheet of the inspector, the same in a notebook and in a file."""

from pathlib import Path

from workbench.widgets.modules import joined

_HERE = Path(__file__).parent

SCRIPT = joined(_HERE / "inspector.js")
STYLE = (_HERE / "inspector.css").read_text(encoding="utf-8")

"""A plotly figure as a widget that redraws in place.

plotly's own FigureWidget sends its 5 MB of JavaScript with each new figure, and changing one in
place leaves behind what the next figure does not name; here plotly.js comes once per panel, and compares.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from workbench.views.script import plotly_script

if TYPE_CHECKING:
    import plotly.graph_objects as go

_HERE = Path(__file__).parent


class Figure(anywidget.AnyWidget):
    """A figure that can be exchanged for another.

    Parameters
    ----------
    figure : dict
        The plotly figure as JSON.
    """

    _esm = (
        f"const Plotly = ((module) => {{\n{plotly_script()}\nreturn module.exports;\n}})"
        f"({{ exports: {{}} }});\n{_HERE.joinpath('figure.js').read_text(encoding='utf-8')}"
    )
    _css = _HERE.joinpath("style.css").read_text(encoding="utf-8")
    figure = traitlets.Dict().tag(sync=True)

    def __repr__(self) -> str:
        title = self.figure.get("layout", {}).get("title", {}).get("text", "nothing yet")
        return f"Figure: {title.replace('<br>', ' ')}"

    def on_point(self, heard: Callable[[int, tuple[int, ...]], None]) -> None:
        """Call a function with the trace and the place in it of each point that is clicked."""

        def received(_: object, message: Any, __: object) -> None:  # noqa: ANN401 - from a browser
            if not isinstance(message, dict) or message.get("type") != "point":
                return
            trace, point = message.get("trace"), message.get("point")
            places = [trace, *(point if isinstance(point, list) else [point])]
            if all(type(each) is int and each >= 0 for each in places):
                heard(places[0], tuple(places[1:]))

        self.on_msg(received)

    def show(self, figure: "go.Figure") -> None:
        """Draw another figure in the same place."""
        self.figure = json.loads(figure.to_json())

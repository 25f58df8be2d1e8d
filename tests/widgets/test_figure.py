"""The figure that redraws in place, as far as Python goes; browsers see the rest."""

import json

import workbench as wb
from workbench.widgets.figure import Figure


def figure():
    rows = wb.read([{"input": str(i), "references": ["yes"]} for i in range(20)])
    outputs = wb.outputs(rows, {"a": ["yes"] * 20, "b": ["no"] * 20})
    c = wb.compare(wb.score(outputs, rows, [wb.ExactMatch()]), samples=100)
    return wb.views.forest(c)


def test_a_figure_shows_what_plotly_would_send():
    drawn = Figure()
    drawn.show(figure())
    assert drawn.figure == json.loads(figure().to_json())
    assert drawn.figure["data"][0]["x"] == [-1.0]


def test_a_figure_tells_its_title():
    drawn = Figure()
    assert repr(drawn) == "Figure: nothing yet"
    drawn.show(figure())
    assert repr(drawn) == "Figure: b against a in exact_match: worse"


def test_plotly_stands_before_the_script_and_in_no_global():
    script = Figure._esm
    assert script.index("plotly.js v") < script.index("export default")
    assert script.startswith("const Plotly = ((module) =>")


def test_a_point_that_is_clicked_is_heard_and_junk_is_not():
    drawn, heard = Figure(), []
    drawn.on_point(lambda *point: heard.append(point))
    for message in (
        {"type": "point", "trace": 2, "point": 0},
        {"type": "point", "trace": 0, "point": [3, 1]},
        {"type": "point", "trace": "2", "point": 0},
        {"type": "point", "trace": 0, "point": -1},
        {"type": "point", "trace": 0, "point": [True]},
        {"type": "other", "trace": 0, "point": 0},
        {"type": "point"},
        None,
    ):
        drawn._handle_custom_msg(message, [])
    assert heard == [(2, (0,)), (0, (3, 1))]

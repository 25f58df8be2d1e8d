"""A timeline as a picture: SVG from the same layout as the view, the same bytes each time."""

import html
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from workbench.display import visible
from workbench.trajectories.analysis.columns import Floats
from workbench.trajectories.model import Run
from workbench.widgets.inspector.timeline import CRITICAL, ERROR, POINT, Timeline, span_text

WIDTH = 1_000
"""Of a picture, in pixels, unless another is asked for."""

_LANE, _BAR, _AXIS, _LABEL, _TOKENS, _COST, _LINE = 26, 20, 30, 18, 48, 36, 18
_CHAR = 6.6  # the width of a letter of 12 pixels
_LOOKS = {
    "chat": "model", "generate_content": "model", "text_completion": "model", "execute_tool": "tool",
    "retrieval": "tool", "wb.input": "input", "wb.system": "system", "wb.error": "bad",
    "invoke_agent": "agent", "invoke_workflow": "agent",
}  # fmt: skip
_SHAPES = {"model": "●", "tool": "■", "input": "▲", "system": "◆", "bad": "✕", "agent": "⬢", "other": "○"}  # fmt: skip
_LIGHT = {
    "page": "#ffffff", "text": "#1c1c1e", "soft": "#56565c", "line": "#c9c9cf", "edge": "#76767d",
    "block": "#f5f5f7", "model": "#0b57b0", "tool": "#7a4a00", "input": "#17643a", "system": "#6b3fa0", "bad": "#a3211b",
}  # fmt: skip
_DARK = {
    "page": "#16171a", "text": "#e9e9ec", "soft": "#b4b4bc", "line": "#44454c", "edge": "#8e8e97",
    "block": "#212227", "model": "#8ab8f5", "tool": "#f3c673", "input": "#8fd6ab", "system": "#cfb2f5", "bad": "#ffb0a8",
}  # fmt: skip
_ROUND = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)


def timeline_svg(run: Run, *, width: int = WIDTH) -> str:
    """Return the timeline of a run as SVG.

    Parameters
    ----------
    run : Run
        The run.
    width : int
        In pixels; the height follows from the number of lanes.

    Examples
    --------
    >>> from workbench.trajectories.model import Step
    >>> picture = timeline_svg(Run("mine", steps=[Step("chat", ""), Step("execute_tool", "", tool="f")]))
    >>> picture[:4], picture.count('class="bar')
    ('<svg', 2)

    Notes
    -----
    Colours follow the reader's light or dark setting. A long run is drawn in blocks of several steps.
    """
    return _Picture(Timeline.of(run), max(200, width)).text()


class _Picture:
    """Draws a timeline from its top downwards."""

    def __init__(self, line: Timeline, width: int) -> None:
        self.head, self.width, self.parts = line.head, width, list[str]()
        self.blocks, self.waits, self.more, self.spent = _whole(line)
        self.y = _AXIS

    def text(self) -> str:
        tops = list(self._tops())
        end, bars = self.y, self.parts
        self.parts = []
        for wait in self.waits:
            self._wait(wait[0], wait[1], end)
        self._axis(end)
        self.parts += bars
        for block in self.blocks:
            self._bar(block, tops[block[0]])
        self._more()
        self._spending()
        words = [*self.head["words"], *self._joined()]
        for told in words:
            self.y += _LINE
            self._text(6, self.y - 4, told)
        return self._framed(words)

    def _framed(self, words: list[str]) -> str:
        light, dark = (
            "".join(f".{name}{{fill:{colour}}}.e-{name}{{stroke:{colour}}}" for name, colour in colours.items())
            for colours in (_LIGHT, _DARK)
        )  # fmt: skip
        hatches = "".join(
            f'<pattern id="{name}" width="{size}" height="{size}" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            f'<rect class="{look}" width="1" height="{size}"/></pattern>'
            for name, size, look in (("wait", 6, "edge"), ("cached", 3, "model"))
        )
        told = _escaped(f"Timeline. {' '.join(words)}")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.y + 8}" '
            f'viewBox="0 0 {self.width} {self.y + 8}" role="img" aria-label="{told}" font-family="system-ui, sans-serif" '
            f'font-size="12"><title>{told}</title><style>{light}.halo{{paint-order:stroke;stroke-width:4px}}'
            f"@media (prefers-color-scheme:dark){{{dark}}}</style><defs>{hatches}</defs>"
            f'<rect class="page" width="100%" height="100%"/>{"".join(self.parts)}</svg>\n'
        )

    # ---------------------------------------------------------------------------------- pieces

    def _x(self, place: float) -> float:
        return place / int(self.head["span"]) * (self.width - 4) + 2

    def _rect(
        self, look: str, x: float, y: float, width: float, height: float, more: str = ""
    ) -> str:
        return f'<rect class="{look}" x="{_px(x)}" y="{_px(y)}" width="{_px(width)}" height="{_px(height)}"{more}/>'

    def _text(self, x: float, y: float, text: str, *, look: str = "text", more: str = "") -> None:
        self.parts.append(
            f'<text class="{look}" x="{_px(x)}" y="{_px(y)}"{more}>{_escaped(text)}</text>'
        )

    def _label(self, text: str) -> None:
        self._text(6, self.y + 13, text, look="soft e-page halo")
        self.y += _LABEL

    def _tops(self) -> Iterator[int]:
        """Yield the upper edge of each lane."""
        for name, n_lanes in self.head["groups"]:
            if name:
                self._label(name)
            for _ in range(n_lanes):
                yield self.y
                self.y += _LANE

    def _axis(self, end: int) -> None:
        for place, text in ticks(self.head, self.width // 90):
            x = self._x(place)
            near = "end" if x > self.width - 40 else "start" if x < 30 else "middle"
            self.parts.append(f'<path class="e-line" d="M{_px(x)} {_AXIS - 6}V{end}"/>')
            self._text(x, 13, text, look="soft", more=f' text-anchor="{near}"')

    def _wait(self, start: int, stop: int, end: int) -> None:
        left, wide = self._x(start), self._x(stop) - self._x(start)
        if wide < 2:
            return
        told = f"waits {span_text((stop - start) * self.head['unit'])}"
        self.parts.append(
            f'<rect class="wait" fill="url(#wait)" opacity="0.55" x="{_px(left)}" y="{_AXIS}" width="{_px(wide)}" '
            f'height="{end - _AXIS}"><title>{told}</title></rect>'
        )
        if wide > len(told) * _CHAR + 8:
            self._text(
                left + wide / 2,
                end - 6,
                told,
                look="text e-page halo",
                more=' text-anchor="middle"',
            )

    def _bar(self, block: list[int], y: int) -> None:
        _, start, stop, step, n, kind, name, flags = block
        left = self._x(start)
        wide = max(3.0, self._x(stop) - left)
        look = _LOOKS.get(self.head["kinds"][kind], "other")
        edged = look in ("agent", "other")
        small = 4 if n > 1 else 0
        paint = f"block e-{'system' if look == 'agent' else 'edge'}" if edged else look
        more = f' rx="{_px(min(2 if n > 1 else 7, wide / 4))}"' if look == "model" else ""
        told = self._told(step, n, kind, name, flags, stop - start)
        bar = self._rect(f"bar {paint}", left, y + 2 + small, wide, _BAR - 2 * small, more)
        self.parts.append(bar.replace("/>", f"><title>{_escaped(told)}</title></rect>"))
        if flags & CRITICAL:
            self.parts.append(self._rect("text", left, y + _BAR + 2, wide, 3))
        self._caption(block, left, wide, y, _SHAPES[look], "text" if edged else "page")

    def _caption(
        self, block: list[int], left: float, wide: float, y: int, shape: str, on: str
    ) -> None:
        """Write on a bar what there is room for."""
        n, kind, name, flags = block[4:]
        room = int((wide - 24) / _CHAR)
        if n == 1 and wide > 16:
            self._text(left + 4, y + 16, shape, look=on)
        if room > 2:
            text = f"×{n:,}" if n > 1 else self._name(name) or _word(self.head["kinds"][kind])
            self._text(
                left + (6 if n > 1 else 18),
                y + 16,
                text if len(text) <= room else f"{text[: room - 1]}…",
                look=on,
            )
        if flags & ERROR:
            more = ' text-anchor="middle" font-weight="700"'
            self._text(left + max(0.0, wide - 8), y + 16, "✕", look="bad e-page halo", more=more)

    def _name(self, at: int) -> str:
        return str(self.head["names"][at]) if at >= 0 else ""

    def _told(self, step: int, n: int, kind: int, name: int, flags: int, length: int) -> str:
        word = _word(self.head["kinds"][kind])
        told = (
            f"step {step}, {word} {self._name(name)}".rstrip()
            if n == 1
            else f"{n:,} steps from step {step} on, most of them {word}"
        )
        if self.head["recorded"] and not flags & POINT:
            told += f", {span_text(length * self.head['unit'])}"
        return (
            told
            + (", error" if flags & ERROR else "")
            + (", on the critical path" if flags & CRITICAL else "")
        )

    def _joined(self) -> list[str]:
        """Say that blocks stand for several steps, where some do."""
        many = [block[4] for block in self.blocks if block[4] > 1]
        if not many:
            return []
        return [
            f"{len(many):,} of {len(self.blocks):,} blocks stand for several steps, up to {max(many):,}."
        ]

    # --------------------------------------------------------------------------- what it cost

    def _more(self) -> None:
        if not self.head["more"]:
            return
        self._label("more at once")
        for start, stop, n in self.more:
            left, wide = self._x(start), self._x(stop) - self._x(start)
            self.parts.append(self._rect("line", left, self.y, wide, 16))
            if wide > 40:
                self._text(left + 4, self.y + 12, f"+{n:,}")
        self.y += _LANE - 8

    def _spending(self) -> None:
        """Draw the lanes of tokens and dollars."""
        span = self.head["span"]
        # as many bins of a tile as fill some pixels: a power of two
        length = 1 << max(0, math.ceil(math.log2(span * 8 / self.width)))
        bins = np.zeros((span // length + 1, 4))
        for at, read, cached, wrote, cost in self.spent:
            kept = min(cached or 0, cached or 0 if read is None else read)
            bins[at // length] += ((read or kept) - kept, kept, wrote or 0, cost or 0)
        tokens, dollars = bins[:, :3].sum(axis=1).max(), bins[:, 3].max()
        each = f"in {span_text(length * self.head['unit'])}"
        if not self.head["recorded"]:
            each = "in a step" if length == 1 else f"in {length:,} steps"
        if tokens:
            self._label(f"tokens: up to {tokens:,.0f} {each}")
            self._stacks(bins[:, [1, 0, 2]] / tokens * _TOKENS, ["cached", "model", "tool"], length)
        if dollars:
            self._label(f"US dollars: up to {dollars:.3g} {each}")
            self._stacks(bins[:, [3]] / dollars * _COST, ["input"], length)

    def _stacks(self, heights: Floats, looks: list[str], length: int) -> None:
        """Draw bins as bars that stand on each other."""
        high = _TOKENS if len(looks) > 1 else _COST
        wide = max(1.0, min(self._x(length) - self._x(0) - 1, 24.0))
        for place, row in enumerate(heights.tolist()):
            base = float(self.y + high)
            for tall, look in zip(row, looks, strict=True):
                base -= tall
                if tall > 0:
                    more = ' fill="url(#cached)"' if look == "cached" else ""
                    left = self._x(place * length)
                    self.parts.append(self._rect(look, left, base, wide, max(0.5, tall), more))
        self.y += high + 8


def _whole(
    line: Timeline,
) -> tuple[list[list[int]], list[list[int]], list[list[int]], list[list[Any]]]:
    """Return what the tiles of all of a run hold, each once: blocks, waits, more, spent."""
    power = max(0, int(line.head["span"]).bit_length() - 1)
    blocks: dict[tuple[int, int], list[int]] = {}
    waits: dict[int, list[int]] = {}
    more, spent = list[list[int]](), list[list[Any]]()
    place = 0
    while tile := line.page(power, place).get("tile"):
        start = tile["from"]
        for lane, begin, end, step, *rest in tile["blocks"]:
            blocks[lane, step] = [lane, begin + start, end + start, step, *rest]
        waits |= {begin + start: [begin + start, end + start] for begin, end in tile["waits"]}
        more += [[begin + start, end + start, n] for begin, end, n in tile["more"]]
        spent += [[at + start, *figures] for at, *figures in tile["spent"]]
        place += 1
    return sorted(blocks.values(), key=lambda block: block[1]), [*waits.values()], more, spent


def ticks(head: dict[str, Any], most: int) -> list[tuple[float, str]]:
    """Return the ticks of an axis over a whole run: where, and what is written there.

    Parameters
    ----------
    head : dict
        Of a timeline.
    most : int
        About how many there are room for.

    Examples
    --------
    >>> ticks({"span": 7, "unit": 10**9, "recorded": True}, 4)
    [(0.0, '0 s'), (2.0, '2 s'), (4.0, '4 s'), (6.0, '6 s')]
    """
    total = head["span"] * head["unit"]
    step = _round_step(total / max(1, most), recorded=head["recorded"])
    n_ticks = int(total // step) + 1
    return [
        (at * step / head["unit"], _tick(at * step, step, total, head)) for at in range(n_ticks)
    ]


def _tick(at: float, step: float, total: float, head: dict[str, Any]) -> str:
    if not head["recorded"]:
        return f"{at:,.0f}"
    if step >= 60e9:
        return span_text(at).removesuffix(" 0 s").removesuffix(" 0 min")
    name, size = next((pair for pair in (("s", 1e9), ("ms", 1e6)) if total >= pair[1]), ("µs", 1e3))
    places = min(9, max(0, math.ceil(-math.log10(step / size) - 1e-9)))
    return f"{at / size:.{places}f} {name}"


def _round_step(least: float, *, recorded: bool) -> float:
    """Return a round length that is at least so large."""
    if recorded and least > 20e9:
        for seconds in _ROUND:
            if seconds * 1e9 >= least:
                return seconds * 1e9
    day = 86_400e9 if recorded and least > 20e9 else 1.0
    size = 10.0 ** math.floor(math.log10(max(1.0, least / day)))
    return float(
        day * next(each * size for each in (1, 2, 5, 10, 20) if each * size >= least / day * 0.999)
    )


def _word(kind: str) -> str:
    words = {"execute_tool": "tool", "invoke_agent": "agent", "generate_content": "chat"}
    return words.get(kind, kind.removeprefix("wb.").replace("_", " "))


def _px(value: float) -> str:
    """Return pixels with as many digits as a screen shows."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _escaped(text: str) -> str:
    return html.escape(visible(text))

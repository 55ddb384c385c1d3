"""A chart with a group of bars for each row, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _LEFT, _TOP, _BAR = 760, 190, 66, 13
_COLOURS = ("#1d4ed8", "#60a5fa", "#bfdbfe")


def draw(title: str, rows: Sequence[tuple[str, Sequence[float]]], bars: Sequence[str], form: str = ",.1f") -> str:
    """Return an SVG of (name of the row, value of each bar), with at most three bars a row.

    `form` is the format of the values' labels.
    """
    scale = (_WIDTH - _LEFT - 80) / max(max(values) for _, values in rows)
    step = (_BAR + 3) * len(bars) + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_TOP + step * len(rows)}">',
        '<g font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="12" y="24" font-size="16" fill="#111">{escape(title)}</text>',
    ]
    for number, (colour, bar) in enumerate(zip(_COLOURS, bars, strict=False)):
        x = _LEFT + number * 140
        parts.append(f'<rect x="{x}" y="37" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="48" fill="#333">{escape(bar)}</text>')
    for number, (name, values) in enumerate(rows):
        top = _TOP + number * step
        parts.append(f'<text x="{_LEFT - 10}" y="{top + 26}" text-anchor="end" fill="#111">{escape(name)}</text>')
        for which, value in enumerate(values):
            y, width = top + which * (_BAR + 3), max(value * scale, 1)
            parts.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.0f}" height="{_BAR}" fill="{_COLOURS[which]}"/>')
            parts.append(f'<text x="{_LEFT + width + 6:.0f}" y="{y + 11}" fill="#333">{value:{form}}</text>')
    return "".join(parts) + "</g></svg>\n"

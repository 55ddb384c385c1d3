"""The chart of `benchmarks.events_fanout`: the cost of a message, with a bar for each mode."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _LEFT, _TOP, _BAR, _ROW = 760, 190, 66, 13, 62
_COLOURS = ("#1d4ed8", "#60a5fa", "#bfdbfe")


def draw(figures: Sequence[tuple[str, *tuple[float, ...]]], modes: Sequence[str]) -> str:
    """Return an SVG of (server, microseconds in each mode)."""
    most = max(max(values) for _, *values in figures)
    scale = (_WIDTH - _LEFT - 80) / most
    height = _TOP + _ROW * len(figures)
    title = "Microseconds of CPU for each message to each of 1,000 subscribers (less is better)"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">',
        '<g font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="12" y="24" font-size="16" fill="#111">{title}</text>',
    ]
    for number, (colour, mode) in enumerate(zip(_COLOURS, modes, strict=True)):
        x = _LEFT + number * 140
        parts.append(f'<rect x="{x}" y="37" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="48" fill="#333">{escape(mode)}</text>')
    for number, (server, *values) in enumerate(figures):
        top = _TOP + number * _ROW
        parts.append(f'<text x="{_LEFT - 10}" y="{top + 26}" text-anchor="end" fill="#111">{escape(server)}</text>')
        for which, value in enumerate(values):
            y, width = top + which * (_BAR + 3), max(value * scale, 1)
            parts.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.0f}" height="{_BAR}" fill="{_COLOURS[which]}"/>')
            parts.append(f'<text x="{_LEFT + width + 6:.0f}" y="{y + 11}" fill="#333">{value:,.1f}</text>')
    return "".join(parts) + "</g></svg>\n"

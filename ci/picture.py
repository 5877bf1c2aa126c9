#!/usr/bin/env python3
"""Draws a record of the limits bench: how many times longer than the floor each way takes (5e7 f64, logarithmic).

    ci/picture.py benches/record/YYYY-MM-DD-what.json > docs/limits.svg
"""

import json
import math
import sys

ROWS = ["add", "muladd", "sum", "sum0", "var0", "std", "zscore", "exp", "sin", "tanh"]
WAYS = [("distob", "#2563eb"), ("rayon_out", "#94a3b8"), ("rayon", "#cbd5e1"), ("ndarray", "#f59e0b")]

record = json.load(open(sys.argv[1]))
rows = {r["workload"]: r["seconds"] for r in record["rows"] if r.get("elements") == 50_000_000 and "seconds" in r}
width, left, line, gap, most = 760, 80, 9, 14, 100.0
height = 60 + len(ROWS) * (len(WAYS) * line + gap)


def x(times):
    return left + (width - left - 60) * math.log10(max(times, 0.7) / 0.7) / math.log10(most / 0.7)


out = [
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
    f'<rect width="{width}" height="{height}" fill="white"/>',
]
for i, (way, colour) in enumerate(WAYS):
    out.append(f'<rect x="{left + 110 * i}" y="10" width="10" height="10" fill="{colour}"/>')
    out.append(f'<text x="{left + 110 * i + 15}" y="19">{way}</text>')
for tick in (1, 2, 5, 10, 20, 50):
    out.append(f'<line x1="{x(tick):.0f}" x2="{x(tick):.0f}" y1="32" y2="{height - 20}" stroke="{"#111" if tick == 1 else "#ddd"}"/>')
    out.append(f'<text x="{x(tick):.0f}" y="{height - 6}" text-anchor="middle">{tick}</text>')
y = 40
for row in ROWS:
    seconds = rows[row]
    out.append(f'<text x="{left - 8}" y="{y + len(WAYS) * line / 2 + 4:.0f}" text-anchor="end">{row}</text>')
    for way, colour in WAYS:
        if way in seconds:
            times = seconds[way] / seconds["floor"]
            out.append(f'<rect x="{left}" y="{y}" width="{x(times) - left:.1f}" height="{line - 1}" fill="{colour}"/>')
            out.append(f'<text x="{x(times) + 4:.1f}" y="{y + line - 1}" font-size="9">{times:.1f}</text>')
        y += line
    y += gap
out.append("</svg>")
print("\n".join(out))

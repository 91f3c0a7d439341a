"""Plots of docs/. Matplotlib draws the same picture from the same data, but for fonts and rounding of other machines:
so a plot carries the data that it shows, by which it is known whether it is up to date."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deploy.docs.benchmarks import bounded, number, profiled, ratios
from deploy.docs.results import Kept, Results, load

WIDTH = 9.0
"""Inches, as matplotlib counts them."""
REACHED, MISSED, PLAIN, MARK = "#2a7f9e", "#d9731a", "#8a94a0", "#1d2733"
STEPS = ("#6fb1c7", "#f0b775", "#a9c99a", "#c9b3d9", "#e8d48a", "#e3a59a", "#9fb4d8", "#c4cad1")
NAMED_STEPS = len(STEPS) - 1
NARROWEST = 0.07
"""Of the width: below that a step's name has no room in its bar."""
FARTHEST = 3.0
"""Times a goal: a value beyond that would make all others too small to be seen."""
_DATA = re.compile(r"<dc:description>(.*?)</dc:description>", re.DOTALL)


def plots(results: Results | None = None) -> dict[str, str]:
    """File below docs/ -> the picture, as SVG, of these results, or those that are kept."""
    results = load() if results is None else results
    found = {}
    if some := ratios(results):
        found["benchmarks-ratios.svg"] = _ratios(some)
    if low := bounded(results):
        found["benchmarks-bounds.svg"] = _bounds(low)
    if steps := profiled(results):
        found["benchmarks-steps.svg"] = _steps(steps)
    return found


def data_of(svg: str) -> str:
    """What a plot shows, as it carries it."""
    found = _DATA.search(svg)
    return unescape(found[1]) if found else ""


def shows_the_same(path: Path, text: str) -> bool:
    """Whether the plot that is kept there shows what this one does."""
    return path.exists() and data_of(path.read_text(encoding="utf-8")) == data_of(text)


def svg(figure: Figure, data: Any) -> str:
    """The picture as text: no date, no ids drawn by lot, and with the data that it shows."""
    text = json.dumps(data, ensure_ascii=False)
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}):
        file = io.StringIO()
        figure.savefig(file, format="svg", facecolor="white", metadata={"Date": None, "Description": text})
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def canvas(rows: float, title: str) -> tuple[Figure, Axes]:
    """Room for so many rows, with a title."""
    figure = Figure(figsize=(WIDTH, 1.3 + 0.36 * rows), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=MARK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes


def _color(one: Kept) -> str:
    return {True: REACHED, False: MISSED, None: PLAIN}[one.met]


def _names(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)


def _marks(axes: Axes, *colors: tuple[str, str]) -> None:
    """What the colours mean, above the plot."""
    for color, meaning in colors:
        axes.plot([], [], color=color, linewidth=6, label=meaning)
    axes.plot([], [], color=MARK, linewidth=0, marker="|", markersize=11, markeredgewidth=2, label="goal")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=8.5, borderaxespad=0.2)


_COLORS = ((REACHED, "reached"), (MISSED, "missed"), (PLAIN, "no goal"))


def _ratios(results: Sequence[Kept]) -> str:
    figure, axes = canvas(len(results), "Ratio to the machine's limit")
    for row, one in enumerate(results):
        ratio = one.ratio or 0
        axes.barh(row, ratio, height=0.6, color=_color(one))
        axes.text(max(ratio, one.least or 0) + 0.012, row, f"{ratio:.3f}", va="center", fontsize=9)
        if one.least is not None:
            axes.plot([one.least] * 2, [row - 0.42, row + 0.42], color=MARK, linewidth=2)
    _names(axes, [one.name for one in results])
    axes.set_xlim(0, max(1.0, *(1.1 * (one.ratio or 0) for one in results)))
    axes.set_xlabel("1 = what Kafka or PostgreSQL does at best with the same payload", fontsize=9)
    _marks(axes, *_COLORS)
    return svg(figure, [[one.name, one.ratio, one.least, one.met] for one in results])


def _bounds(results: Sequence[Kept]) -> str:
    """Values of several units beside what they may be at most, each as a share of that."""
    figure, axes = canvas(len(results), "What is to be low")
    shares = [one.value / (one.most or 1) for one in results]
    for row, (one, share) in enumerate(zip(results, shares, strict=True)):
        axes.barh(row, min(share, FARTHEST), height=0.6, color=_color(one))
        text = f"{number(one.value)} of {number(one.most or 0)} {one.unit}"
        axes.text(min(max(share, 1.0), FARTHEST) + 0.015, row, text, va="center", fontsize=9)
    axes.axvline(1, color=MARK, linewidth=2)
    _names(axes, [one.name for one in results])
    axes.set_xlim(0, 1.2 * min(max(1.0, *shares), FARTHEST))
    axes.set_xlabel(f"1 = what it may be at most; bars end at {FARTHEST:.0f}", fontsize=9)
    _marks(axes, *_COLORS[:2])
    return svg(figure, [[one.name, one.value, one.most, one.unit, one.met] for one in results])


def _steps(found: Mapping[str, Mapping[str, float]]) -> str:
    figure, axes = canvas(1.6 * len(found), "Where the time goes: microseconds an event")
    widest = max(sum(steps.values()) for steps in found.values())
    for row, steps in enumerate(found.values()):
        left = 0.0
        for color, (step, each) in zip(STEPS, _few(steps), strict=False):
            axes.barh(row, each, left=left, height=0.62, color=color, edgecolor="white")
            if each > NARROWEST * widest:
                room = max(6, int(each / widest * 105))
                shown = step if len(step) <= room else f"{step[: room - 1]}…"
                axes.text(left + each / 2, row, f"{shown}\n{number(each)}", ha="center", va="center", fontsize=7.5)
            left += each
        axes.text(left + 0.01 * widest, row, number(left), va="center", fontsize=9)
    _names(axes, list(found))
    axes.set_xlim(0, 1.08 * widest)
    return svg(figure, found)


def _few(steps: Mapping[str, float]) -> list[tuple[str, float]]:
    """The dearest by name, the others as one."""
    ordered = list(steps.items())
    rest = sum(each for _, each in ordered[NAMED_STEPS:])
    return [*ordered[:NAMED_STEPS], *([("other", rest)] if rest else [])]

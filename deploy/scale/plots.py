"""The plots of docs/scale.md."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deploy.docs.plots import MARK, MISSED, STEPS, WIDTH, svg
from deploy.docs.results import Results
from deploy.scale.measured import NotMeasured
from deploy.scale.page import studied
from deploy.scale.study import Study

LINES = ("#2a7f9e", "#d9731a", "#4f8a4c", "#8c5fa8", "#b8901a", "#7a4a3a", "#5b6670", "#c0507a")
EVERY = 20
"""Steps between two points of a line: ten minutes."""
SHOWN = 8


def plots(results: Results | None = None) -> dict[str, str]:
    """File below docs/ -> picture; none where too little was measured."""
    try:
        found = studied(results)
    except NotMeasured:
        return {}
    return {"scale-day.svg": _day(found), "scale-growth.svg": _growth(found)}


def _plain(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=MARK)
    axes.set_xlabel(below, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    axes.grid(axis="y", color="#e3e7eb", linewidth=0.8)
    axes.set_axisbelow(True)


def _beside(axes: Axes) -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=8.5)


def _rounded(values: Iterable[float]) -> list[float]:
    """As far as it can be seen: so the last digit of a machine's arithmetic changes nothing."""
    return [float(f"{value:.3g}") for value in values]


def _day(found: Study) -> str:
    """The stages that are used most over a day; below, what waits when something was away."""
    figure = Figure(figsize=(WIDTH, 6.4), layout="constrained")
    above, below = figure.subplots(2)
    day = slice(0, round(86_400 / found.usual.step), EVERY)
    hours = [second / 3600 for second in found.usual.seconds[day]]
    busiest = sorted(found.usual.used, key=lambda name: -max(found.usual.used[name]))[:SHOWN]
    shown: dict[str, list[float]] = {}
    for color, name in zip(LINES, busiest, strict=False):
        shown[name] = _rounded(found.usual.used[name][day])
        above.plot(hours, [100 * share for share in shown[name]], color=color, label=name, linewidth=1.8)
    above.axhline(100 * found.assumed.most_used, color=MARK, linewidth=1, linestyle="--")
    above.set_ylim(0)
    _plain(above, "Used over a day, %", "hour")
    _beside(above)
    waits = {"any day": found.usual} | {
        f"an hour without {what}": course for what, (_, course) in found.outages.items()
    }
    for color, (name, course) in zip((STEPS[-1], *LINES), waits.items(), strict=False):
        times = [second / 3600 for second in course.seconds[::EVERY]]
        shown[name] = _rounded(wait / 1e6 for wait in course.waiting()[::EVERY])
        below.plot(times, shown[name], color=color, label=name, linewidth=1.8)
    below.set_ylim(0)
    _plain(below, "Events that wait, millions", "hour, over three days")
    _beside(below)
    return svg(figure, shown)


def _growth(found: Study) -> str:
    figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
    axes = figure.add_subplot()
    events = list(found.growth)
    names = sorted(found.plan.ceilings, key=lambda name: -found.plan.ceilings[name])[:SHOWN]
    shown = {name: _rounded(100 * plan.ceilings[name] for plan in found.growth.values()) for name in names}
    for color, (name, used) in zip(LINES, shown.items(), strict=False):
        axes.plot(events, used, color=color, label=name, marker="o", markersize=3.5, linewidth=1.8)
    axes.axhline(100 * found.assumed.most_used, color=MARK, linewidth=1, linestyle="--")
    axes.axvline(found.breaks_at, color=MISSED, linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(events, [f"{each:,}" for each in events])
    axes.set_xticks([], minor=True)
    axes.set_yticks([1, 10, 100], ["1", "10", "100"])
    axes.set_ylim(0.5, max(200.0, *(1.2 * max(used) for used in shown.values())))
    _plain(axes, "Used of what there is one of, %", "events a second at the busiest hour")
    _beside(axes)
    return svg(figure, shown)

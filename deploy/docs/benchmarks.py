"""docs/benchmarks.md: what was measured, beside what the machine could do at best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deploy.docs.meanings import markdown, table
from deploy.docs.results import Kept, Results, load

LEAD = """\
# Benchmarks

Made by `make docs` from `benchmarks.json`, which `make bench` writes. What was changed to get there, with figures
before and after, is in [what was changed](benchmarks-changes.md); what it means for more customers and events in
[scale](scale.md).

## How it is measured

`make bench` measures all figures, `make bench ONLY=pipeline.relay` one; it prints one line of JSON for each result, and
says on stderr how far it is.

* Everything runs on one machine at once: Kafka, PostgreSQL, the processes under test, and what loads and watches them.
* PostgreSQL runs with fsync, synchronous_commit and full_page_writes on; it is checked before anything is measured.
* Warm: some hundred thousand messages go through Kafka before the first figure, and the first round of a figure doesn't
  count. A value is the median of its runs, which are listed.
* A *limit* is what Kafka or PostgreSQL does at best with the same payload and nothing of this platform between,
  measured in the same run; *ratio* is value to limit.
* Personal fields are encrypted as in production. Events are those of contacts: some 300 bytes of envelope and what was
  said, {bytes} in all.
* Latencies are taken under constant load, at which the load doesn't wait for what it loads. They are counted from when
  something was due, so that a stall isn't left out.
"""

NOTHING = "Nothing has been measured yet: run `make bench`."


def page(results: Results | None = None) -> str:
    """The page for these results, or those that are kept."""
    results = load() if results is None else results
    size = next((one.more["bytes"] for one in results.results if "bytes" in one.more), None)
    lead = LEAD.format(bytes=f"{size:,.0f} bytes on average" if size else "a little more")
    parts = [lead, *(_measured(results) if results.results else [NOTHING + "\n"])]
    return "\n".join(parts)


def _measured(results: Results) -> list[str]:
    missing = [name for name in results.figures if not results.of_figure(name)]
    return [
        "## Figures",
        "",
        *dates(results.results),
        "",
        table(("figure", "value", "limit", "ratio", "goal", "reached", "runs"), [_row(one) for one in results.results]),
        "",
        *([f"Not measured: {', '.join(f'`{name}`' for name in missing)}.", ""] if missing else []),
        *(["![Ratios to the machine's limit, and their goals](benchmarks-ratios.svg)", ""] if ratios(results) else []),
        *(["![Values beside what they may be at most](benchmarks-bounds.svg)", ""] if bounded(results) else []),
        *_profiles(profiled(results)),
        *_seen(results),
    ]


def dates(results: Sequence[Kept]) -> list[str]:
    """When and on what. Says plainly where it wasn't the same for all."""
    lines: dict[tuple[str, str], list[str]] = {}
    for one in results:
        lines.setdefault((one.measured, str(one.on)), []).append(one.figure)
    if len(lines) == 1:
        ((day, on),) = lines
        return [f"All of it was measured on {day}, on {on}."]
    said = [
        f"* {day}, on {on}: {', '.join(f'`{name}`' for name in dict.fromkeys(names))}"
        for (day, on), names in sorted(lines.items())
    ]
    return ["**Not all of it was measured at one time or on one machine: compare with care.**", "", *said]


def number(value: float) -> str:
    """Three digits that tell something, thousands with commas."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0")


def verdict(one: Kept) -> str:
    """Whether the goal is reached, or by how much it is missed."""
    if one.met is None:
        return ""
    if one.met:
        return "reached"
    if one.least and one.ratio is not None and one.ratio < one.least:
        return f"**missed** by {1 - one.ratio / one.least:.0%}"
    if one.most and one.value > one.most:
        return f"**missed** by {one.value / one.most - 1:.0%}"
    return "**missed**"


def goal(one: Kept) -> str:
    """In figures where there are some, else in words."""
    said = [f"ratio ≥ {one.least:.2f}"] if one.least is not None else []
    said += [f"≤ {number(one.most)} {one.unit}"] if one.most is not None else []
    return ", ".join(said) or one.goal


def _row(one: Kept) -> tuple[str, ...]:
    return (
        f"`{one.figure}`{f' {one.of}' if one.of else ''}",
        f"{number(one.value)} {one.unit}",
        "" if one.limit is None else number(one.limit),
        "" if one.ratio is None else f"{one.ratio:.3f}",
        goal(one),
        verdict(one),
        ", ".join(map(number, one.runs)),
    )


def ratios(results: Results) -> list[Kept]:
    """Results that have a limit."""
    return [one for one in results.results if one.ratio is not None]


def bounded(results: Results) -> list[Kept]:
    """Results that are to be low."""
    return [one for one in results.results if one.most]


def profiled(results: Results) -> dict[str, Mapping[str, float]]:
    """Name of a result -> step -> microseconds an event, the dearest first."""
    return {
        one.name: dict(sorted(one.more["steps"].items(), key=lambda step: -step[1]))
        for one in results.results
        if one.more.get("steps")
    }


def _profiles(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    if not found:
        return []
    parts = [
        "## Where the time goes",
        "",
        "Microseconds an event, from one more round in which the steps were watched. Steps of several threads overlap,"
        " so they may add up to more than an event takes; watching costs a little too.",
        "",
        "![Steps of the hot paths](benchmarks-steps.svg)",
        "",
    ]
    for name, steps in found.items():
        total = sum(steps.values())
        rows = [(step, number(each), f"{each / total:.0%}") for step, each in steps.items()]
        parts += [f"### {name}", "", table(("step", "µs an event", "share"), [*rows, ("all", number(total), "")]), ""]
    return parts


def _seen(results: Results) -> list[str]:
    """What else was seen at each measurement: the limit's runs, sizes, parts."""
    rows = [
        (f"`{one.figure}`{f' {one.of}' if one.of else ''}", f"{name.replace('_', ' ')}: {_said(value)}")
        for one in results.results
        for name, value in one.more.items()
        if name != "steps"
    ]
    return ["## What else was seen", "", table(("figure", "seen"), rows), ""] if rows else []


def _said(value: object) -> str:
    match value:
        case bool() | str():
            return markdown(str(value))
        case int() | float():
            return number(value)
        case list():
            return ", ".join(map(_said, value))
        case dict():
            return "; ".join(f"{markdown(str(name))} {_said(each)}" for name, each in value.items())
    return markdown(str(value))

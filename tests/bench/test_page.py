"""docs/benchmarks.md and its plots say what the results say."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from deploy.docs import benchmarks, plots
from deploy.docs.results import Kept, Results
from tests.bench.made_up import ON, result, results

REACHED = result("pipeline.relay", 90_000, "events/s", limit=120_000, least=0.6, runs=[89_000, 90_000, 95_000])
MISSED = result("pipeline.timeline", 30_000, "events/s", limit=100_000, least=0.6)
LATE = result("pipeline.latency", 30, "ms", of="500/s p99", most=25)
PLAIN = result("pipeline.workers", 1.6, "x")
STEPPED = result("pipeline.profile", 20_000, "events/s", limit=40_000, more={"steps": {"read <rows>": 1, "COPY": 3}})
ALL = results([REACHED, MISSED, LATE, PLAIN, STEPPED], {"run.idle": "at most 0.15"})


def test_each_result_has_its_row_with_value_goal_verdict_and_runs() -> None:
    page = benchmarks.page(ALL)
    assert (
        "| `pipeline.relay` | 90,000 events/s | 120,000 | 0.750 | ratio ≥ 0.60 | reached | 89,000, 90,000, 95,000 |"
        in (page)
    )
    assert "| 0.300 | ratio ≥ 0.60 | **missed** by 50% |" in page
    assert "| `pipeline.latency` 500/s p99 | 30 ms |  |  | ≤ 25 ms | **missed** by 20% | 30 |" in page
    assert "| `pipeline.workers` | 1.6 x |  |  |  |  | 1.6 |" in page
    assert "Not measured: `run.idle`." in page


def test_steps_are_shown_with_the_dearest_first() -> None:
    page = benchmarks.page(ALL)
    assert "### pipeline.profile\n" in page
    assert page.index("| COPY | 3 | 75% |") < page.index("| read <rows> | 1 | 25% |") < page.index("| all | 4 |  |")


def test_what_else_was_seen_is_listed() -> None:
    more = {"limit_runs": [1_500, 1_400.5], "parts": {"a|b": 2}, "note": "one", "steps": {"COPY": 3}}
    page = benchmarks.page(results([result("pipeline.relay", 1_000, "events/s", limit=1_500, more=more)]))
    assert "| `pipeline.relay` | limit runs: 1,500, 1,400 |" in page
    assert "| `pipeline.relay` | parts: a\\|b 2 |" in page
    assert "| `pipeline.relay` | note: one |" in page
    assert "| steps" not in page


def test_it_says_on_what_it_was_measured() -> None:
    assert f"All of it was measured on 2026-01-05, on {ON}." in benchmarks.page(ALL)


@pytest.mark.parametrize("change", [{"measured": "2026-02-01"}, {"on": msgspec.structs.replace(ON, cpus=64)}])
def test_it_says_plainly_that_results_are_not_of_one_run(change: dict[str, object]) -> None:
    page = benchmarks.page(results([REACHED, msgspec.structs.replace(LATE, **change)]))
    assert "**Not all of it was measured at one time or on one machine" in page
    assert f"* 2026-01-05, on {ON}: `pipeline.relay`" in page
    assert "All of it was measured" not in page


def test_without_results_it_says_what_to_do() -> None:
    assert benchmarks.NOTHING in benchmarks.page(Results())
    assert plots.plots(Results()) == {}


def test_it_names_no_plot_that_is_not_made() -> None:
    for some in ([REACHED], [LATE], [PLAIN], [STEPPED], ALL.results):
        page = benchmarks.page(results(some))
        made = plots.plots(results(some))
        assert {name for name in ("ratios", "bounds", "steps") if f"benchmarks-{name}.svg" in page} == {
            name.removeprefix("benchmarks-").removesuffix(".svg") for name in made
        }


def test_plots_are_made_again_alike_and_carry_their_data() -> None:
    made = plots.plots(ALL)
    assert made == plots.plots(ALL)
    for svg in made.values():
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert "dc:date" not in svg
    assert json.loads(plots.data_of(made["benchmarks-steps.svg"])) == {
        "pipeline.profile": {"COPY": 3, "read <rows>": 1}
    }
    assert json.loads(plots.data_of(made["benchmarks-bounds.svg"])) == [[LATE.name, 30, 25, "ms", False]]


def test_a_plot_is_up_to_date_when_it_shows_the_same_data(tmp_path: Path) -> None:
    path = tmp_path / "plot.svg"
    made = plots.plots(ALL)["benchmarks-ratios.svg"]
    assert not plots.shows_the_same(path, made)
    path.write_text(made.replace("Helvetica", "Other").replace("0.8", "0.80001"), encoding="utf-8")
    assert plots.shows_the_same(path, made)
    faster = msgspec.structs.replace(REACHED, ratio=0.9)
    assert not plots.shows_the_same(path, plots.plots(results([faster]))["benchmarks-ratios.svg"])


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.0123, "0.0123"), (1.5, "1.5"), (99.94, "99.9"), (123_456.7, "123,457")]
)
def test_numbers_have_three_digits_that_tell_something(value: float, text: str) -> None:
    assert benchmarks.number(value) == text


def test_a_goal_in_words_is_shown_where_there_is_no_number() -> None:
    words: Kept = result("memory.worker", 100, "MiB", goal="flat", met=False)
    assert benchmarks.goal(words) == "flat"
    assert benchmarks.verdict(words) == "**missed**"

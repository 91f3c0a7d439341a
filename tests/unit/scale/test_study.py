"""What is said of a load: where it breaks, how good the model is, and the page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.docs import plots as drawing
from deploy.docs.results import Results, save
from deploy.scale import __main__ as command
from deploy.scale import page, plots
from deploy.scale.assumptions import Assumptions
from deploy.scale.checks import checks
from deploy.scale.load import Load
from deploy.scale.measured import measured
from deploy.scale.plan import plan
from deploy.scale.rounds import arrivals, late, round_of, through
from deploy.scale.study import MOST_EVENTS, Study, breaking, study
from tests.bench.made_up import results
from tests.unit.scale.figures import growth, kept, some

PLENTY = replace(Assumptions(), database_cores=1e9, database_iops=1e12, wal_mb_per_second=1e9)


@pytest.fixture(scope="module")
def found() -> Study:
    return study(kept(), 10_000_000, 20_000, Assumptions())


def test_it_breaks_first_where_the_most_is_used(found: Study) -> None:
    assert found.breaks_at == min(found.breaking.values())
    used = plan(replace(found.load, events=found.breaks_at), found.measured, found.assumed).ceilings
    assert max(used, key=lambda name: used[name]) == found.breaks_first
    assert used[found.breaks_first] == pytest.approx(Assumptions().most_used, rel=0.02)


def test_with_databases_without_end_it_is_the_busiest_relay_that_breaks_first() -> None:
    found = endless(80_000)
    assert min(found, key=lambda name: found[name]) == "callcenter: relay"
    assert found["callcenter: relay"] == pytest.approx(0.7 * 80_000 / 0.6, rel=0.01)
    assert found["sync: write-ahead log"] == pytest.approx(MOST_EVENTS, rel=0.01), "never"


def test_a_figure_that_is_slower_breaks_earlier() -> None:
    slow, fast = (endless(rate)["callcenter: relay"] for rate in (8_000, 80_000))
    assert slow == pytest.approx(fast / 10, rel=0.01)


def endless(relay: float) -> dict[str, float]:
    return breaking(Load.of(10_000_000, 20_000, PLENTY), measured(kept(relay=relay), PLENTY), PLENTY)


def test_the_back_fill_is_told_from_figures_that_do_not_contain_it() -> None:
    assumed = Assumptions()
    fast, slow = (
        next(c for c in checks(of, measured(of, assumed), assumed) if c.what.startswith("back-fill"))
        for of in (kept(backfill=40_000), kept(backfill=20_000))
    )
    assert fast.predicted == slow.predicted == pytest.approx(1_000_000 / 50_000 + 100_000 / 25_000)
    assert fast.measured == pytest.approx(25)
    assert fast.error == pytest.approx(24 / 25 - 1)


def test_a_latency_is_told_from_that_at_another_rate(found: Study) -> None:
    (p50, p99) = (one for one in found.checks if one.what.startswith("commit"))
    assert p50.measured == 7
    assert 4 < p50.predicted < 12
    assert p50.predicted < p99.predicted < 3 * p50.predicted


def test_a_cost_on_a_line_over_the_logarithm_of_customers_is_told_exactly() -> None:
    straight = [growth(of, (1 / 2e-5, 1 / 3e-5, 1 / 4e-5)) for of in ("timeline", "profile")]
    of = results([*(one for one in some() if one.figure != "pipeline.growth"), *straight])
    grown = [one for one in checks(of, measured(of, Assumptions()), Assumptions()) if "customers" in one.what]
    assert [one.error for one in grown if one.unit == "events/s"] == pytest.approx([0, 0])


def test_without_a_measurement_there_is_nothing_to_check() -> None:
    of = kept(without="pipeline.workers")
    assert not [one for one in checks(of, measured(of, Assumptions()), Assumptions()) if "two workers" in one.what]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(0, 1), st.floats(0, 0.1))
def test_a_stage_keeps_the_order_and_no_event_leaves_before_its_round_is_over(
    came: list[float], a_round: float, an_event: float
) -> None:
    came = sorted(came)
    left = through(came, a_round, an_event)
    assert left == sorted(left)
    assert all(end >= start + a_round + an_event - 1e-9 for start, end in zip(came, left, strict=True))
    assert max(left) <= came[-1] + len(came) * (a_round + an_event) + 1e-9


def test_the_cost_of_a_round_is_found_again() -> None:
    came = arrivals(500, 5)
    assert arrivals(500, 5) == came
    told = late(came, through(came, 0.004, 0.0001))
    assert round_of(told, lambda cost: late(came, through(came, cost, 0.0001))) == pytest.approx(0.004, rel=0.02)
    assert late([0, 0, 0, 0], [1, 2, 3, 4], 0.99) == 4


def test_the_page_says_what_it_takes_and_where_it_breaks(found: Study) -> None:
    text = page.page(kept())
    assert found.breaks_first in text
    for title in ("Conclusions", "What it takes", "Where it breaks, in order", "Checked against measurements"):
        assert f"## {title}\n" in text
    assert "| `database_cores` | 32 |" in text
    assert "not measured but assumed: row_bytes, wal_bytes" in text
    assert text == page.page(kept())


def test_without_figures_the_page_says_what_is_missing() -> None:
    assert "Not measured yet: pipeline.relay" in page.page(Results())
    assert plots.plots(Results()) == {}


def test_every_ceiling_has_a_remedy(found: Study) -> None:
    assert {name.partition(": ")[2] for name in found.plan.ceilings} == set(page.REMEDIES)


def test_plots_are_drawn_again_alike_and_carry_what_they_show(found: Study) -> None:
    made = plots.plots(kept())
    assert set(made) == {"scale-day.svg", "scale-growth.svg"}
    for svg in made.values():
        assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert made == plots.plots(kept())
    assert found.breaks_first in json.loads(drawing.data_of(made["scale-growth.svg"]))


def test_the_command_prints_what_the_page_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "benchmarks.json"
    save(kept(), path)
    at = ["--results", str(path), "--customers", "100000", "--events", "500"]
    assert command.main(at) == 0
    said = capsys.readouterr().out
    assert "**It fits.**" in said


def test_what_does_not_fit_is_said(found: Study) -> None:
    assert "**It does not fit as it is.**" in "\n".join(page.conclusions(found))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--events", "0"], "more than none"),
        (["--set", "cores=1"], "There is no assumption cores"),
        (["--results", "nowhere.json"], "Not measured yet"),
    ],
)
def test_what_cannot_be_said_is_explained(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "benchmarks.json"
    save(kept(), path)
    assert command.main(["--results", str(path), *arguments]) == 1
    assert said in capsys.readouterr().err

"""What is around the figures: how they are chosen, shown, kept and worked out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.docs import results as kept
from deploy.docs.results import Result
from tests.bench.__main__ import chosen, measured, stdout_for_results
from tests.bench.figures import Figure, at_least, at_most, percentile, throughput
from tests.bench.machine import FULL, SMALL, Machine, Size
from tests.bench.made_up import ON, result, results
from tests.bench.results import keep, machine_of
from tests.bench.steps import Steps
from tests.servers import KafkaServer, PostgresServer

DAY = date(2026, 1, 6)


def figure(name: str, *values: float, of: str = "") -> Figure:
    made = [Result(figure=name, of=of, value=value, unit="ms", runs=[value]) for value in values]
    return Figure(name, "at most 3 ms", lambda _: made, at_most(3))


def broken(_: Machine) -> list[Result]:
    raise ZeroDivisionError("no events")


THERE = [figure("pipeline.time", 1), figure("pipeline.timeline", 2), figure("run.idle", 4)]


@pytest.fixture
def machine(kafka: KafkaServer, postgres: PostgresServer, tmp_path: Path) -> Machine:
    return Machine(kafka, postgres, tmp_path, SMALL)


def of_size(machine: Machine, size: Size) -> Machine:
    return Machine(machine.kafka, machine.postgres, machine.folder, size)


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("", ["pipeline.time", "pipeline.timeline", "run.idle"]),
        ("pipeline.time", ["pipeline.time"]),
        ("pipeline.", ["pipeline.time", "pipeline.timeline"]),
        ("run.idle, pipeline.timel", ["pipeline.timeline", "run.idle"]),
    ],
)
def test_figures_are_chosen_by_name_or_by_how_it_begins(only: str, names: list[str]) -> None:
    assert [one.name for one in chosen(THERE, only)] == names


def test_a_name_that_no_figure_has_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"called time\. There are: pipeline\.time, pipeline\.timeline, run\.idle"):
        chosen(THERE, "time")


def test_a_figure_that_fails_is_told_and_the_others_go_on(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [THERE[0], Figure("pipeline.broken", "", broken), THERE[2]]
    found = {of.name: some for of, some in measured(wanted, machine)}
    assert {name: len(some) for name, some in found.items()} == {
        "pipeline.time": 1,
        "pipeline.broken": 0,
        "run.idle": 1,
    }
    said = capsys.readouterr()
    assert said.out == ""
    assert "[2/3] pipeline.broken\npipeline.broken couldn't be measured" in said.err
    assert "ZeroDivisionError: no events" in said.err


def test_only_full_size_is_judged(machine: Machine) -> None:
    assert [one.met for one in THERE[2].results(machine)] == [None]
    assert [one.met for one in THERE[2].results(of_size(machine, FULL))] == [False]
    assert [one.met for one in THERE[1].results(of_size(machine, FULL))] == [True]


def test_a_result_is_judged_by_its_own_bound_first(machine: Machine) -> None:
    own = Result(figure="f", value=4, unit="ms", most=5)
    of_figure = Result(figure="f", of="other", value=4, unit="ms")
    full = of_size(machine, FULL)
    judged = list(Figure("f", "words", lambda _: [own, of_figure], at_most(3)).results(full))
    assert [(one.met, one.most) for one in judged] == [(True, 5), (False, 3)]
    (unjudged,) = Figure("f", "", lambda _: [of_figure]).results(full)
    assert unjudged.met is None
    (without,) = Figure("f", "words", lambda _: [of_figure], at_least(0.5)).results(full)
    assert without.met is False, "a ratio that isn't there reaches nothing"


def test_only_results_come_out_on_stdout() -> None:
    code = (
        "import subprocess, sys\n"
        "from tests.bench.__main__ import stdout_for_results\n"
        "from tests.bench.figures import Result\n"
        "with stdout_for_results() as show:\n"
        "    print('a log')\n"
        "    subprocess.run([sys.executable, '-c', 'print(1)'])\n"
        "    show(Result(figure='f', value=1.5, unit='ms'))\n"
        "print('after')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == '{"figure":"f","value":1.5,"unit":"ms"}\nafter\n'
    assert "a log\n" in done.stderr


def test_stdout_is_as_before_when_measuring_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), stdout_for_results():
        raise ZeroDivisionError
    os.write(1, b"here\n")
    assert capfd.readouterr().out == "here\n"


def test_make_bench_measures_one_figure(kafka: KafkaServer, postgres: PostgresServer) -> None:
    servers = {
        **kafka.named,
        "CRM_TEST_DATABASE_URL": postgres.admin_url,
    }
    command = [sys.executable, "-m", "tests.bench", "--small", "--only", "pipeline.relay"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **servers})
    lines = [msgspec.json.decode(line, type=Result) for line in done.stdout.splitlines()]
    assert {line.figure for line in lines} == {"pipeline.relay"}
    assert "[1/1] pipeline.relay" in done.stderr
    assert "warmed Kafka up" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "pipeline.nothing"], "No figure is called pipeline.nothing. There are: pipeline.relay,"),
        (["--small", "--keep"], "aren't kept"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_starts(arguments: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "tests.bench", *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_new_results_take_the_place_of_the_same_figure(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.json"
    before = [result("pipeline.time", 9, "ms", of=of) for of in ("500/s p50", "100/s p50")]
    gone, other = result("pipeline.gone", 1, "ms"), result("run.idle", 0.1, "cores")
    kept.save(results([*before, other, gone]), path)
    new = [Result(figure="pipeline.time", of="500/s p50", value=2, unit="ms", runs=[2], more={"steps": {"a": 1.5}})]
    keep(new, THERE, ON, DAY, path)
    now = kept.load(path)
    assert list(now.figures) == ["pipeline.time", "pipeline.timeline", "run.idle"]
    assert [(one.name, one.value, one.measured) for one in now.results] == [
        ("pipeline.time 500/s p50", 2, "2026-01-06"),
        ("run.idle", 0.1, "2026-01-05"),
    ]
    assert now.results[0].more == {"steps": {"a": 1.5}}
    assert now.results[0].on == ON


def test_where_nothing_is_kept_there_is_nothing(tmp_path: Path) -> None:
    assert kept.load(tmp_path / "benchmarks.json") == kept.Results()


def test_a_machine_is_described_without_its_name(machine: Machine) -> None:
    on = machine_of(machine, {})
    assert on.cpus >= 1
    assert on.memory_gib >= 1
    assert on.postgresql.startswith("18.")
    assert on.kafka.count(".") == 2
    assert machine_of(machine, {"CRM_TEST_KAFKA_BOOTSTRAP_SERVERS": "x"}).kafka == ""
    assert os.uname().nodename not in str(on)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_and_has_its_share_below(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values) + 1e-6


def test_percentiles_that_are_known() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([3.0], 0.99) == 3


def test_a_throughput_is_the_median_of_its_runs_against_that_of_the_limits() -> None:
    found = throughput("f", [100, 90, 400], [200, 1000, 150], bytes=3)
    assert (found.value, found.limit, found.ratio, found.runs) == (100, 200, 0.5, [100, 90, 400])
    assert found.more == {"limit_runs": [200, 1000, 150], "bytes": 3}


class Work:
    """Two steps, one in the other."""

    def outer(self) -> str:
        time.sleep(0.02)
        return self.inner()

    def inner(self) -> str:
        time.sleep(0.06)
        return "done"


def test_steps_count_once_what_is_inside_another() -> None:
    before = Work.outer
    with Steps().watching({"outer": (Work, "outer"), "inner": (Work, "inner")}) as steps:
        assert Work().outer() == "done"
    assert Work.outer is before
    assert list(steps.per_event(1)) == ["inner", "outer"], "the dearest first"
    assert steps.seconds["inner"] >= 0.06
    assert 0.02 <= steps.seconds["outer"] < 0.06

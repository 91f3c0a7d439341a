"""Every figure can be measured, at a size that says nothing but that it works."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from deploy.docs.results import Result
from tests.bench.__main__ import ORDER, figures
from tests.bench.figures import Figure
from tests.bench.machine import SMALL, Machine
from tests.servers import KafkaServer, PostgresServer

MAY_BE_NOTHING = ("cores", "ms more")


@pytest.fixture
def machine(kafka: KafkaServer, postgres: PostgresServer, tmp_path: Path) -> Machine:
    return Machine(kafka, postgres, tmp_path, SMALL)


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: figure.name)
def test_it_can_be_measured(figure: Figure, machine: Machine) -> None:
    results = list(figure.results(machine))
    assert results
    assert len({result.of for result in results}) == len(results), "results of one name"
    for result in results:
        assert result.figure == figure.name
        assert result.unit
        assert result.value > 0 or (result.unit in MAY_BE_NOTHING and result.value >= 0)
        assert result.runs
        assert result.met is None, "the small size says nothing"
        if result.least is not None:
            assert result.limit
            assert result.ratio == pytest.approx(result.value / result.limit, rel=0.05, abs=0.002)
        assert msgspec.json.decode(msgspec.json.encode(result), type=Result) == result
    if figure.goal:
        assert any(one.least is not None or one.most is not None for one in results), "the page and plots need a number"


def test_every_figure_has_its_place() -> None:
    names = [figure.name for figure in figures()]
    assert len(set(names)) == len(names)
    assert [name for name in names if name not in ORDER] == []


def test_warming_up_sends_messages_through(machine: Machine) -> None:
    assert machine.warm_up() == 3 * SMALL.rows

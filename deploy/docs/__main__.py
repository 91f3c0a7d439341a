"""python -m deploy.docs [--check]: write the generated pages of docs/, or say which aren't up to date."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from deploy.docs import asyncapi, benchmarks, commands, events, plots, reference, roles, services
from deploy.scale import page as scale
from deploy.scale import plots as scale_plots

FOLDER = services.ROOT / "docs"


def pages() -> dict[str, Callable[[], str]]:
    """File below docs/ -> what makes its text."""
    return {
        "events.md": events.page,
        "asyncapi.json": asyncapi.page,
        "settings.md": reference.settings_page,
        "metrics.md": reference.metrics_page,
        "fault-points.md": reference.fault_points_page,
        "commands.md": commands.page,
        "roles.md": roles.page,
        "benchmarks.md": benchmarks.page,
        "scale.md": scale.page,
        **{f"openapi/{service}.json": partial(openapi, service) for service in services.names()},
    }


def pictures() -> dict[str, str]:
    """File below docs/ -> the plot, as SVG."""
    return {**plots.plots(), **scale_plots.plots()}


def openapi(service: str) -> str:
    """A service's API as OpenAPI 3.1."""
    return json.dumps(services.app(service).openapi(), indent=2, ensure_ascii=False) + "\n"


def outdated(folder: Path = FOLDER) -> dict[str, str]:
    """File -> the text that it should have, for those that have another."""
    made = {name: make() for name, make in pages().items()}
    drawn = {name: svg for name, svg in pictures().items() if not plots.shows_the_same(folder / name, svg)}
    return {name: text for name, text in made.items() if not _is(folder / name, text)} | drawn


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> int:
    """Write or check; gives the process's exit status."""
    check = arguments == ["--check"]
    found = outdated()
    for name, text in found.items():
        if not check:
            (FOLDER / name).parent.mkdir(exist_ok=True)
            (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"{'not up to date' if check else 'written'}: docs/{name}")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

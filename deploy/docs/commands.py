"""docs/commands.md: what can be run, from the Makefile and the parsers of the commands."""

from __future__ import annotations

import argparse
import importlib
from types import ModuleType

from deploy.docs import services
from deploy.docs.meanings import markdown, table
from deploy.docs.reference import makefile_targets

HEAD = """\
# Commands

Made from the code by `make docs`. Outside of `make`, use the Python of `.venv`.
"""
TOOLS = ("deploy.local", "deploy.sample")


def page() -> str:
    found = makefile_targets(services.ROOT / "Makefile")
    targets = [(f"`make {target}`", markdown(meaning)) for target, meaning in found]
    parts = [HEAD, table(("command", "what it does"), targets)]
    for name in [*(f"services.{service}" for service in services.names()), *TOOLS]:
        parts.append(_section(name, importlib.import_module(f"{name}.__main__")))
    return "\n".join(parts) + "\n"


def _section(name: str, module: ModuleType) -> str:
    parser = parser_of(module)
    if parser is None:
        return f"\n## python -m {name}\n\n`{(module.__doc__ or '').strip().splitlines()[0]}`"
    rows = [
        (f"`{_usage(command, each)}`", markdown(_help(parser, command)), _options(each))
        for command, each in _commands(parser).items()
    ]
    return f"\n## python -m {name}\n\n" + table(("command", "what it does", "options"), rows)


def parser_of(module: ModuleType) -> argparse.ArgumentParser | None:
    """The parser that a command's module makes with its function ``parser`` (or ``_parser``)."""
    make = getattr(module, "parser", None) or getattr(module, "_parser", None)
    made: argparse.ArgumentParser | None = make() if make else None
    return made


def _subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return dict(_subparsers(parser).choices)


def _help(parser: argparse.ArgumentParser, command: str) -> str:
    return next((a.help or "" for a in _subparsers(parser)._choices_actions if a.dest == command), "")


def _usage(command: str, parser: argparse.ArgumentParser) -> str:
    places = [str(a.metavar or a.dest) for a in parser._actions if not a.option_strings]
    return " ".join([command, *places])


def _options(parser: argparse.ArgumentParser) -> str:
    shown = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        name = action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
        shown.append(f"`{name}`{' (required)' if action.required and action.option_strings else ''}: {action.help}")
    return markdown("; ".join(shown))

"""python -m services.sfa: see shared/pipeline/main.py for its commands."""

from __future__ import annotations

import argparse
import sys

from services.sfa.wiring import BLOCK
from shared.pipeline import main


def parser() -> argparse.ArgumentParser:
    """The command line."""
    return main.parser(BLOCK)


if __name__ == "__main__":
    sys.exit(main.main(BLOCK, sys.argv[1:]))

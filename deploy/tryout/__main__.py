"""``python -m deploy.tryout --block marketing``: what would this block have shown on the company's own past?"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime

from confluent_kafka import KafkaException

from deploy.local.problems import Problem
from deploy.local.progress import Progress
from deploy.tryout import report
from deploy.tryout.scratch import Place
from deploy.tryout.weeks import Weeks
from shared.pipeline import replay


def main(arguments: list[str]) -> int:
    """Play the log to the block and print; gives the exit status."""
    options = parser().parse_args(arguments)
    progress = Progress()
    try:
        place = Place.of(options.block)
        until = replay.ends(place.settings.kafka, place.block.subscriptions(place.settings).sources)
        with place.replay(until) as trial:
            weeks = Weeks.of(trial, place.block)
            started = time.monotonic()
            with progress.counted(f"{options.block}: played sealed") as tell:
                trial.as_live(by=options.by, finish=datetime.now(UTC), watch=weeks.look, tell=tell)
            report.show(options.block, trial, weeks, progress, options.share)
            seconds = time.monotonic() - started
            progress.say(f"{trial.outcome.messages / seconds:,.0f} events/s; the scratch database is dropped.")
    except (Problem, ValueError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KafkaException as error:
        print(f"\nKafka doesn't answer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m deploy.tryout", description=__doc__)
    made.add_argument("--block", default="marketing", help="which block is tried (default: marketing)")
    made.add_argument(
        "--by",
        choices=("occurred", "recorded"),
        default="occurred",
        help="the time by which the past is played: when things happened, or when they were written down, which for "
        "an imported history is the day of the import (default: occurred)",
    )
    made.add_argument("--share", type=float, default=0.25, help="the last part of the data that is shown (0.25)")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

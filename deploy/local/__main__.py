"""``python -m deploy.local``: run the platform on this machine, end it, empty it, or print a token."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from deploy.local import environment, jars, layout, phone, state
from deploy.local.backing import Backing
from deploy.local.backup import commands as backups
from deploy.local.interrupts import Interrupts, Stopped
from deploy.local.issuer.accounts import ways_in
from deploy.local.issuer.clients import urls_from
from deploy.local.issuer.ending import end_all_of
from deploy.local.layout import Layout
from deploy.local.problems import Problem, check_space, from_os_error
from deploy.local.process import NotReady
from deploy.local.progress import Progress
from deploy.local.run import Run
from deploy.local.tokens import ACTORS, Issuer, actor, issuer_url

INTERRUPTED = 128


def main(arguments: list[str]) -> int:
    """Run one command. Returns the exit code; what only the user can change is said without a traceback."""
    options = _parser().parse_args(arguments)
    place = Layout.from_environment()
    try:
        code: int = options.command(options, place)
        return code
    except (Problem, NotReady) as problem:
        return _fail(str(problem))
    except OSError as error:
        explained = from_os_error(error, place.state)
        if explained is None:
            raise
        return _fail(str(explained))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="start the platform, until Ctrl-C")
    run.add_argument("--no-sample", action="store_true", help="don't load the sample")
    run.set_defaults(command=_run)
    servers = commands.add_parser("servers", help="start Kafka and PostgreSQL alone, print the environment")
    servers.set_defaults(command=_servers)
    stop = commands.add_parser("stop", help="end what runs")
    stop.set_defaults(command=_stop)
    reset = commands.add_parser("reset", help="end what runs and delete its data; downloads are kept")
    reset.set_defaults(command=_reset)
    download = commands.add_parser("download", help="fetch Kafka's jars, so that a start needs no network")
    download.set_defaults(command=_download)
    token = commands.add_parser("token", help="print a fresh token of one of the sample's actors")
    token.add_argument("subject", help=", ".join(known.subject for known in ACTORS))
    token.set_defaults(command=_token)
    code = commands.add_parser("code", help="print the one-time code of now with which somebody of the sample signs in")
    code.add_argument("subject", help="a person of the sample")
    code.set_defaults(command=_code)
    rotate = commands.add_parser("rotate-keys", help="have the embedded issuer sign with a new key from now on")
    rotate.add_argument("--forget-old", action="store_true", help="don't trust the old ones any more, at once")
    rotate.set_defaults(command=_rotate_keys)
    leave = commands.add_parser(
        "sign-out", help="end all sessions of a person, at the embedded issuer and the services"
    )
    leave.add_argument("subject", help="a person of the sample")
    leave.set_defaults(command=_sign_out)
    ring = commands.add_parser("ring", help="let a customer of the sample call, beside a running platform")
    ring.add_argument("--number", default=phone.SAMPLE_NUMBER, help=f"who calls (default: {phone.SAMPLE_NUMBER})")
    ring.add_argument("--queue", default=phone.QUEUE, help=f"default: {phone.QUEUE}")
    ring.set_defaults(command=_ring)
    backups.add(commands, _until_stopped)
    service = commands.add_parser("service", help="run a command of a service, as verify of sync, with its settings")
    service.add_argument("service", choices=layout.services(), help="which service")
    service.add_argument("rest", nargs=argparse.REMAINDER, help="its command, as python -m services.<name> has it")
    service.set_defaults(command=_of_service)
    return parser


def _run(options: argparse.Namespace, place: Layout) -> int:
    return _until_stopped(place, Progress(), lambda run: run.platform(with_sample=not options.no_sample))


def _servers(options: argparse.Namespace, place: Layout) -> int:
    return _until_stopped(place, Progress(to_errors=True), Run.servers)


def _until_stopped(place: Layout, progress: Progress, work: Callable[[Run], None]) -> int:
    with Interrupts() as interrupts, state.in_use(place):
        run = Run(place, progress, interrupts)
        try:
            work(run)
        except Stopped:
            pass
        finally:
            run.stop()
        if run.is_up or interrupts.received is None:
            return 0
        return INTERRUPTED + interrupts.received


def _stop(options: argparse.Namespace, place: Layout) -> int:
    pid = state.stop(place)
    print("Nothing was running." if pid is None else f"Ended process {pid}.")
    return 0


def _reset(options: argparse.Namespace, place: Layout) -> int:
    state.stop(place)
    with state.in_use(place):
        state.reset(place)
    print(f"Deleted the data in {place.state}; what was downloaded is kept.")
    return 0


def _download(options: argparse.Namespace, place: Layout) -> int:
    # Threads that wait for the network would keep an interrupted process for up to a minute.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    check_space(layout.downloads())
    with Progress().counted("Kafka: downloaded") as tell:
        jars.fetch(layout.downloads(), tell)
    return 0


def _token(options: argparse.Namespace, place: Layout) -> int:
    print(Issuer(place).issue_for(actor(options.subject)))
    return 0


def _code(options: argparse.Namespace, place: Layout) -> int:
    someone = actor(options.subject)
    way = ways_in(place).get(someone.subject)
    if way is None or not way.second_secret:
        raise Problem(f"{someone.subject} signs in without a one-time code.")
    print(way.code(time.time()))
    return 0


def _rotate_keys(options: argparse.Namespace, place: Layout) -> int:
    issuer = Issuer(place)
    name = issuer.keys.rotate()
    gone = issuer.keys.forget_old() if options.forget_old else 0
    issuer.publish()
    trusted = (
        f"{gone} older ones aren't trusted any more" if options.forget_old else "older ones are trusted an hour more"
    )
    print(f"Tokens are signed with {name} from now on; {trusted}. Services notice in five minutes at the latest.")
    return 0


def _sign_out(options: argparse.Namespace, place: Layout) -> int:
    person = actor(options.subject)
    ended = end_all_of(place, issuer_url(), urls_from(), person.subject)
    print(f"{ended} sessions of {person.name} ended. What he has open stops working within seconds.")
    return 0


def _ring(options: argparse.Namespace, place: Layout) -> int:
    print(phone.ring(Issuer(place), options.number, options.queue))
    return 0


def _of_service(options: argparse.Namespace, place: Layout) -> int:
    command = options.rest[0] if options.rest else None
    told = environment.of_service(place, Backing(place, [options.service]), options.service, command)
    line = [sys.executable, "-m", f"services.{options.service}", *options.rest]
    return subprocess.run(line, env={**os.environ, **told}).returncode


def _fail(text: str) -> int:
    with suppress(OSError):
        print(f"\n{text}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # the terminal is gone: the interpreter must not try again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(exit_code)

"""``python -m deploy.sample load | play | device``: fills the services that run with a company, and lets it work."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import httpx

from deploy.local.environment import service_url
from deploy.local.layout import SERVICE_PORTS, Layout
from deploy.local.tokens import Issuer, actor
from deploy.sample import device, loading, playing
from deploy.sample.client import Client, Refused

CALLS = 400

Connect = Callable[[str], Client]
"""Gives the client of a service."""


def main() -> int:
    options = _parser().parse_args()
    issuer = Issuer(Layout.from_environment())
    made: dict[str, Client] = {}

    def connect(service: str) -> Client:
        url = options.url if service == "callcenter" and options.url else service_url(service)
        return made.setdefault(service, Client(url, lambda subject: issuer.issue_for(actor(subject), minutes=10)))

    try:
        return int(options.command(options, connect))
    except (Refused, httpx.HTTPError) as error:
        print(f"The sample isn't taken: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Broken off; run it again to go on where it stopped.", file=sys.stderr)
        return 130
    finally:
        for client in made.values():
            client.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.sample", description=__doc__)
    parser.add_argument("--url", help="of the call center (default: CRM_CALLCENTER_URL, else where make run has it)")
    commands = parser.add_subparsers(required=True, metavar="command")
    load = commands.add_parser("load", help="bring in customers, the market and orders; a repeat changes nothing")
    load.add_argument("--customers", type=int, help="only so many (default: all 7,043)")
    load.set_defaults(command=_load)
    play = commands.add_parser("play", help="play a day of calls; a repeat of the same day changes nothing")
    play.add_argument("--day", type=date.fromisoformat, help="as which day, YYYY-MM-DD (default: yesterday)")
    play.add_argument("--calls", type=int, default=CALLS, help=f"how many (default: {CALLS})")
    play.add_argument("--customers", type=int, help="only the first so many of the customers call")
    play.add_argument(
        "--speed",
        type=float,
        default=0.0,
        help="times real time, 60 for a minute a second; without --day all happens now, so that the supervisor's page "
        "moves and an outage is proposed. 0: as fast as it goes",
    )
    play.set_defaults(command=_play)
    handheld = commands.add_parser("device", help="let Rosa's handheld pull, take a note and an order, and push")
    handheld.add_argument("--customer", default="", help="for whom, by id (default: the first in her territories)")
    handheld.set_defaults(command=_device)
    return parser


def _there(connect: Connect) -> dict[str, Client]:
    """The services that run. Raises ``Refused`` when none does."""
    clients = {service: connect(service) for service in SERVICE_PORTS}
    there = {service: client for service, client in clients.items() if client.is_there()}
    if not there:
        raise Refused(f"no service answers at {', '.join(client.url for client in clients.values())}")
    return there


def _load(options: argparse.Namespace, connect: Connect) -> int:
    return loading.load(_there(connect), datetime.now(UTC).date(), options.customers)


def _play(options: argparse.Namespace, connect: Connect) -> int:
    client = _there(connect).get("callcenter")
    if client is None:
        print("  No call center runs, so nobody calls.")
        return 0
    live = options.speed > 0 and options.day is None
    today = datetime.now(UTC).date()
    on = options.day or (today if live else today - timedelta(days=1))
    playing.Play(client, options.speed, live).run(playing.steps_of(on, options.calls, options.customers))
    return 0


def _device(options: argparse.Namespace, connect: Connect) -> int:
    place = Layout.from_environment()
    if "sync" not in _there(connect):
        raise Refused(f"sync doesn't answer at {service_url('sync')}")
    token = Issuer(place).issue_for(actor(device.REP))
    device.use(service_url("sync"), token, place.state / "device.sqlite", options.customer, print)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The commands by which a person looks after a service: parked streams, recovery, rebuild."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC

from sqlalchemy.orm import Session

from shared.edge.actor import Actor
from shared.edge.errors import Conflict, NotFound
from shared.edge.settings import Settings
from shared.pipeline import heads, keyreader, parking, rebuild, recovery, relay, verifying
from shared.pipeline.mending import note, redriven, skipped
from shared.pipeline.receive import Subscription
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from shared.pipeline.work import Work
from shared.pipeline.worker import moving

COMMANDS = {
    "parked": "list the streams that wait for a person",
    "redrive": "hand the waiting events of parked streams in again, after the cause was mended",
    "skip": "leave out what a parked stream stands at, for a reason, and go on behind it",
    "recover": "after a restore: bring database and log together (looks only, without --apply)",
    "leave": "once its workers are stopped: tell the other services that this block is given up; they keep what they "
    "know from it, as of now",
    "audit": "recompute the audit log's chain and compare it with what was anchored in the log of events",
    "rebuild": "empty what is derived from events and play the log again",
}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add these commands to a service's own."""
    parsers = {name: commands.add_parser(name, help=text, description=text) for name, text in COMMANDS.items()}
    for name in ("redrive", "skip"):
        parsers[name].add_argument("--subscription", default="main", help="default: main")
        needed = name == "skip"
        parsers[name].add_argument("--source", required=needed, help="the publishing service")
        parsers[name].add_argument("--stream", required=needed, help="for example customer/ID, as 'parked' lists it")
    parsers["redrive"].add_argument("--all", action="store_true", help="every parked stream")
    parsers["skip"].add_argument("--reason", required=True, help="why it may be left out; is kept")
    parsers["recover"].add_argument("--apply", action="store_true", help="put right what was found")
    parsers["recover"].add_argument(
        "--accept-loss", action="store_true", help="publish void events for what the log itself has lost"
    )
    parsers["leave"].add_argument("--yes", action="store_true", help="do it; else nothing is said")
    parsers["rebuild"].add_argument("--subscription", default="main", help="default: main")
    parsers["rebuild"].add_argument("--yes", action="store_true", help="do it; else it is only said what would be done")


def run(arguments: argparse.Namespace, settings: Settings, subscriptions: Subscriptions) -> int:
    """Carry out one of the commands; gives the process's exit status."""
    service = Service.of(settings, process="admin", pool_size=2)
    command = {"parked": _parked, "redrive": _redrive, "skip": _skip, "recover": _recover}
    command |= {"leave": _leave, "rebuild": _rebuild, "audit": _audit}
    try:
        return command[arguments.command](arguments, settings, service, subscriptions)
    finally:
        service.wakeup.close()
        service.engine.dispose()


def _operator() -> Actor:
    return Actor(id=f"operator:{getpass.getuser()}", is_service=True)


def _subscriptions(settings: Settings, service: Service, all_of: Subscriptions) -> dict[str, Subscription]:
    with Session(service.engine) as session:
        return {s.name: s for s in moving(session, all_of, service, settings.parked_share)}


def _subscription(
    arguments: argparse.Namespace, settings: Settings, service: Service, of: Subscriptions
) -> Subscription:
    return _named(_subscriptions(settings, service, of), arguments.subscription)


def _named(found: dict[str, Subscription], name: str) -> Subscription:
    if name not in found:
        raise NotFound(f"there is no subscription {name}; there are {', '.join(found) or 'none yet'}")
    return found[name]


def _parked(arguments: argparse.Namespace, settings: Settings, service: Service, of: Subscriptions) -> int:
    with Session(service.engine) as session:
        parked = parking.listed(session)
    for each in parked:
        since = each.since.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        columns = (each.subscription, each.source, each.stream, each.kind, f"{each.events} events", since, each.reason)
        print("\t".join(columns))
    print(f"{len(parked)} streams are parked")
    return 0


def _redrive(arguments: argparse.Namespace, settings: Settings, service: Service, of: Subscriptions) -> int:
    known = _subscriptions(settings, service, of)
    if arguments.all:
        with Session(service.engine) as session:
            places = [(p.subscription, p.source, p.stream) for p in parking.listed(session)]
    elif arguments.source and arguments.stream:
        places = [(arguments.subscription, arguments.source, arguments.stream)]
    else:
        raise NotFound("say which stream, with --source and --stream, or --all")
    # Maybe what was missing is a key, and has come meanwhile.
    keyreader.catch_up(service, sorted({source for _, source, _ in places}))
    left = 0
    for name, source, stream in places:
        subscription = _named(known, name)
        went, stay = service.transact(
            _operator(),
            lambda work, s=subscription, p=(source, stream): redriven(work, s, p),  # type: ignore[misc]
            point="consumer.commit",
        )
        left += stay
        print(f"{name} {source} {stream}: {went} events handled, {stay} stay")
    return 1 if left else 0


def _skip(arguments: argparse.Namespace, settings: Settings, service: Service, of: Subscriptions) -> int:
    subscription = _subscription(arguments, settings, service, of)
    went, stay = service.transact(
        _operator(),
        lambda work: skipped(work, subscription, (arguments.source, arguments.stream), arguments.reason),
        point="consumer.commit",
    )
    print(f"skipped; {went} events behind it handled, {stay} stay")
    return 1 if stay else 0


def _recover(arguments: argparse.Namespace, settings: Settings, service: Service, of: Subscriptions) -> int:
    try:
        report = recovery.recover(
            service, of.slices, apply=arguments.apply, accept_loss=arguments.accept_loss, by=_operator()
        )
    except recovery.LogTooShort as error:
        print(f"{error}. What is missing can't be had again; 'recover --accept-loss' goes on without it")
        return 1
    _print(report, applied=arguments.apply)
    return 0


def _print(report: recovery.Report, *, applied: bool) -> None:
    if not report.found:
        print("log and database agree")
        return
    for message in report.missing:
        if message.envelope:
            e = message.envelope
            print(f"missing here\t{e.subject}\t{e.sequence}\t{e.type}\t{e.time.isoformat()}\t{e.id}")
    for stream, sequences in report.voided.items():
        print(f"lost by the log\t{stream}\t{', '.join(map(str, sequences))}")
    for place in report.outside:
        print(
            f"outside of the log\t{place.subscription}\t{place.topic}[{place.partition}]\t"
            f"{place.offset} isn't between {place.beginning} and {place.end}: read again from {place.beginning}"
        )
    if lost := report.audit_lost:
        print(f"audit log\tpositions {lost.first} to {lost.anchored.pos} aren't as they were anchored")
    if applied:
        print(
            f"heads moved on; {report.taken_in} of {len(report.missing)} missing events taken in again, "
            f"{report.already_sent} unsent rows were in the log already, {report.renumbered} got new sequences, "
            f"{sum(map(len, report.voided.values()))} lost sequences voided"
        )
    else:
        print("nothing was changed; run it again with --apply")


def _leave(arguments: argparse.Namespace, settings: Settings, service: Service, of: Subscriptions) -> int:
    if not arguments.yes:
        print(f"would tell the others that {service.name} is given up; run it again with --yes")
        return 0
    if relay.is_led(service):
        raise Conflict(f"a worker of {service.name} still runs; its next sign of life would say that it is back")
    service.transact(_operator(), _left)
    if left := relay.send_all(service):
        print(f"said so, but {left} rows of the outbox aren't sent yet; run it again when Kafka answers")
        return 1
    print("said so")
    return 0


def _left(work: Work) -> None:
    heads.leave(work)
    note(work, "leave", f"service/{work.source}")


def _rebuilt(work: Work, subscription: Subscription) -> None:
    rebuild.rebuild(work, subscription.name, subscription.slices)
    note(work, "rebuild", f"service/{work.source}", subscription=subscription.name)


def _audit(arguments: argparse.Namespace, settings: Settings, service: Service, of: Subscriptions) -> int:
    verdict = verifying.verify(service)
    print(f"{verdict.entries} entries in the chain, {verdict.anchors} anchors in the log; it ends at {verdict.head}")
    for text in (*verdict.notes, *verdict.problems):
        print(text)
    print("something is wrong" if verdict.problems else "nothing is missing and nothing was changed")
    return 1 if verdict.problems else 0


def _rebuild(arguments: argparse.Namespace, settings: Settings, service: Service, of: Subscriptions) -> int:
    subscription = _subscription(arguments, settings, service, of)
    tables = ", ".join(t.name for s in subscription.slices for t in s.derived) or "no tables"
    if not arguments.yes:
        print(f"would empty {tables} and play the log again to {subscription.name}; run it again with --yes")
        return 0
    service.transact(_operator(), lambda work: _rebuilt(work, subscription))
    print(f"emptied {tables}; {subscription.name} plays the log again as soon as a worker runs")
    return 0

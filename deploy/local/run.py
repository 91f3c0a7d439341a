"""Starts everything in order, says what to open, and stops everything again."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import httpx

from deploy.local import environment, jars, layout, state
from deploy.local.backing import Backing
from deploy.local.children import Child
from deploy.local.interrupts import Interrupts
from deploy.local.issuer.accounts import ways_in
from deploy.local.layout import HOST, ROOT, Layout
from deploy.local.problems import Problem, check_space
from deploy.local.process import POLL_SECONDS, NotReady, tail
from deploy.local.progress import Progress
from deploy.local.supervision import MARK, SERVICES, Program, Supervisor
from deploy.local.tokens import ACTORS, CONSOLE, Actor, Issuer, is_elsewhere, issuer_url

ISSUER = "issuer"
MEASURED = {"api": "API_METRICS_PORT", "worker": "METRICS_PORT", "streams": "STREAMS_METRICS_PORT"}
"""The processes that show metrics, and the end of the variable that names their port."""
READY_SECONDS = 180
LOOK_SECONDS = 1.0
RECOVER = """

Database and log don't belong to the same moment, as after a restore. What that means for each service is said by:
.venv/bin/python -m deploy.local recover"""


class Run:
    """One run of the platform, from the first check to the last process's end."""

    def __init__(self, place: Layout, progress: Progress, interrupts: Interrupts) -> None:
        self._place = place
        self._progress = progress
        self._interrupts = interrupts
        self._supervisor: Supervisor | None = None
        self._seen: dict[str, str] = {}
        self.is_up = False

    def platform(self, with_sample: bool) -> None:
        """Run servers and services until somebody ends it."""
        services = layout.services()
        if not services:
            raise Problem(f"There's no service in {ROOT / 'services'}. Is the checkout complete?")
        backing = self._checked(services)
        for service in services:
            layout.check_port(service)
        issuer = Issuer(self._place)
        issuer.publish()
        own = issuer_programs(self._place)
        metrics = {
            (service, process): layout.free_port() for service in services for process in layout.processes(service)
        }
        programs = [one for service in services for one in service_programs(self._place, backing, service, metrics)]
        console = console_programs(self._place, services, metrics)
        for program in (*own, *console):
            layout.check_port(program.name)
        self._start_servers(backing, own + programs + console)
        for program in own:
            self._supervised.start_program(program)
        self._migrate(backing, services)
        backing.wait_for_kafka(self._progress, self._look)
        if own:
            with self._progress.step(f"{ISSUER}: ready at {issuer_url()}"):
                self._wait_ready(f"{issuer_url()}/healthz", ISSUER)
        self._start_services(programs + console, services)
        if with_sample:
            self._load_sample(backing)
        self._announce(services, issuer)
        self._watch()

    def servers(self) -> None:
        """Run Kafka and PostgreSQL alone, with a database for every service, until somebody ends it."""
        services = list(layout.SERVICE_PORTS)
        backing = self._checked(services)
        Issuer(self._place).publish()
        self._start_servers(backing, [])
        backing.wait_for_kafka(self._progress, self._look)
        told: dict[str, str] = {}
        for service in services:
            told |= environment.of_service(self._place, backing, service)
        with suppress(OSError):
            print("\n".join(f"export {name}='{value}'" for name, value in told.items()), flush=True)
        self._progress.say("Ctrl-C stops them.")
        self._watch()

    def briefly(self, work: Callable[[Backing], None]) -> None:
        """Run the servers alone as long as ``work`` goes on."""
        backing = self._checked(layout.services())
        Issuer(self._place).publish()
        self._start_servers(backing, [])
        backing.wait_for_kafka(self._progress, self._look)
        work(backing)

    def stop(self) -> None:
        """Stop whatever was started."""
        if self._supervisor is not None and self._supervisor.is_alive():
            with self._progress.step("Stopped"):
                self._supervisor.stop()
        if self._supervisor is not None:
            self._supervisor.stop()
            state.stop_leftovers(self._place)

    @property
    def _supervised(self) -> Supervisor:
        assert self._supervisor is not None
        return self._supervisor

    def _checked(self, services: list[str]) -> Backing:
        check_space(self._place.state)
        self._place.logs.mkdir(parents=True, exist_ok=True)
        state.check_versions(self._place)
        left = state.stop_leftovers(self._place)
        if left:
            self._progress.say(f"  Ended what an earlier run left: processes {', '.join(map(str, left))}")
        backing = Backing(self._place, services)
        backing.check_ports()
        return backing

    def _start_servers(self, backing: Backing, programs: list[Program]) -> None:
        check = self._interrupts.check
        if backing.kafka and not jars.are_here(layout.downloads()):
            code = Child([sys.executable, "-m", "deploy.local", "download"], os.environ).wait(check)
            if code:
                raise Problem("Kafka is missing, and couldn't be fetched: see above.")
        backing.prepare(self._progress, check)
        self._supervisor = Supervisor(self._place.state, self._place.logs)
        self._supervisor.start([*backing.programs(), *programs], check)
        backing.start(self._supervisor, self._progress, self._look)

    def _migrate(self, backing: Backing, services: list[str]) -> None:
        with self._progress.step("Databases: migrated"):
            children = {service: self._migration(backing, service) for service in services}
            try:
                failed = [name for name, child in children.items() if child.wait(self._interrupts.check)]
            finally:
                for child in children.values():
                    child.end()
        for service in failed:
            log = self._place.logs / f"{service}-migrate.log"
            raise NotReady(f"The database of {service} couldn't be migrated ({log}).\n{tail(log)}")

    def _migration(self, backing: Backing, service: str) -> Child:
        command = [sys.executable, "-m", f"services.{service}", "migrate"]
        told = environment.of_service(self._place, backing, service, "migrate")
        return Child(command, self._environ(told), self._place.logs / f"{service}-migrate.log")

    def _start_services(self, programs: list[Program], services: list[str]) -> None:
        for program in programs:
            self._supervised.start_program(program)
        for service in services:
            url = environment.service_url(service)
            with self._progress.step(f"{service}: ready at {url}"):
                self._wait_ready(f"{url}/readyz", service)

    def _wait_ready(self, url: str, service: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not _is_ready(url):
            self._look()
            if time.monotonic() > deadline:
                log = self._place.logs / (f"{service}-api.log" if service != ISSUER else f"{ISSUER}.log")
                raise NotReady(f"{service} isn't ready after {READY_SECONDS} s ({log}).\n{tail(log)}")
            self._interrupts.sleep(POLL_SECONDS)

    def _load_sample(self, backing: Backing) -> None:
        if self._place.sample_marker.exists():
            return
        self._progress.say("  Loading the sample and playing a day of calls, once")
        started = time.monotonic()
        told = environment.common(self._place, backing)
        for step in ("load", "play"):
            if Child([sys.executable, "-m", "deploy.sample", step], self._environ(told)).wait(self._look):
                raise NotReady("The sample couldn't be loaded: see above. Without it: make run SAMPLE=no")
        self._place.sample_marker.write_text("")
        self._progress.say(f"  [green]✓[/] Sample loaded [dim]{time.monotonic() - started:.1f} s[/]")

    def _announce(self, services: list[str], issuer: Issuer) -> None:
        say = self._progress.say
        say()
        if has_console():
            say(f"  [bold]Start here[/]  {environment.console_url()}")
        for service in services:
            say(f"  [bold]{service}[/]  {environment.service_url(service)}")
        say("\n  Sign in at one of them; that signs you in at the others too.\n")
        ways, now = ({} if is_elsewhere() else ways_in(self._place)), time.time()
        for someone in present(services):
            where = "" if someone.is_machine else f"  {environment.service_url(someone.home)}"
            say(f"  [bold]{someone.subject}[/] ({', '.join(someone.roles)}){where}")
            if someone.is_machine:
                say(f"    token for an hour: {issuer.issue_for(someone)}")
            elif way := ways.get(someone.subject):
                code = f"  one-time code now: {way.code(now)}" if way.second_secret else ""
                say(f"    password: {way.password}{code}")
        if any(way.second_secret for way in ways.values()):
            say("\n  A one-time code is good for half a minute. Another: .venv/bin/python -m deploy.local code sofia")
        say("\n  Let the phone ring: .venv/bin/python -m deploy.local ring")
        say("  A token for a script: .venv/bin/python -m deploy.local token anna")
        say(f"  Logs: {self._place.logs}")
        say("  Ctrl-C stops everything.")

    def _watch(self) -> None:
        """Until somebody ends it. Raises ``NotReady`` when the supervisor is gone."""
        self.is_up = True
        while True:
            for name, state_name in self._changed():
                if state_name in ("FATAL", "EXITED", "BACKOFF"):
                    self._progress.say(f"  [red]{name}: {state_name}[/], see {self._place.logs / name}.log")
                else:
                    self._progress.say(f"  {name}: {state_name}")
            self._interrupts.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        """Between two looks while starting. Raises ``Stopped``, or ``NotReady`` when a program gave up."""
        self._interrupts.check()
        for name, state_name in self._changed():
            if state_name in ("FATAL", "EXITED"):
                log = self._place.logs / f"{name}.log"
                said = tail(log)
                advice = RECOVER if '"service.refuses"' in said else ""
                raise NotReady(f"{name} ended and isn't started again ({log}).\n{said}{advice}")

    def _changed(self) -> list[tuple[str, str]]:
        """The programs whose state isn't what it was at the last look."""
        if self._supervisor is None or not self._supervisor.is_alive():
            raise NotReady(f"supervisord ended.\n{tail(self._place.logs / 'supervisord.log')}")
        states = self._supervisor.states()
        changed = [(name, now) for name, now in states.items() if self._seen.get(name, now) != now]
        self._seen = states
        return changed

    def _environ(self, told: dict[str, str]) -> dict[str, str]:
        return {**os.environ, **told, MARK: str(self._place.state)}


def present(services: Collection[str]) -> list[Actor]:
    """The sample's actors who have something to do where these services run."""
    return [someone for someone in ACTORS if someone.is_machine or someone.home in services]


Metrics = Mapping[tuple[str, str], int]
"""(service, process) -> the port of its metrics."""


def service_programs(place: Layout, backing: Backing, service: str, metrics: Metrics) -> list[Program]:
    """The processes of one service."""

    def told(process: str) -> dict[str, str]:
        own = environment.of_service(place, backing, service, process)
        if port := metrics.get((service, process)):
            own[f"CRM_{service.upper()}_{MEASURED[process]}"] = str(port)
        return own

    return [
        Program(
            group=SERVICES,
            name=f"{service}-{process}",
            command=[sys.executable, "-m", f"services.{service}", process],
            directory=ROOT,
            environment=told(process),
        )
        for process in layout.processes(service)
    ]


def has_console() -> bool:
    """Whether the console is in this checkout."""
    return (ROOT / "deploy" / CONSOLE).is_dir()


def console_programs(place: Layout, services: Collection[str], metrics: Metrics) -> list[Program]:
    """The console, which looks at all processes."""
    if not has_console():
        return []
    targets = [f"http://{HOST}:{port}" for port in metrics.values()]
    return [
        Program(
            group=SERVICES,
            name=CONSOLE,
            command=[sys.executable, "-m", "deploy.console"],
            directory=ROOT,
            environment=environment.of_console(place, services, targets),
        )
    ]


def issuer_programs(place: Layout) -> list[Program]:
    """The embedded issuer, unless the environment names another one."""
    if is_elsewhere():
        return []
    told = {layout.port_variable(ISSUER): str(layout.port_of(ISSUER)), "CRM_LOCAL_DIR": str(place.state)}
    told |= {f"CRM_{service.upper()}_URL": environment.service_url(service) for service in layout.SERVICE_PORTS}
    told["CRM_CONSOLE_URL"] = environment.console_url()
    return [
        Program(
            group=SERVICES,
            name=ISSUER,
            command=[sys.executable, "-m", "deploy.local.issuer"],
            directory=ROOT,
            environment=told,
            restart="true",
        )
    ]


def _is_ready(url: str) -> bool:
    try:
        # No proxy from the environment stands between this machine and itself.
        return httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False

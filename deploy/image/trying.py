"""Runs what was built in earnest: read-only, without capabilities, until an event has gone from one service to another.

Kafka and PostgreSQL run beside the containers as in `make run`, in a folder that goes again.
"""

from __future__ import annotations

import json
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
from joserfc.jwk import OKPKey

from deploy import blocks
from deploy.blocks import Process
from deploy.image.building import Engine, names
from deploy.kafka import acls
from deploy.local import kafka, layout, postgres
from deploy.local.environment import key_encryption_keys
from deploy.local.layout import HOST, Layout
from deploy.local.problems import Problem

START_SECONDS = 180
LOOK_SECONDS = 20
HEARD = "crm_heard_timestamp_seconds"
STAYS_SECONDS = 10
REFUSED = (303, 307, 401, 403, 404)
"""What who isn't signed in is answered, or is led to the sign-in with."""


def run(engine: Engine) -> None:
    """Raises ``Problem`` with what isn't as it should be."""
    for name in names():
        _look(engine, name)
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-images-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o711)  # root's PostgreSQL, another user, passes through
        trial = Trial(engine, folder, stack)
        trial.start_servers()
        for service in layout.services():
            trial.start(service)
        for service in layout.services():
            trial.see(service)
        trial.end()


def _look(engine: Engine, name: str) -> None:
    """The image holds what it is for and nothing else, and is nobody's in particular."""
    tag = f"{blocks.image(name)}:{blocks.version()}"
    image = json.loads(engine.run("image", "inspect", tag))[0]
    _expect(image["Config"]["User"].split(":")[0] == str(blocks.USER), f"{tag} runs as {image['Config']['User']!r}")
    looks = "id -u; ls services 2>/dev/null; ls; find / -xdev -name '*.ts' -path '/app/*' | head -1"
    inside = engine.run("run", "--rm", "--read-only", "--entrypoint", "sh", tag, "-c", looks).split()
    _expect(inside[0] == str(blocks.USER), f"{tag} runs as user {inside[0]}")
    others = set(acls.SERVICES) - {name}
    strange = (others | {"tests", ".git", "requirements", "node_modules"}) & set(inside)
    _expect(not strange, f"{tag} holds {', '.join(sorted(strange))}")
    refused = "touch /app/x 2>/dev/null || touch /x 2>/dev/null || echo read-only"
    said = engine.run("run", "--rm", "--read-only", "--entrypoint", "sh", tag, "-c", refused)
    _expect(said == "read-only", f"{tag} could write to its root file system")
    print(f"{tag}: {image['Size'] / 1e6:.0f} MB, user {inside[0]}, read-only", flush=True)


class Trial:
    """The services' containers, beside servers of their own."""

    def __init__(self, engine: Engine, folder: Path, stack: ExitStack) -> None:
        self._engine = engine
        self._folder = folder
        self._stack = stack
        self._kafka = kafka.Kafka(folder / "kafka", folder / "private")
        self._postgres = postgres.Postgres(folder / "postgres", folder / "private", max_connections=300)
        self._ports: dict[tuple[str, str], int] = {}
        self._run = secrets.token_hex(3)
        self._running: list[Process] = []
        key = OKPKey.generate_key("Ed25519", {"kid": "gone"})
        self._jwks = json.dumps({"keys": [key.as_dict(private=False)]})

    def start_servers(self) -> None:
        """Kafka with the services' users and rights, given by the operators' image, and PostgreSQL."""
        for server in (self._kafka, self._postgres):
            self._stack.callback(server.stop)
            server.start(START_SECONDS)
        self._write("kafka-admin", self._kafka.client["sasl.password"])
        told = self._kafka_variables("CRM_KAFKA_", kafka.ADMIN, "kafka-admin")
        for service in layout.services():
            self._write(blocks.kafka_secret(service), secrets.token_hex(16))
            told[f"CRM_{service.upper()}_KAFKA_SASL_PASSWORD_FILE"] = self._inside(blocks.kafka_secret(service))
            self._postgres.ensure_database(service)
        name = blocks.OPERATIONS
        said = self._once(f"{blocks.image(name)}:{blocks.version()}", told, "kafka", "--apply", "--users")
        print(f"crm/{name}: {said.splitlines()[-1]}", flush=True)

    def start(self, service: str) -> None:
        """Migrate, and start what runs as long as the service does."""
        image = f"{blocks.image(service)}:{blocks.version()}"
        migration = blocks.migration(service)
        self._once(image, self._told(migration), migration.command)
        for process in blocks.processes(service):
            name = self._name(process)
            self._stack.callback(self._remove, name)
            limit = f"{process.memory_mib[1]}m"
            hardened = ["-d", "--name", name, "--memory", limit, *self._options(self._told(process))]
            self._engine.run("run", *hardened, image, process.command)
            self._running.append(process)

    def see(self, service: str) -> None:
        """Each process is ready, and the worker has heard of all other services through Kafka."""
        for process in (each for each in self._running if each.service == service):
            self._until(lambda p=process: self._answers(p, "/readyz"), f"{process.name} isn't ready", process)  # type: ignore[misc]
            self._until(lambda p=process: self._answers(p, "/healthz"), f"{process.name} isn't well", process)  # type: ignore[misc]
            if process.is_api:
                self._expect_pages(process)
            elif process.command == "worker":
                others = set(layout.services()) - {service}
                self._until(lambda p=process, o=others: self._has_heard(p, o), f"{service} hears nothing", process)  # type: ignore[misc]
                print(f"crm/{service}: ready, and has heard {', '.join(sorted(others)) or 'itself alone'}", flush=True)

    def end(self) -> None:
        """Each process was there to the end, and ends in its own orderly way."""
        time.sleep(STAYS_SECONDS)
        for process in self._running:
            name, began = self._name(process), time.monotonic()
            state = json.loads(self._engine.run("inspect", name))[0]["State"]
            if not state["Running"]:
                raise Problem(f"{process.name} ended by itself:\n{self._log(process)}")
            memory = self._memory(process)
            self._engine.run("stop", "-t", str(blocks.GRACE_SECONDS), name)
            code = json.loads(self._engine.run("inspect", name))[0]["State"]["ExitCode"]
            if code != 0:
                raise Problem(f"{process.name} ended with {code} when it was asked to:\n{self._log(process)}")
            print(f"{process.name}: {memory} of memory, ended in {time.monotonic() - began:.1f} s", flush=True)

    def _expect_pages(self, process: Process) -> None:
        at = f"http://{HOST}:{self._port(process, 'http')}"
        self._until(lambda: _status(f"{at}/static/page.css") == 200, f"{process.name} has no style for pages", process)
        for path, why in (("/cases", "lets anybody in"), ("/metrics", "shows its metrics where people come from")):
            status = _status(f"{at}{path}")
            _expect(status in REFUSED, f"{process.name} {why}: {path} gives {status}")

    def _has_heard(self, process: Process, others: set[str]) -> bool:
        heard = re.findall(HEARD + r'\{source="(\w+)"\} (\S+)', self._metrics(process))
        return {source for source, at in heard if float(at) > 0} >= others

    def _memory(self, process: Process) -> str:
        found = re.search(r"^process_resident_memory_bytes (\S+)", self._metrics(process), re.MULTILINE)
        return f"{float(found[1]) / 2**20:.0f} MiB" if found else "unknown"

    def _metrics(self, process: Process) -> str:
        return httpx.get(f"http://{HOST}:{self._port(process, 'metrics')}/metrics", timeout=5).text

    def _answers(self, process: Process, path: str) -> bool:
        return _status(f"http://{HOST}:{self._port(process, 'metrics')}{path}") == 200

    def _told(self, process: Process) -> dict[str, str]:
        """As a container elsewhere, but for ports: these containers have the machine's network."""
        service, prefix = process.service, f"CRM_{process.service.upper()}"
        role = blocks.login(service, process.role)
        place = Layout(self._folder)
        texts = {
            blocks.database_secret(service, process.role): self._postgres.url(role, service),
            blocks.KEYS: key_encryption_keys(place),
        }
        for name in process.secrets().values():
            if name != blocks.kafka_secret(service):
                self._write(name, texts.get(name, ""))
        kinds = ("METRICS", "API_METRICS", "STREAMS_METRICS")
        ports = {f"{prefix}_PORT": "http", **{f"{prefix}_{kind}_PORT": "metrics" for kind in kinds}}
        return {
            **process.environment(),
            **self._kafka_variables(f"{prefix}_KAFKA_", service, None),
            "CRM_KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
            "CRM_HOST": HOST,
            # Nobody signs in here: the key that could is gone.
            "CRM_TOKEN_ISSUER": "nobody",
            "CRM_JWKS_FILE": self._inside(self._write("jwks", self._jwks)),
            "CRM_HEADS_SECONDS": "1",
            **{f"{name}_FILE": self._inside(file) for name, file in process.secrets().items()},
            **{name: str(self._port(process, kind)) for name, kind in ports.items()},
        }

    def _kafka_variables(self, prefix: str, user: str, password: str | None) -> dict[str, str]:
        told = {
            "CRM_KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
            f"{prefix}SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            f"{prefix}SASL_MECHANISM": kafka.MECHANISM,
            f"{prefix}SASL_USERNAME": user,
        }
        return told | ({f"{prefix}SASL_PASSWORD_FILE": self._inside(password)} if password else {})

    def _options(self, told: Mapping[str, str]) -> list[str]:
        given = [part for name, value in told.items() for part in ("-e", f"{name}={value}")]
        hardened = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]  # noqa: S108
        return [*hardened, "--network", "host", "-v", f"{self._folder / 'given'}:{blocks.SECRETS}:ro", *given]

    def _once(self, image: str, told: Mapping[str, str], *command: str) -> str:
        return self._engine.run("run", "--rm", *self._options(told), image, *command, seconds=START_SECONDS)

    def _remove(self, name: str) -> None:
        # Whatever became of it: what is to be told is why it was tried, and not that it couldn't be removed.
        with suppress(Problem):
            self._engine.run("rm", "-f", name)

    def _write(self, name: str, text: str) -> str:
        given = self._folder / "given"
        given.mkdir(exist_ok=True)
        (given / name).write_text(text)
        (given / name).chmod(0o444)
        return name

    def _inside(self, name: str) -> str:
        return f"{blocks.SECRETS}/{name}"

    def _name(self, process: Process) -> str:
        return f"crm-{self._run}-{process.name}"

    def _port(self, process: Process, kind: str) -> int:
        return self._ports.setdefault((process.name, kind), layout.free_port())

    def _log(self, process: Process) -> str:
        return self._engine.run("logs", "--tail", "20", self._name(process), errors_too=True)

    def _until(self, holds: Callable[[], bool], otherwise: str, process: Process) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise Problem(f"{otherwise} after {START_SECONDS} s:\n{self._log(process)}")
            time.sleep(0.5)


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=LOOK_SECONDS).status_code
    except httpx.HTTPError:
        return 0


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Problem(otherwise)

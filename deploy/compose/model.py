"""The compose file, as data."""

from __future__ import annotations

from typing import Any

from deploy import blocks
from deploy.blocks import Process
from deploy.compose import secret
from deploy.kafka.acls import SERVICES
from deploy.local import kafka, layout, postgres

Part = dict[str, Any]
TAG = "${CRM_VERSION:-" + blocks.version() + "}"

_HARDENED: Part = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "tmpfs": ["/tmp:size=256m,mode=1777"],  # noqa: S108
}
_LOGGED: Part = {"logging": {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}}
_SETUP = "-setup"

# The image's own start knows no way to make a user before the first one can be let in.
_START_KAFKA = """\
cd /opt/kafka/bin
if [ ! -e /var/lib/kafka/data/meta.properties ]; then
  ./kafka-storage.sh format -t "$$(./kafka-storage.sh random-uuid)" -c /run/secrets/kafka.properties \
--add-scram "$$(cat /run/secrets/kafka-admin-user)"
fi
exec ./kafka-server-start.sh /run/secrets/kafka.properties
"""

_SET_UP_POSTGRES = """\
export PGPASSWORD="$$(cat /run/secrets/postgres-password)"
cd /run/secrets
for service in {services}; do
  psql -X -q -h postgres -U postgres -v ON_ERROR_STOP=1 -v service="$$service" \
-v owner="$$(cat $$service-owner-password)" -v api="$$(cat $$service-api-password)" \
-v worker="$$(cat $$service-worker-password)" -f /roles.sql
done
"""


def model(services: list[str], secrets: list[str]) -> Part:
    """Kafka, PostgreSQL, and a profile for each service, so that a company starts with the blocks that it wants."""
    parts: Part = {"kafka": _kafka(), "postgres": _postgres()}
    parts["kafka" + _SETUP] = _kafka_setup(services)
    parts["postgres" + _SETUP] = _postgres_setup(services)
    for service in services:
        for process in [blocks.migration(service), *blocks.processes(service)]:
            parts[process.name] = _process(process)
    parts[blocks.CONSOLE] = _console()
    return {
        "name": "crm",
        "services": parts,
        "volumes": {"kafka": {}, "postgres": {}},
        "secrets": {name: {"file": f"./secrets/{name}"} for name in secrets},
        "networks": {"inside": {"internal": True}, "outside": {}},
    }


def environment_file() -> str:
    """What a company says about itself; compose reads it from ``.env`` beside its file."""
    lines = [
        "# The URL of the OpenID Connect issuer of access tokens, as it calls itself (docs/settings.md).",
        "CRM_TOKEN_ISSUER=",
        "# Where people find each service: a proxy of yours that ends TLS and leads to the port on this machine.",
        *(f"{_url(service)}=http://localhost:{port}" for service, port in layout.SERVICE_PORTS.items()),
        "CRM_DEFAULT_REGION=US",
        "CRM_CURRENCY=USD",
        f"CRM_VERSION={blocks.version()}",
        "# For the console: where people find it, and whom it asks. Leave out the processes of blocks that you",
        "# don't have; with a Prometheus, name that instead.",
        f"CRM_CONSOLE_URL=http://localhost:{layout.SERVER_PORTS[blocks.CONSOLE]}",
        f"CRM_METRICS_TARGETS={','.join(_targets())}",
        "CRM_PROMETHEUS_URL=",
    ]
    return "\n".join(lines) + "\n"


def _url(service: str) -> str:
    return f"CRM_{service.upper()}_URL"


def _kafka() -> Part:
    return {
        "image": f"apache/kafka:{kafka.VERSION}",
        "entrypoint": ["bash", "-ec", _START_KAFKA],
        "environment": {"KAFKA_HEAP_OPTS": "-Xmx1g -Xms1g", "LOG_DIR": "/tmp/logs"},  # noqa: S108
        "secrets": [secret.KAFKA_PROPERTIES, secret.KAFKA_USER],
        "volumes": ["kafka:/var/lib/kafka/data"],
        "networks": ["inside"],
        "healthcheck": _check(["CMD-SHELL", f"bash -c '</dev/tcp/localhost/{secret.KAFKA_PORT}'"]),
        **_staying(2048, 120),
    }


def _postgres() -> Part:
    return {
        "image": f"postgres:{postgres.VERSION}",
        "command": ["postgres", "-c", "max_connections=300", "-c", "shared_buffers=512MB"],
        "environment": {"POSTGRES_PASSWORD_FILE": f"{blocks.SECRETS}/{secret.POSTGRES_PASSWORD}"},
        "secrets": [secret.POSTGRES_PASSWORD],
        "volumes": ["postgres:/var/lib/postgresql"],
        "shm_size": "256m",
        "networks": ["inside"],
        "healthcheck": _check(["CMD-SHELL", "pg_isready -h localhost -U postgres"]),
        **_staying(4096, 120),
    }


def _kafka_setup(services: list[str]) -> Part:
    told = {
        "CRM_KAFKA_BOOTSTRAP_SERVERS": f"kafka:{secret.KAFKA_PORT}",
        "CRM_KAFKA_SASL_USERNAME": kafka.ADMIN,
        "CRM_KAFKA_SASL_PASSWORD_FILE": f"{blocks.SECRETS}/{secret.KAFKA_ADMIN}",
        **_SASL,
    }
    passwords = {f"CRM_{service.upper()}_KAFKA_SASL_PASSWORD": blocks.kafka_secret(service) for service in services}
    told |= {f"{name}_FILE": f"{blocks.SECRETS}/{file}" for name, file in passwords.items()}
    return {
        "image": f"{blocks.image(blocks.OPERATIONS)}:{TAG}",
        "command": ["kafka", "--apply", "--users"],
        "environment": told,
        "secrets": [secret.KAFKA_ADMIN, *passwords.values()],
        "depends_on": {"kafka": {"condition": "service_healthy"}},
        "networks": ["inside"],
        **_ending(),
    }


def _postgres_setup(services: list[str]) -> Part:
    passwords = [secret.database_password(service, role) for service in services for role in blocks.ROLES]
    return {
        "image": f"postgres:{postgres.VERSION}",
        "user": "postgres",
        "entrypoint": ["sh", "-ec", _SET_UP_POSTGRES.format(services=" ".join(services))],
        "secrets": [secret.POSTGRES_PASSWORD, *passwords],
        "volumes": ["./roles.sql:/roles.sql:ro"],
        "depends_on": {"postgres": {"condition": "service_healthy"}},
        "networks": ["inside"],
        **_ending(),
    }


_SASL = {"CRM_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "CRM_KAFKA_SASL_MECHANISM": kafka.MECHANISM}
"""Without TLS: nobody but these containers is in the network ``inside``."""


def _process(process: Process) -> Part:
    ready = {"condition": "service_completed_successfully"}
    after = {"postgres" + _SETUP: ready} if process.ends else {f"{process.service}-{blocks.MIGRATE}": ready}
    part: Part = {
        "image": f"{blocks.image(process.service)}:{TAG}",
        "profiles": [process.service],
        "command": [process.command],
        "environment": _environment(process),
        "secrets": list(process.secrets().values()),
        "depends_on": after | {"kafka" + _SETUP: ready},
        "networks": ["inside"],
    }
    if process.ends:
        return part | _ending()
    if process.is_api:
        part["ports"] = [f"127.0.0.1:{layout.SERVICE_PORTS[process.service]}:{blocks.API_PORT}"]
    if process.goes_out:
        # To be reached, and to reach the issuer and whoever tells people.
        part["networks"] = ["inside", "outside"]
    part["healthcheck"] = _asked(blocks.METRICS_PORT)
    return part | _HARDENED | _staying(process.memory_mib[1], blocks.GRACE_SECONDS)


def _targets() -> list[str]:
    running = [process for service in layout.services() for process in blocks.processes(service)]
    return [f"http://{process.name}:{blocks.METRICS_PORT}" for process in running if process.tells]


def _console() -> Part:
    """The page that shows all of it; it keeps nothing, and goes to no database."""
    asked = ("CRM_CONSOLE_URL", "CRM_METRICS_TARGETS", "CRM_PROMETHEUS_URL", *map(_url, SERVICES))
    return {
        "image": f"{blocks.image(blocks.OPERATIONS)}:{TAG}",
        "profiles": [blocks.CONSOLE],
        "command": [blocks.CONSOLE],
        "environment": {
            "CRM_CONSOLE_PORT": str(blocks.API_PORT),
            f"{blocks.CONSOLE_SETTING}_FILE": f"{blocks.SECRETS}/{blocks.CONSOLE_CLIENT}",
            **_ISSUER,
            **{name: "${" + name + ":-}" for name in asked},
        },
        "secrets": [blocks.CONSOLE_CLIENT],
        "networks": ["inside", "outside"],
        "ports": [f"127.0.0.1:{layout.SERVER_PORTS[blocks.CONSOLE]}:{blocks.API_PORT}"],
        "healthcheck": _asked(blocks.API_PORT),
        **_HARDENED,
        **_staying(512, blocks.GRACE_SECONDS),
    }


def _asked(port: int) -> Part:
    asking = f"import urllib.request as r; r.urlopen('http://localhost:{port}/healthz', timeout=3)"
    return _check(["CMD", "python", "-c", asking])


_ISSUER = {"CRM_TOKEN_ISSUER": "${CRM_TOKEN_ISSUER:?see .env}"}


def _environment(process: Process) -> Part:
    told = {
        **process.environment(),
        "CRM_KAFKA_BOOTSTRAP_SERVERS": f"kafka:{secret.KAFKA_PORT}",
        f"CRM_{process.service.upper()}_KAFKA_SASL_USERNAME": process.service,
        **_SASL,
        **_ISSUER,
        "CRM_DEFAULT_REGION": "${CRM_DEFAULT_REGION:-US}",
        "CRM_CURRENCY": "${CRM_CURRENCY:-USD}",
        "CRM_NOTIFY_URL": "${CRM_NOTIFY_URL:-}",
        **{_url(service): "${" + _url(service) + ":-}" for service in SERVICES},
    }
    return told | {f"{name}_FILE": f"{blocks.SECRETS}/{file}" for name, file in process.secrets().items()}


def _check(test: list[str]) -> Part:
    return {"test": test, "interval": "10s", "timeout": "5s", "retries": 6, "start_period": "60s"}


def _staying(memory_mib: int, grace_seconds: int) -> Part:
    return {
        "restart": "unless-stopped",
        "stop_grace_period": f"{grace_seconds}s",
        "deploy": {"resources": {"limits": {"memory": f"{memory_mib}m"}}},
        **_LOGGED,
    }


def _ending() -> Part:
    return {"restart": "on-failure:5", **_HARDENED, **_LOGGED}

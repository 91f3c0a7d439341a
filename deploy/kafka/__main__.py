"""``python -m deploy.kafka``: print the services' rights as arguments of ``kafka-acls.sh``, or apply them.

To apply, ``CRM_KAFKA_…`` say where the cluster is and who its administrator is, as they do for a service. With
``--users`` the services of which ``CRM_<SERVICE>_KAFKA_SASL_PASSWORD`` is given are made users with that password.
"""

from __future__ import annotations

import argparse
import os
import sys

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.kafka import acls, users
from shared.edge.settings import kafka_settings, with_files


def main(arguments: list[str]) -> int:
    """Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="bring a cluster's rules to these")
    parser.add_argument("--users", action="store_true", help="with --apply: have the services' users as well")
    chosen = parser.parse_args(arguments)
    if not chosen.apply:
        print("\n".join(rule.command() for rule in acls.rules()))
        return 0
    environ, problems = with_files(os.environ)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    settings = kafka_settings(environ)
    if "bootstrap.servers" not in settings:
        print("CRM_KAFKA_BOOTSTRAP_SERVERS isn't set", file=sys.stderr)
        return 1
    try:
        admin = AdminClient(dict(settings))
        passwords = users.passwords(environ) if chosen.users else {}
        users.upsert(admin, passwords)
        added, removed = acls.apply(admin)
    except KafkaException as error:
        print(f"the rights couldn't be applied: {error.args[0].str()}", file=sys.stderr)
        return 1
    if passwords:
        print(f"users: {', '.join(passwords)}")
    print(f"{added} rights added, {removed} taken away")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

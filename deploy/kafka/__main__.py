"""``python -m deploy.kafka``: print the services' rights as arguments of ``kafka-acls.sh``, or apply them.

To apply, ``CRM_KAFKA_…`` say where the cluster is and who its administrator is, as they do for a service.
"""

from __future__ import annotations

import argparse
import os
import sys

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.kafka import acls
from shared.edge.settings import kafka_settings


def main(arguments: list[str]) -> int:
    """Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="bring a cluster's rules to these")
    if not parser.parse_args(arguments).apply:
        print("\n".join(rule.command() for rule in acls.rules()))
        return 0
    settings = kafka_settings(os.environ)
    if "bootstrap.servers" not in settings:
        print("CRM_KAFKA_BOOTSTRAP_SERVERS isn't set", file=sys.stderr)
        return 1
    try:
        added, removed = acls.apply(AdminClient(dict(settings)))
    except KafkaException as error:
        print(f"the rights couldn't be applied: {error.args[0].str()}", file=sys.stderr)
        return 1
    print(f"{added} rights added, {removed} taken away")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

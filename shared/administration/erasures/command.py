"""The command ``certificate``: is a file what this platform signed, and what does it say?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from shared.administration.erasures.certificate import NotGenuine, Signing, verify
from shared.edge.settings import Settings
from shared.pipeline.main import Command


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Verify a certificate; gives the process's exit status."""
    if arguments.keys:
        keys = json.loads(arguments.keys.read_text(encoding="utf-8"))
    else:
        keys = Signing(settings.certificate_key).keys()
    try:
        report = verify(arguments.file.read_text(encoding="utf-8"), keys)
    except (NotGenuine, OSError) as error:
        print(f"not genuine: {error}", file=sys.stderr)
        return 1
    state = "complete" if report.complete else f"not complete: {'; '.join(report.open)}"
    print(
        f"genuine; erasure {report.erasure} of {len(report.members)} members, as of {report.made.isoformat()}: {state}"
    )
    return 0


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the certificate, as /erasures/ID/certificate gives it")
    parser.add_argument("--keys", type=Path, help="a key set (from /certificates/keys); default: CRM_CERTIFICATE_KEY")


COMMAND = Command("certificate", "verify the certificate of an erasure, and say whether it is complete", run, _add)

"""The sample's telephone system: makes one call come in, so that a screen can be seen to pop up."""

from __future__ import annotations

import uuid

import httpx

from deploy.local.environment import service_url
from deploy.local.problems import Problem
from deploy.local.tokens import Issuer, actor

SAMPLE_NUMBER = "(212) 555-0000"
"""Of the sample's first customer."""

QUEUE = "billing"


def ring(issuer: Issuer, number: str = SAMPLE_NUMBER, queue: str = QUEUE) -> str:
    """Let ``number`` call in a queue of the call center. Returns what was done, in words.

    Raises ``Problem`` when nobody is there to take it.
    """
    call = f"ring-{uuid.uuid4().hex[:12]}"
    url = service_url("callcenter")
    token = issuer.issue_for(actor("telephony"), minutes=5)
    try:
        answer = httpx.post(
            f"{url}/telephony/ring",
            json={"call": call, "number": number, "queue": queue},
            headers={"authorization": f"Bearer {token}", "idempotency-key": call},
            timeout=10,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Problem(f"The call center at {url} doesn't answer: {error}\nStart it with: make run") from error
    if answer.is_error:
        raise Problem(f"The call center at {url} refuses the call: {answer.text}")
    return f"{number} rings in the queue {queue}: {url}/contacts/{answer.json()['contact']}"

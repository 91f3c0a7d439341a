"""Reads what a form was sent with."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData

LARGEST_FORM = 64_000


async def form_of(request: Request) -> FormData:
    """What a form was sent with; nothing here takes files."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise HTTPException(413)
    return FormData([*parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)])


Form = Annotated[FormData, Depends(form_of)]

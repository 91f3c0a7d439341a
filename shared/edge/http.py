"""The HTTP edge: an application that denies by default, one form for errors, logs without personal data."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import msgspec
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from shared.access.grants import Grants
from shared.edge import errors, forms
from shared.edge.actor import Actor
from shared.edge.auth import Authenticator
from shared.edge.db import is_passing
from shared.edge.faults import FaultRaised
from shared.edge.guard import Guard, route_of
from shared.edge.health import Health
from shared.edge.language import translation_for
from shared.edge.limits import BodyLimit
from shared.edge.metrics import HTTP_REFUSED
from shared.edge.problems import FAILED, describe_errors, problem
from shared.texts import N_, Text

log = structlog.get_logger(__name__)

STATUS = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Invalid: 422,
    errors.Unavailable: 503,
    errors.TooMany: 429,
    errors.Refused: 400,
}
E = TypeVar("E", bound=Callable[..., Any])


WHY = "crm-why"
"""The header (as ``why`` in a query) by which a client says on account of which contact or case it asks."""
_WHY = re.compile(r"(contact|case|order)/[0-9a-zA-Z-]{1,60}")

JSON: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}}}}
"""``responses`` of an endpoint that answers with ``encoded``."""


def encoded(value: object) -> Response:
    """A JSON answer of msgspec's, without the framework's slower serializer."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def public(endpoint: E) -> E:
    """Mark an endpoint as open to anybody. Without the mark a route asks for an actor."""
    endpoint.__public__ = True  # type: ignore[attr-defined]
    return endpoint


WayIn = Callable[[Request], Awaitable[Actor]]
ProblemPage = Callable[[Request, int, str], Response]
"""Makes the page that says to a person what went wrong: of the request, status and detail."""


def way_in(take: WayIn) -> Callable[[E], E]:
    """Mark an endpoint whose actor isn't known by an access token: ``take`` gives it, or raises ``Unauthenticated``."""

    def marked(endpoint: E) -> E:
        endpoint.__way_in__ = take  # type: ignore[attr-defined]
        return endpoint

    return marked


def takes_upload(endpoint: E) -> E:
    """Mark an endpoint whose body may have up to ``LARGEST_UPLOAD`` bytes."""
    endpoint.__upload__ = True  # type: ignore[attr-defined]
    return endpoint


# Dependencies that wait for nothing are coroutines: the framework would hand a plain function to a thread.
async def current_actor(request: Request) -> Actor:
    """The actor of the request; there always is one outside of public routes."""
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is None:
        raise errors.Unauthenticated(N_("sign in first"))
    return actor


CurrentActor = Annotated[Actor, Depends(current_actor)]


async def ask_again(request: Request) -> Callable[[], Actor]:
    """For answers without an end: gives the actor as often as it is asked, as long as it would be let in anew; then
    raises ``Refused``."""
    again: Callable[[], Actor] = request.state.again
    return again


Again = Annotated[Callable[[], Actor], Depends(ask_again)]


@dataclass(frozen=True)
class Standings:
    """What an application is told of those who come in."""

    grants_of: Callable[[Actor], Grants]
    refused: Callable[[Actor, str, str, Text], None] = lambda _actor, _route, _subject, _why: None
    """Keeps a refusal: of whom, on which route, about what, and why."""


def create_app(
    title: str,
    authenticator: Authenticator,
    routers: Sequence[APIRouter],
    health: Health,
    standings: Standings,
    forms_to: str = "",
    problem_page: ProblemPage | None = None,
    **options: Any,
) -> FastAPI:
    """An application of these routers. Every route but those marked ``public`` needs a valid token, or what its own
    ``way_in`` asks for. ``forms_to``: see ``Guard``. ``problem_page``: for people, who get no JSON."""

    async def authenticate(request: Request) -> None:
        endpoint = getattr(request.scope.get("route"), "endpoint", None)
        if getattr(endpoint, "__public__", False):
            return
        take: WayIn | None = getattr(endpoint, "__way_in__", None)
        actor = _placed(await (take or authenticator.admit)(request), request)
        request.state.actor = actor
        request.state.again = lambda: _placed(authenticator.actor(request), request)
        request.state.grants = standings.grants_of(actor)

    app = FastAPI(
        title=title,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(authenticate)],
        **options,
    )
    _add_plain_routes(app, health)
    for router in routers:
        app.include_router(router)
    answer = partial(_answer, problem_page)
    _add_error_answers(app, standings, answer)
    _add_database_answers(app, answer)
    app.add_middleware(BodyLimit, uploads=_upload_paths(routers))
    # Around all else, so that whatever is answered is protected, counted and logged.
    app.add_middleware(Guard, forms_to=forms_to)
    describe_errors(app)
    return app


def _upload_paths(routers: Sequence[APIRouter]) -> frozenset[str]:
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return frozenset(route.path for route in routes if getattr(route.endpoint, "__upload__", False))


def _add_plain_routes(app: FastAPI, health: Health) -> None:
    # Coroutines, so that they answer while every thread waits for the database.
    @app.get("/healthz", include_in_schema=False)
    @public
    async def healthz() -> Response:
        return _told(health.lives())

    @app.get("/readyz", include_in_schema=False)
    @public
    async def readyz() -> Response:
        return _told(health.ready())

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return app.openapi()


def _told(answer: tuple[bool, dict[str, Any]]) -> Response:
    ok, body = answer
    return JSONResponse(body, status_code=200 if ok else 503)


def _placed(actor: Actor, request: Request) -> Actor:
    """The actor with where it comes from and on whose account it says that it asks."""
    client = request.client.host if request.client else ""
    why = request.headers.get(WHY) or request.query_params.get("why", "")
    return replace(actor, origin=actor.origin or client, why=why if _WHY.fullmatch(why) else "")


def _is_opened(request: Request) -> bool:
    """Whether a person opened a page. A script can't follow to the issuer, and has to be told instead."""
    return "text/html" in request.headers.get("accept", "") and request.headers.get("sec-fetch-mode", "navigate") == (
        "navigate"
    )


def _sign_in(request: Request) -> str:
    """Where to sign in, and come back to what was wanted."""
    if request.method != "GET":
        return "/sign-in"
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?{urlencode({'return': wanted})}" if wanted != "/" else "/sign-in"


def _subject(request: Request) -> str:
    for name, value in request.path_params.items():
        return f"{'customer' if name == 'member' else name}/{value}"
    return ""


Answer = Callable[[Request, int, Text], Response]
NOT_VALID = Text(N_("the request isn't of the form that is expected"))
AWAY = Text(N_("the database doesn't answer just now; nothing was changed or its outcome is unknown"))
PLAIN = {
    400: Text(N_("the request can't be read")),
    404: Text(N_("there is nothing at this address")),
    405: Text(N_("this address takes no request of this kind")),
}
"""What the framework says in a word or two."""


def _answer(problem_page: ProblemPage | None, request: Request, status: int, detail: Text) -> Response:
    if problem_page and _is_opened(request):
        return problem_page(request, status, detail.told(translation_for(request)))
    return problem(request, status, detail)


def _add_error_answers(app: FastAPI, standings: Standings, answer: Answer) -> None:
    @app.exception_handler(errors.Refused)
    def refused(request: Request, error: errors.Refused) -> Response:
        actor: Actor | None = getattr(request.state, "actor", None)
        if isinstance(error, errors.Forbidden) and actor:
            standings.refused(actor, route_of(request.scope), _subject(request), error.text)
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        if status == 401 and _is_opened(request):
            HTTP_REFUSED.labels(status).inc()
            return RedirectResponse(_sign_in(request), status_code=303)
        if isinstance(error, errors.TooMany):
            return problem(request, status, error.text, retry_after=error.seconds)
        return answer(request, status, error.text)

    @app.exception_handler(RequestValidationError)
    def not_valid(request: Request, error: RequestValidationError) -> Response:
        return problem(request, 422, NOT_VALID, errors=forms.found(error.errors(), translation_for(request)))

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, PLAIN.get(error.status_code) or Text(str(error.detail)))

    @app.exception_handler(FaultRaised)
    def fault(request: Request, error: FaultRaised) -> Response:
        return problem(request, 503, f"fault point {error}")


def _add_database_answers(app: FastAPI, answer: Answer) -> None:
    @app.exception_handler(SQLAlchemyError)
    def database(request: Request, error: SQLAlchemyError) -> Response:
        if is_passing(error):
            return answer(request, 503, AWAY)
        log.error("http.database_error", route=route_of(request.scope), error=type(error).__name__)
        return answer(request, 500, FAILED)

"""Erasures over HTTP."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from shared.administration.erasures import handlers, reads
from shared.administration.erasures.answers import Forgetting
from shared.administration.erasures.certificate import Signing
from shared.administration.erasures.rules import ERASED, Erasure, Report
from shared.edge.actor import Actor
from shared.edge.errors import Conflict
from shared.edge.http import JSON, CurrentActor, encoded, public
from shared.edge.inputs import Id, Input
from shared.edge.settings import Settings
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from shared.texts import N_, Text


class ProposeBody(Input):
    customer: Id
    reason: Literal["request", "retention", "error"] = "request"


class Reporter:
    """Reads of one service, for its API and its pages."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.signing = Signing(settings.certificate_key)
        self._days = settings.backup_days

    def erasures(self, actor: Actor) -> Sequence[Erasure]:
        """Those that were proposed here and are within reach. Raises ``Forbidden``."""
        with self.service.look(actor) as look:
            handlers.need_any(look)
            return handlers.within_reach(look, reads.erasures(look.session))

    def erasure(self, actor: Actor, id: str) -> tuple[Erasure, Report | None]:
        """One of them, with the report once it is decided. Raises ``Forbidden`` and ``NotFound``."""
        with self.service.look(actor) as look:
            handlers.need_any(look)
            one = reads.erasure_of(look.session, id)
            handlers.see(look, one)
            if one.state != ERASED:
                return one, None
            now, name = self.service.clock(), self.service.name
            return one, reads.report(look.session, id, by=name, now=now, backup_days=self._days)


def router(reporter: Reporter, forgetting: Forgetting) -> APIRouter:
    """Endpoints of erasures."""
    routes = APIRouter(tags=["erasures"])
    service = reporter.service
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/erasures", status_code=201)
    def propose(body: ProposeBody, command: Once) -> Response:
        """Propose that a customer, with all members that are the same one now, be forgotten everywhere and for good."""
        customer = str(body.customer)
        return command.run(lambda work: {"erasure": handlers.propose(work, customer, body.reason)}, status=201)

    @routes.get("/erasures", response_model=None, responses=JSON)
    def erasures(actor: CurrentActor) -> Response:
        """The erasures that were proposed here, the newest first."""
        return encoded(reporter.erasures(actor))

    @routes.post("/erasures/{erasure}/consent")
    def consent(erasure: Id, command: Once) -> Response:
        """Consent, as another person: now it is done. 409 if the customer is made of other members by now."""

        def run(work: Work) -> dict[str, Any]:
            done = handlers.consent(work, forgetting, str(erasure))
            return {"erasure": done.id, "members": done.members}

        return command.run(run)

    @routes.post("/erasures/{erasure}/withdraw")
    def withdraw(erasure: Id, command: Once) -> Response:
        """Let a proposal rest."""

        def run(work: Work) -> dict[str, str]:
            handlers.withdraw(work, str(erasure))
            return {"erasure": str(erasure)}

        return command.run(run)

    @routes.post("/erasures/{erasure}/look")
    def look(erasure: Id, command: Once) -> Response:
        """Have the topics of keys read again that still held keys of the members."""

        def run(work: Work) -> dict[str, str]:
            handlers.look_again(work, str(erasure))
            return {"erasure": str(erasure)}

        return command.run(run)

    _add_reports(routes, reporter)
    return routes


def _add_reports(routes: APIRouter, reporter: Reporter) -> None:
    @routes.get("/erasures/{erasure}", response_model=None, responses=JSON)
    def report(erasure: Id, actor: CurrentActor) -> Response:
        """What became of an erasure, worked out now: who forgot what and when, and what is open."""
        one, found = reporter.erasure(actor, str(erasure))
        return encoded({"erasure": one, "report": found})

    @routes.get("/erasures/{erasure}/certificate", response_model=None)
    def certificate(erasure: Id, actor: CurrentActor) -> Response:
        """The report as of now, signed (JWS); it says itself whether all is done. Without a key of certificates it is
        plain JSON, and says that it isn't signed."""
        one, found = reporter.erasure(actor, str(erasure))
        if found is None:
            raise Conflict(N_("this erasure is %(state)s; there is nothing to certify"), state=Text(one.state))
        if not reporter.signing.is_possible:
            unsigned = {"signed": False, "why": "no CRM_CERTIFICATE_KEY is set, so nobody can prove this report"}
            return encoded({**unsigned, "report": found})
        name = f'attachment; filename="erasure-{one.id}.jws"'
        headers = {"content-disposition": name}
        return PlainTextResponse(reporter.signing.sign(found), media_type="application/jose", headers=headers)

    @routes.get("/certificates/keys", response_model=None, responses=JSON)
    @public
    def keys() -> Response:
        """The public keys by which certificates are verified (JWKS)."""
        return JSONResponse(reporter.signing.keys())

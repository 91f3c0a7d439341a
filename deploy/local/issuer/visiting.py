"""What a person meets at the issuer: signing in, taking a second factor, the page of the own account."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import pyotp
from authlib.oauth2 import OAuth2Error
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from deploy.local.issuer.accounts import Accounts
from deploy.local.issuer.forms import Form
from deploy.local.issuer.granting import Asked, Server
from deploy.local.issuer.guesses import TooMany
from deploy.local.issuer.pages import Pages, came_from_here, keep
from deploy.local.issuer.sessions import ENROL_SECONDS, SESSION_SECONDS, Session, Sessions
from deploy.local.issuer.signing_in import Admitted, MustEnrol, SigningIn, Typed, mark_cookie
from deploy.local.issuer.texts import WHY, WHY_MUST, language_of, translate
from deploy.local.tokens import needs_second_factor

SESSION_COOKIE = "issuer_session"
ENROL_COOKIE = "issuer_enrol"
MARK_SECONDS = 180 * 24 * 3600
WRONG = "This name, password and code don't belong together."
TOO_MANY = "Too many tries. Wait {seconds} s, then try again."
CANT_GIVE = "The service asked for something that can't be given."
TOO_OLD = "This form is too old. Try again."


@dataclass(frozen=True)
class Visitors:
    """The pages of people."""

    server: Server
    pages: Pages
    accounts: Accounts
    sessions: Sessions
    signing_in: SigningIn

    def router(self) -> APIRouter:
        """Their routes."""
        routes = APIRouter()

        def authorize(request: Request) -> Response:
            return self.authorize(request)

        def sign_in(request: Request, form: Form) -> Response:
            return self.sign_in(request, form)

        def enrol(request: Request) -> Response:
            return self.show_enrolment(request)

        def enrolled(request: Request, form: Form) -> Response:
            return self.enrol(request, form)

        def end_session(request: Request) -> Response:
            return self.sign_out(request, None)

        def end_session_by_form(request: Request, form: Form) -> Response:
            return self.leave(request, form) if "form" in form else self.sign_out(request, form)

        def account(request: Request) -> Response:
            return self.account(request)

        for path, method, endpoint in (
            ("/authorize", "GET", authorize),
            ("/authorize", "POST", sign_in),
            ("/enrol", "GET", enrol),
            ("/enrol", "POST", enrolled),
            ("/end-session", "GET", end_session),
            ("/end-session", "POST", end_session_by_form),
            ("/", "GET", account),
        ):
            routes.add_api_route(path, endpoint, methods=[method], response_model=None)
        return routes

    def authorize(self, request: Request) -> Response:
        """A service sends somebody to be signed in: at once for who is signed in here, else after the form."""
        asked, session = self._asked(request), self._session(request)
        try:
            grant = self.server.get_consent_grant(asked, session)
        except OAuth2Error as error:
            return self._refusal(request, asked, error)
        if session is None or grant.prompt == "login":
            return self._form(request)
        answer: Response = self.server.create_authorization_response(asked, session, grant)
        return answer

    def sign_in(self, request: Request, form: FormData) -> Response:
        """The form was sent: let somebody in, or not."""
        asked = self._asked(request)
        try:
            grant = self.server.get_consent_grant(asked, None)
        except OAuth2Error as error:
            return self._refusal(request, asked, error)
        if not came_from_here(request, form):
            return self._form(request, 400, self._say(request, TOO_OLD))
        name, password, code = (str(form.get(field, ""))[:200] for field in ("name", "password", "code"))
        name = name.strip().lower()
        typed = Typed(name, password, code, address_of(request), request.cookies.get(mark_cookie(name)))
        try:
            outcome = self.signing_in.check(typed)
        except TooMany as refused:
            return self._too_many(request, refused, typed.name)
        if isinstance(outcome, MustEnrol):
            answer: Response = RedirectResponse(f"/enrol?{_without_prompt(request)}", 303)
            keep(answer, ENROL_COOKIE, outcome.browser, request, ENROL_SECONDS)
            return answer
        if outcome is None:
            return self._form(request, 401, self._say(request, WRONG), typed.name)
        session = self.sessions.of_browser(outcome.browser)
        answer = self.server.create_authorization_response(asked, session, grant)
        self._keep(request, answer, outcome, typed.name)
        return answer

    def show_enrolment(self, request: Request, status: int = 200, error: str = "") -> Response:
        """The secret of a second factor to be taken; for who is signed in and has none, a new one."""
        pending = self.sessions.enrolment(request.cookies.get(ENROL_COOKIE))
        started = None
        if pending is None:
            session = self._session(request)
            if session is None or self.accounts.has_second_factor(session.subject):
                return RedirectResponse("/", 303)
            pending = session.subject, pyotp.random_base32()
            started = self.sessions.begin_enrolment(*pending)
        subject, secret = pending
        actor = self.accounts.actor(subject)
        why = WHY_MUST if actor and needs_second_factor(actor.roles) else WHY
        answer = self.pages.answer(
            request,
            "enrol.html",
            "Set up one-time codes",
            status,
            error,
            why=why,
            secret=secret,
            uri=pyotp.TOTP(secret).provisioning_uri(name=subject, issuer_name="CRM"),
            action=f"/enrol?{request.url.query}",
        )
        if started:
            keep(answer, ENROL_COOKIE, started, request, ENROL_SECONDS)
        return answer

    def enrol(self, request: Request, form: FormData) -> Response:
        """A code proves that the secret arrived: from now on it is asked for."""
        browser = request.cookies.get(ENROL_COOKIE)
        pending = self.sessions.enrolment(browser)
        if pending is None:
            return RedirectResponse("/", 303)
        if not came_from_here(request, form):
            return self.show_enrolment(request, 400, self._say(request, TOO_OLD))
        try:
            admitted = self.signing_in.enrol(browser, str(form.get("code", "")), address_of(request))
        except TooMany as refused:
            return self._too_many(request, refused)
        if admitted is None:
            return self.show_enrolment(request, 401, self._say(request, "This code isn't right."))
        query = request.url.query
        answer = RedirectResponse(f"/authorize?{query}" if query else "/", 303)
        answer.delete_cookie(ENROL_COOKIE)
        self._keep(request, answer, admitted, pending[0])
        return answer

    def sign_out(self, request: Request, form: FormData | None) -> Response:
        """A service sends somebody to be signed out everywhere."""
        try:
            wanted = self.server.validate_endpoint_request("end_session", self._asked(request, form))
        except OAuth2Error:
            wanted = None
        if wanted is None or wanted.needs_confirmation:
            # Without an ID token of ours anybody could have sent this browser here.
            return self.pages.said(request, "Sign out", "", [("/end-session", "Sign out everywhere?")])
        answer: Response | None = self.server.create_endpoint_response("end_session", wanted)
        return answer or self.pages.said(request, "Sign out", "You are signed out.")

    def leave(self, request: Request, form: FormData) -> Response:
        """Sign-out on our own page, of whoever is signed in here."""
        if session := self._session(request):
            if not came_from_here(request, form):
                return self.pages.said(request, "This can't be done", TOO_OLD, status=400)
            self.sessions.end(session.sid)
        return self.pages.said(request, "Sign out", "You are signed out.")

    def account(self, request: Request) -> Response:
        """Who is signed in here."""
        session = self._session(request)
        actor = self.accounts.actor(session.subject) if session else None
        if session is None or actor is None:
            return self.pages.said(request, "Sign in", "You aren't signed in.")
        said = self._say(request, "You are signed in as {name}.").format(name=actor.name)
        if self.accounts.has_second_factor(session.subject):
            return self.pages.said(
                request, "Sign in", f"{said} {self._say(request, 'You have a second factor.')}", [LEAVE]
            )
        return self.pages.said(request, "Sign in", said, [LEAVE], links=[("/enrol", "Set up one-time codes")])

    def _form(self, request: Request, status: int = 200, error: str = "", name: str = "") -> Response:
        action = f"/authorize?{request.url.query}"
        return self.pages.answer(request, "sign_in.html", "Sign in", status, error, action=action, name=name)

    def _too_many(self, request: Request, refused: TooMany, name: str = "") -> Response:
        said = self._say(request, TOO_MANY).format(seconds=refused.seconds)
        answer = self._form(request, 429, said, name) if name else self.show_enrolment(request, 429, said)
        answer.headers["retry-after"] = str(refused.seconds)
        return answer

    def _refusal(self, request: Request, asked: Asked, error: OAuth2Error) -> Response:
        """To the client, if it is known where that is; else on a page here: never to where anybody wants."""
        if error.redirect_uri:
            answer: Response = self.server.handle_error_response(asked, error)
            return answer
        return self.pages.said(request, "This can't be done", CANT_GIVE, status=400, detail=error.description or "")

    def _keep(self, request: Request, answer: Response, admitted: Admitted, subject: str) -> None:
        keep(answer, SESSION_COOKIE, admitted.browser, request, SESSION_SECONDS)
        keep(answer, mark_cookie(subject), admitted.mark, request, MARK_SECONDS)

    def _asked(self, request: Request, form: FormData | None = None) -> Asked:
        return Asked(request, self.server.issuing.name, form)

    def _session(self, request: Request) -> Session | None:
        return self.sessions.of_browser(request.cookies.get(SESSION_COOKIE))

    def _say(self, request: Request, text: str) -> str:
        return translate(text, language_of(request))


LEAVE = ("/end-session", "Sign out")


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def _without_prompt(request: Request) -> str:
    return urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "prompt"])

"""What the issuer gives out, and for what: Authlib's server and grants on this store."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidRequestError, OAuth2Payload, OAuth2Request, TokenMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint, EndSessionRequest
from joserfc.jwk import KeySet
from starlette.datastructures import FormData, ImmutableMultiDict, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from deploy.local.issuer.accounts import Accounts
from deploy.local.issuer.clients import METHODS, SCOPES, Client
from deploy.local.issuer.keys import ALGORITHM, SigningKeys
from deploy.local.issuer.sessions import Session, Sessions
from deploy.local.issuer.store import Store, digest, new_secret
from deploy.local.tokens import AUDIENCE, Actor
from deploy.local.tokens import actor as sample_actor

TOKEN_SECONDS = 600
CODE_SECONDS = 60
GRACE_SECONDS = 10.0
"""So long the token before may be used once more: two tabs renew at the same time, an answer gets lost."""


@dataclass(frozen=True)
class Issuing:
    """What grants work with."""

    name: str
    store: Store
    keys: SigningKeys
    accounts: Accounts
    sessions: Sessions
    clients: Mapping[str, Client]
    clock: Callable[[], float] = time.time


class Payload(OAuth2Payload):
    """The parameters of a request, from its query or its form."""

    def __init__(self, values: ImmutableMultiDict[str, Any]) -> None:
        self._values = values

    @property
    def data(self) -> ImmutableMultiDict[str, Any]:
        return self._values

    @property
    def datalist(self) -> dict[str, list[Any]]:
        return {name: self._values.getlist(name) for name in self._values}


class Asked(OAuth2Request):
    """A request in the library's form, already read."""

    def __init__(self, request: Request, issuer: str, form: FormData | None) -> None:
        super().__init__(request.method, f"{issuer}{request.url.path}", headers=request.headers)
        self._form: ImmutableMultiDict[str, Any] = form if form is not None else QueryParams("")
        self.payload = Payload(self._form if form is not None else request.query_params)

    @property
    def args(self) -> Any:
        return self.payload.data

    @property
    def form(self) -> Any:
        return self._form


class Server(AuthorizationServer):
    """Authlib's authorization server, on Starlette's requests and answers."""

    def __init__(self, issuing: Issuing) -> None:
        super().__init__(scopes_supported=SCOPES)
        self.issuing = issuing
        self.register_token_generator("default", self._generate)
        self.register_grant(CodeGrant, [Identity(issuing), S256()])
        self.register_grant(Renewal, [Identity(issuing)])
        self.register_grant(MachineGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(SignOut)

    def query_client(self, client_id: str) -> Client | None:
        return self.issuing.clients.get(client_id)

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Access tokens are kept nowhere; refresh tokens as digests."""
        if "refresh_token" in token:
            self.issuing.store.run(
                "INSERT INTO refresh (digest, client, sid, scope) VALUES (?, ?, ?, ?)",
                digest(token["refresh_token"]),
                request.client.name,
                request.user.sid,
                token["scope"],
            )

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request  # our endpoints make it: a body is read by a coroutine, and this here is none

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        given = dict(headers)
        if "Location" in given:
            return RedirectResponse(given["Location"], status_code=303)
        return JSONResponse(body, status_code=status, headers={**given, "cache-control": "no-store"})

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def _generate(
        self, grant_type: str, client: Client, user: Session | None = None, scope: str = "", **options: Any
    ) -> dict[str, Any]:
        token = {
            "token_type": "Bearer",
            "access_token": self._access_token(client, user),
            "expires_in": TOKEN_SECONDS,
            "scope": scope or "",
        }
        if user is not None and options.get("include_refresh_token"):
            token["refresh_token"] = new_secret()
        return token

    def _access_token(self, client: Client, session: Session | None) -> str:
        """As RFC 9068 has it."""
        someone = person(self.issuing, session) if session else sample_actor(client.name)
        claims = {
            **about(someone),
            "iss": self.issuing.name,
            "aud": AUDIENCE,
            "client_id": client.name,
            "jti": str(uuid.uuid4()),
            "iat": (now := int(self.issuing.clock())),
            "exp": now + TOKEN_SECONDS,
        }
        return self.issuing.keys.sign(claims | ({"sid": session.sid} if session else {}), typ="at+jwt")


def person(issuing: Issuing, session: Session) -> Actor:
    """Who signed in."""
    found = issuing.accounts.actor(session.subject)
    assert found is not None
    return found


def about(someone: Actor) -> dict[str, Any]:
    """What a token says of somebody."""
    return {
        "sub": someone.subject,
        "name": someone.name,
        "roles": list(someone.roles),
        "teams": list(someone.teams),
    }


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):
    """A code that was given out, as it is kept."""

    digest: str
    sid: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    session: Session
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.session.began)

    def get_amr(self) -> list[str]:
        return list(self.session.factors)


class CodeGrant(AuthorizationCodeGrant):
    """Codes: good for a minute and once; a second use ends the session, for somebody else has it too."""

    TOKEN_ENDPOINT_AUTH_METHODS = sorted(METHODS)

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        issuing, asked = self.server.issuing, request.payload.data
        issuing.store.run("DELETE FROM code WHERE ends < ?", issuing.clock() - TOKEN_SECONDS)
        issuing.store.run(
            "INSERT INTO code (digest, client, sid, redirect_uri, scope, nonce, challenge, ends)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            digest(code),
            request.client.name,
            request.user.sid,
            asked["redirect_uri"],
            request.scope,
            asked.get("nonce"),
            asked["code_challenge"],
            issuing.clock() + CODE_SECONDS,
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """The code, taken: also a request that is wrong in another way uses it up."""
        issuing = self.server.issuing
        with issuing.store.changing():
            row = issuing.store.one("SELECT * FROM code WHERE digest = ?", digest(code))
            issuing.store.run("UPDATE code SET used = 1 WHERE digest = ?", digest(code))
        if row is None:
            return None
        if row["used"]:
            issuing.sessions.end(row["sid"])
        session = issuing.sessions.of_sid(row["sid"])
        if row["used"] or session is None or row["client"] != client.name or row["ends"] < issuing.clock():
            return None
        kept = (row[name] for name in ("digest", "sid", "redirect_uri", "scope", "nonce", "challenge"))
        return Code(*kept, session)

    def authenticate_user(self, code: Code) -> Session:
        self.server.issuing.sessions.used_for(code.sid, self.request.client.name)
        return code.session

    def delete_authorization_code(self, code: Code) -> None:
        """It stays for some minutes, marked as used, so that a second use is noticed."""


class S256(CodeChallenge):
    """Proof of possession (RFC 7636), never left out and never in the clear."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        asked = grant.request.payload.data
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("Missing 'code_challenge' with 'code_challenge_method' S256")
        super().validate_code_challenge(grant, redirect_uri)


@dataclass(frozen=True)
class Refresh(TokenMixin):
    """A refresh token, as it is kept."""

    digest: str
    client: str
    scope: str
    session: Session

    def check_client(self, client: Client) -> bool:
        return self.client == client.name

    def get_scope(self) -> str:
        return self.scope


class Renewal(RefreshTokenGrant):
    """Each refresh token is good once. One that comes again later was copied, so its session ends."""

    TOKEN_ENDPOINT_AUTH_METHODS = sorted(METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        issuing, now = self.server.issuing, self.server.issuing.clock()
        kept = digest(refresh_token)
        with issuing.store.changing():
            row = issuing.store.one("SELECT * FROM refresh WHERE digest = ?", kept)
            if row is None or row["client"] != self.request.client.name:
                return None
            is_copied = row["replaced"] is not None and row["replaced"] + GRACE_SECONDS < now
            issuing.store.run("UPDATE refresh SET replaced = ? WHERE digest = ? AND replaced IS NULL", now, kept)
        if is_copied:
            issuing.sessions.end(row["sid"])
        session = issuing.sessions.of_sid(row["sid"])
        return None if is_copied or session is None else Refresh(kept, row["client"], row["scope"], session)

    def authenticate_user(self, token: Refresh) -> Session:
        return token.session

    def revoke_old_credential(self, token: Refresh) -> None:
        """Done when it was looked up."""


class MachineGrant(ClientCredentialsGrant):
    """Machines have tokens for themselves."""

    TOKEN_ENDPOINT_AUTH_METHODS = sorted(METHODS)


class Identity(OpenIDCode):
    """The ID token, which says to the client who signed in, when, and how."""

    def __init__(self, issuing: Issuing) -> None:
        super().__init__(require_nonce=True)
        self._issuing = issuing

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        asked = nonce, request.payload.client_id
        return self._issuing.store.one("SELECT 1 FROM code WHERE nonce = ? AND client = ?", *asked) is not None

    def resolve_client_private_key(self, client: Client) -> Any:
        return self._issuing.keys.current()

    def get_client_algorithm(self, client: Client) -> str:
        return ALGORITHM

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": ALGORITHM, "kid": self._issuing.keys.current().kid, "typ": "JWT"}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        now = int(self._issuing.clock())
        return {"iss": self._issuing.name, "aud": client.name, "iat": now, "exp": now + TOKEN_SECONDS}

    def generate_user_info(self, session: Session, scope: str) -> dict[str, Any]:
        return {
            **about(person(self._issuing, session)),
            "sid": session.sid,
            "auth_time": int(session.began),
            "amr": list(session.factors),
        }


class Revocation(RevocationEndpoint):
    """RFC 7009. A refresh token's end is its session's end; an access token ends with its session or by itself."""

    CLIENT_AUTH_METHODS = sorted(METHODS)

    def query_token(self, token: str, token_type_hint: str | None) -> Refresh | None:
        issuing = self.server.issuing
        row = issuing.store.one("SELECT * FROM refresh WHERE digest = ?", digest(token))
        session = issuing.sessions.of_sid(row["sid"]) if row else None
        return Refresh(row["digest"], row["client"], row["scope"], session) if row and session else None

    def revoke_token(self, token: Refresh, request: OAuth2Request) -> None:
        self.server.issuing.sessions.end(token.session.sid)


class SignOut(EndSessionEndpoint):
    """Sign-out that a client asked for: the session of its ID token ends everywhere."""

    def get_server_jwks(self) -> KeySet:
        trusted: KeySet = self.server.issuing.keys.trusted()
        return trusted

    def get_algorithms(self) -> list[str]:
        return [ALGORITHM]

    def end_session(self, asked: EndSessionRequest) -> None:
        if asked.id_token_claims and "sid" in asked.id_token_claims:
            self.server.issuing.sessions.end(asked.id_token_claims["sid"])

"""How a device shows who it is: it signs each request with a key that never leaves it. No clock is involved.

``Authorization: CRM-Device <compact JWS>``, Ed25519, over what the request is and the turn that the device may use.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from starlette.requests import Request

from shared.edge.errors import Unauthenticated
from shared.texts import N_, Text

SCHEME = "CRM-Device"
KIND = "crm-device"
"""The header's ``typ``: a signature made for anything else isn't taken."""
ALGORITHM = "Ed25519"
ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
RENEW = Text(N_("the rep has to sign in and renew it"))


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device signs."""

    device: str
    method: str
    path: str
    """With the query, as it is sent."""
    body: str
    """Hexadecimal: the SHA-256 of the body."""
    turn: Annotated[int, msgspec.Meta(ge=0, le=2**62)]
    request: Annotated[str, msgspec.Meta(pattern=f"^{ID}$")]
    """A random name that the device keeps before it sends, so that a repetition has the same."""


@dataclass(frozen=True)
class Shown:
    """A request as it came, with the signature that it carries."""

    signature: str
    method: str
    path: str
    body: str

    def of(self, device: str, key: str | None) -> Said:
        """What the device of this key says. Raises ``Unauthenticated`` unless it says it of this very request."""
        said = _opened(self.signature, key)
        if said is None:
            raise Unauthenticated(
                N_("this isn't signed with the key that is known of the device; %(renew)s"), renew=RENEW
            )
        if (said.device, said.method, said.path, said.body) != (device, self.method, self.path, self.body):
            raise Unauthenticated(N_("the device has signed another request than this one"))
        return said


async def shown(request: Request) -> Shown:
    """The signature that came with a request. Raises ``Unauthenticated`` when none did."""
    scheme, _, signature = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != SCHEME.lower():
        raise Unauthenticated(N_("a device signs its requests: Authorization: %(scheme)s SIGNATURE"), scheme=SCHEME)
    # As it was sent: what the framework makes of a path and a query isn't what was signed.
    path, query = request.scope["raw_path"], request.scope["query_string"]
    whole = (path + b"?" + query if query else path).decode("ascii", "replace")
    return Shown(signature.strip(), request.method, whole, sha256(await request.body()).hexdigest())


def _opened(signature: str, key: str | None) -> Said | None:
    """What was signed with this key (``x`` of a JWK), none if it wasn't."""
    if key is None:
        return None
    try:
        public = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": key})
        found = jws.deserialize_compact(signature, public, algorithms=[ALGORITHM])
        said = msgspec.json.decode(found.payload, type=Said)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return said if found.headers().get("typ") == KIND else None

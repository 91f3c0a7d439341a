"""What is refused is told in the reader's language, in English to who names none; and what is kept of it, in both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from joserfc.jwk import ECKey, KeySet
from pydantic import Field

from shared.access.grants import NOTHING
from shared.customer.fields import BUILT_IN, parse
from shared.edge.auth import Authenticator, Trust
from shared.edge.clock import system_clock
from shared.edge.errors import Conflict, Invalid
from shared.edge.health import Health
from shared.edge.http import Standings, create_app, public
from shared.edge.inputs import Input, Instant, ShortText
from shared.edge.issuer import KeyFile
from shared.edge.limits import LARGEST_BODY
from shared.texts import N_, Saying, Text

SPANISH = {"accept-language": "es-MX,es;q=0.9,en;q=0.5"}
routes = APIRouter()


class Body(Input):
    name: ShortText
    count: Annotated[int, Field(ge=1)] = 1
    at: Instant | None = None


@routes.get("/gone")
@public
def gone() -> None:
    raise Conflict(N_("this erasure is %(state)s already"), state=Text("withdrawn"))


@routes.get("/value")
@public
def value() -> None:
    try:
        parse(BUILT_IN["birth_date"], "yesterday")
    except Saying as error:
        raise Invalid(error) from None


@routes.post("/made")
@public
def made(body: Body) -> str:
    return body.name


@routes.get("/broken")
@public
def broken() -> None:
    raise ZeroDivisionError


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(KeySet([ECKey.generate_key("P-256")]).as_dict(private=False)))
    authenticator = Authenticator(KeyFile(keys), Trust("issuer", "crm"), system_clock)
    app = create_app("Test", authenticator, [routes], Health(), Standings(lambda _: NOTHING))
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("path", "english", "spanish"),
    [
        ("/gone", "this erasure is withdrawn already", "este borrado ya está en el estado «retirado»"),
        (
            "/value",
            "birth_date: a date such as 2024-03-31 is expected",
            "birth_date: se espera una fecha, como 2024-03-31",
        ),
        ("/broken", "something went wrong here; it has been logged", "algo ha fallado aquí; ha quedado registrado"),
        ("/not-there", "there is nothing at this address", "no hay nada en esta dirección"),
        ("/openapi.json", "no access token came with the request", "la petición no trae ninguna credencial de acceso"),
    ],
)
def test_a_refusal_is_in_the_language_of_who_asked(client: TestClient, path: str, english: str, spanish: str) -> None:
    assert client.get(path).json()["detail"] == english
    assert client.get(path, headers={"accept-language": "it"}).json()["detail"] == english
    assert client.get(path, headers=SPANISH).json()["detail"] == spanish


def test_the_language_that_was_chosen_comes_before_the_browsers(client: TestClient) -> None:
    answer = client.get("/gone", headers={**SPANISH, "cookie": "crm_language=en"})
    assert answer.json()["title"] == "Conflict"
    assert client.get("/gone", headers=SPANISH).json()["title"] == "Conflicto"


def test_a_refusal_says_its_language_and_what_it_depends_on(client: TestClient) -> None:
    headers = client.get("/gone", headers=SPANISH).headers
    assert headers["content-language"] == "es"
    assert headers["vary"] == "accept-language, cookie"


def test_what_is_wrong_with_a_form_is_in_the_readers_language(client: TestClient) -> None:
    body = {"count": 0, "at": "1950-01-01T00:00:00Z", "nmae": ""}
    english = {one["where"]: one["what"] for one in client.post("/made", json=body).json()["errors"]}
    spanish = {one["where"]: one["what"] for one in client.post("/made", json=body, headers=SPANISH).json()["errors"]}
    assert english == {
        "body.name": "this is needed",
        "body.count": "a number from 1 on is expected",
        "body.at": "the instant lies before 1970",
        "body.nmae": "there is nothing of this name",
    }
    assert spanish == {
        "body.name": "hace falta este dato",
        "body.count": "se espera un número a partir de 1",
        "body.at": "el instante es anterior a 1970",
        "body.nmae": "no hay nada con este nombre",
    }


def test_what_is_too_large_is_refused_in_the_readers_language(client: TestClient) -> None:
    answer = client.post("/made", content=b" " * (LARGEST_BODY + 1), headers=SPANISH)
    assert answer.json()["detail"] == f"aquí se admiten {LARGEST_BODY} bytes como máximo"

"""The pages: the same facts for people, in their language, kept up to date."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from services.sync.timeline.pages import SIZE
from shared.edge.actor import Actor
from shared.events.callcenter import ContactWrappedUp
from shared.events.customer import CustomerErased
from shared.events.envelope import new_id
from shared.pipeline.service import Service
from tests.integration.sync.conftest import SignedIn
from tests.integration.sync.test_customers import claim, registered
from tests.integration.sync.told import ANNA, OLGA, Teller, pass_all

HTML = {"accept": "text/html", "accept-language": "en"}
SPANISH = {"accept": "text/html", "accept-language": "es-MX,es;q=0.9"}
AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def review(note: str) -> ContactWrappedUp:
    return ContactWrappedUp(contact="c1", agent="anna", reason="no_signal", outcome="solved", note=note)


@pytest.fixture
def member(sync: Service, callcenter: Teller) -> str:
    """A customer with a conflict, and something that happened."""
    made = registered(
        callcenter,
        claim("given_name", "Ana <b>"),
        claim("birth_date", "1980-01-02"),
        claim("birth_date", "1980-02-01", minute=1),
    )
    callcenter.tell((f"customer/{made}", review("a <script> & more")), at=AT)
    pass_all(sync, callcenter)
    return made


def test_one_address_gives_the_page_to_people_and_json_to_programs(member: str, signed_in: SignedIn) -> None:
    client, url = signed_in(OLGA), f"/customers/{member}"
    page = client.get(url, headers=HTML)
    assert page.headers["content-type"].startswith("text/html")
    assert "a &lt;script&gt; &amp; more" in page.text
    assert "Ana &lt;b&gt;" in page.text
    assert "http://callcenter.example/contacts/c1" in page.text
    assert "Contact reviewed" in page.text
    assert client.get(url).json()["name"] == "Ana <b>"


def test_the_page_is_in_the_readers_language(member: str, signed_in: SignedIn) -> None:
    page = signed_in(OLGA).get(f"/customers/{member}", headers=SPANISH)
    assert "Contacto revisado" in page.text
    assert "Contact reviewed" not in page.text
    entries = signed_in(OLGA).get(f"/customers/{member}/timeline", headers={"accept-language": "es"}).json()["entries"]
    assert "Contacto revisado" in {entry["title"] for entry in entries}


def test_only_who_may_do_something_is_shown_how(member: str, signed_in: SignedIn) -> None:
    supervisor = Actor("sofia", "Sofia", frozenset({"supervisor"}))
    for actor, edits, erases in ((ANNA, False, False), (supervisor, True, False), (OLGA, True, True)):
        page = signed_in(actor).get(f"/customers/{member}", headers=HTML).text
        assert (f"/customers/{member}/edit" in page, 'hx-post="/erasures"' in page) == (edits, erases)
        assert (f"/customers/{member}/settle" in page) == edits
        assert "1980-02-01" in page


def test_an_erased_customers_page_says_so_and_nothing_else_of_the_person(
    sync: Service, callcenter: Teller, member: str, signed_in: SignedIn
) -> None:
    callcenter.tell((f"customer/{member}", CustomerErased()))
    pass_all(sync, callcenter)
    page = signed_in(OLGA).get(f"/customers/{member}", headers=HTML).text
    assert "Erased customer" in page
    assert "Ana" not in page.replace("anna", "")
    assert "script&gt; &amp; more" not in page
    assert "/edit" not in page


def test_older_entries_follow_a_link(sync: Service, callcenter: Teller, member: str, signed_in: SignedIn) -> None:
    callcenter.tell(*[(f"customer/{member}", review(f"note {n:03}")) for n in range(SIZE + 5)], at=AT)
    pass_all(sync, callcenter)
    client = signed_in(OLGA)
    first = client.get(f"/customers/{member}?group=contact", headers=HTML).text
    assert "note 005" in first
    assert "note 004" not in first
    link = first.split('">Older<')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    second = client.get(link, headers=HTML).text
    assert "note 004" in second
    assert "note 005" not in second
    assert "Customer registered" not in second


def test_a_search_shows_people_in_the_page(member: str, signed_in: SignedIn) -> None:
    client = signed_in(ANNA)
    assert f"/customers/{member}" in client.get("/", headers=HTML).text
    found = client.post("/search", json={"words": "ana"}, headers=HTML).text
    assert f"/customers/{member}" in found
    assert "Nothing was found." in client.post("/search", json={"words": "zoe"}, headers=HTML).text


def test_a_customer_of_whom_only_events_are_here_has_a_page(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    other = new_id()
    callcenter.tell((f"customer/{other}", review("first words")), at=AT)
    pass_all(sync, callcenter)
    assert "first words" in signed_in(OLGA).get(f"/customers/{other}", headers=HTML).text
    assert signed_in(OLGA).get(f"/customers/{new_id()}", headers=HTML).status_code == 404


def test_who_is_not_signed_in_is_asked_to(signed_in: SignedIn) -> None:
    client = signed_in(OLGA)
    client.headers.pop("authorization")
    answer = client.get("/", headers=HTML, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert client.get(f"/customers/{new_id()}/live").status_code == 401
    assert client.get("/signed-out", headers=HTML).status_code == 200


def test_an_open_page_is_told_of_what_happens_now(
    sync: Service, callcenter: Teller, member: str, signed_in: SignedIn
) -> None:
    with served(signed_in(OLGA)) as client, client.stream("GET", f"/customers/{member}/live", timeout=20) as stream:
        told = (line for line in stream.iter_lines() if line.startswith("event: "))
        assert next(told) == "event: changed"
        callcenter.tell((f"customer/{member}", review("now")))
        began = time.monotonic()
        pass_all(sync, callcenter)
        assert next(told) == "event: changed"
        # Sooner than a page looks by itself.
        assert time.monotonic() - began < 4


class served:
    """The client's application behind a real server, which can send an answer that doesn't end."""

    def __init__(self, client: TestClient) -> None:
        config = uvicorn.Config(client.app, port=0, log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._headers = client.headers

    def __enter__(self) -> httpx.Client:
        self._thread.start()
        until = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < until
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        headers = {"authorization": self._headers["authorization"]}
        return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers)

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)

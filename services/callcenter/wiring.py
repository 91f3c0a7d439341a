"""The only place where the call center's parts are put together."""

from __future__ import annotations

import argparse
import importlib
import threading
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from services.callcenter import texts
from services.callcenter.cases import api as cases
from services.callcenter.cases import pages as case_pages
from services.callcenter.contacts import api as contacts
from services.callcenter.contacts import pages as contact_pages
from services.callcenter.customers import api as customers
from services.callcenter.customers import pages as customer_pages
from services.callcenter.customers.erasure import FORGETTING
from services.callcenter.desk import pages as desk
from services.callcenter.desk.dock import Dock
from services.callcenter.desk.pulse import Pulse
from services.callcenter.gains import GAINS
from services.callcenter.imports import api as imports
from services.callcenter.insights import api as insights
from services.callcenter.insights import pages as insight_pages
from services.callcenter.metadata import metadata
from services.callcenter.outages import api as outages
from services.callcenter.outages import pages as supervisor
from services.callcenter.reaches import reaches
from services.callcenter.streams.intake import Intake
from services.callcenter.subscriptions import SUBSCRIPTIONS
from shared.administration import desk as administration
from shared.administration.erasures import answers as forgetting
from shared.administration.erasures import command as certificates
from shared.administration.erasures import log as key_logs
from shared.administration.erasures import pages as erasures
from shared.administration.erasures import tables as erasure_tables
from shared.administration.operations import api as operations
from shared.edge.live import Live
from shared.edge.settings import Settings
from shared.pipeline import customer_tables, vocabulary
from shared.pipeline import tables as pipeline
from shared.pipeline.application import application
from shared.pipeline.main import Block, Command
from shared.pipeline.service import Service
from shared.web import pages as web

NAME = "callcenter"
VERSIONS = Path(__file__).parent / "migrations" / "versions"
METADATAS = (pipeline.metadata, customer_tables.metadata, metadata, erasure_tables.metadata)


def app(settings: Settings, of: Service) -> FastAPI:
    """The API and the pages of ``of``."""
    of = of.near(reaches)
    live = Live(settings.database_url)
    pages = texts.pages()
    dock = Dock(pages, Pulse(of))
    routers = [
        web.router(pages),
        *administration.routers(of, pages),
        operations.router(of, settings, SUBSCRIPTIONS, GAINS),
        desk.router(of, live, pages, dock, settings.default_region),
        customer_pages.router(of, pages),
        contact_pages.router(of, pages),
        case_pages.router(of, pages),
        insight_pages.router(of, live, pages, dock),
        supervisor.router(of, live, pages, dock),
        desk.presence_router(of),
        imports.router(of, settings.default_region),
        customers.router(of, settings.default_region),
        contacts.router(of, settings.default_region),
        cases.router(of),
        insights.router(of),
        outages.router(of),
        *erasures.routers(of, settings, pages, FORGETTING),
    ]
    return application("Call center", settings, of, live, routers, pages.problem)


def parts(of: Service, stop: threading.Event) -> dict[str, Callable[[], None]]:
    """What else runs in the worker."""
    return {"signals": Intake(of, stop).run, **key_logs.parts(of, stop)}


def streams(settings: Settings, arguments: argparse.Namespace) -> int:
    """The command that counts what happens."""
    # Faust is large; only its own process has to load it.
    app = importlib.import_module("services.callcenter.streams.app")
    return int(app.run(settings, arguments))


BLOCK = Block(
    NAME,
    VERSIONS,
    METADATAS,
    app,
    lambda _: SUBSCRIPTIONS,
    tasks=lambda _: (forgetting.task(FORGETTING), vocabulary.task()),
    parts=parts,
    more=(
        certificates.COMMAND,
        Command("streams", "count contacts and cases over live windows, and see bursts of cases", streams),
    ),
)

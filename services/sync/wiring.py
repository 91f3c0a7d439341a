"""The only place where sync's parts are put together."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from services.sync.customers import api as customers
from services.sync.customers import ledger_api, ledger_pages
from services.sync.customers import pages as customer_pages
from services.sync.customers import tables as lost_tables
from services.sync.customers.erasure import FORGETTING
from services.sync.devices import api as devices
from services.sync.devices import erasure as device_erasure
from services.sync.devices import erasure_tables as device_erasure_tables
from services.sync.devices import feed
from services.sync.devices import pages as device_pages
from services.sync.devices import tables as device_tables
from services.sync.gains import GAINS
from services.sync.handheld import pages as handheld
from services.sync.identity import api as identity
from services.sync.identity import consent
from services.sync.identity import pages as identity_pages
from services.sync.identity import tables as identity_tables
from services.sync.identity.handlers import TASK as IDENTITY_TASK
from services.sync.notices.handlers import EFFECT, notifier
from services.sync.products import tables as product_tables
from services.sync.reaches import reaches
from services.sync.search import api as search
from services.sync.search import pages as search_pages
from services.sync.search import tables as search_tables
from services.sync.subscriptions import subscriptions
from services.sync.timeline import api as timeline
from services.sync.timeline import pages as timeline_pages
from services.sync.timeline.handlers import Reader
from services.sync.timeline.tables import metadata
from services.sync.verification import command as verification
from services.sync.verification import tables as verification_tables
from shared.access.actions import Action
from shared.administration import desk as administration
from shared.administration.erasures import answers as forgetting
from shared.administration.erasures import command as certificates
from shared.administration.erasures import log as key_logs
from shared.administration.erasures import pages as erasures
from shared.administration.erasures import tables as erasure_tables
from shared.administration.operations import api as operations
from shared.edge.live import Live
from shared.edge.settings import Settings
from shared.pipeline import customer_tables, tables, watching
from shared.pipeline.application import application
from shared.pipeline.intents import Performer
from shared.pipeline.main import Block
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from shared.texts import N_
from shared.web import pages as web

NAME = "sync"
VERSIONS = Path(__file__).parent / "migrations" / "versions"
PARTS = ("customers", "search", "timeline", "identity", "devices", "handheld")
TEMPLATES = [Path(__file__).parent / part / "templates" for part in PARTS]
METADATAS = (
    tables.metadata,
    customer_tables.metadata,
    metadata,
    identity_tables.metadata,
    device_tables.metadata,
    product_tables.metadata,
    lost_tables.metadata,
    search_tables.metadata,
    verification_tables.metadata,
    erasure_tables.metadata,
    device_erasure_tables.metadata,
)


def app(settings: Settings, service: Service) -> FastAPI:
    """The API and the pages."""
    service = service.near(reaches)
    live = Live(settings.database_url)
    reader = Reader(service.keks, settings.urls)
    pages = administration.pages(
        N_("Customer timeline"),
        {"/": N_("Search"), "/ledger": N_("Lost values"), "/suggestions": N_("The same?"), "/devices": N_("Devices")},
        TEMPLATES,
        few={handheld.SCOPE: (handheld.TITLE, Action.DEVICE_ENROL)},
    )
    routers = [
        web.router(pages),
        *administration.routers(service, pages),
        operations.router(service, settings, wanted(settings), GAINS),
        search_pages.router(service, reader.urls, pages),
        ledger_pages.router(service, pages),
        customer_pages.router(service, pages),
        timeline_pages.router(service, reader, pages),
        watching.of_customer(service, live),
        identity_pages.router(service, pages),
        device_pages.router(service, pages),
        handheld.router(service, pages),
        handheld.files_router(),
        devices.router(service, settings.default_region),
        devices.operators_router(service, settings.default_region),
        identity.router(service),
        timeline.router(service, reader),
        customers.router(service, settings.default_region),
        search.router(service),
        ledger_api.router(service),
        *erasures.routers(service, settings, pages, FORGETTING),
    ]
    return application("Sync", settings, service, live, routers, pages.problem)


def performers(settings: Settings) -> dict[str, Performer]:
    """How outward effects are carried out."""
    return {EFFECT: notifier(settings.notify_url)} if settings.notify_url else {}


def wanted(settings: Settings) -> Subscriptions:
    """What is heard under these settings."""
    return subscriptions(notices_wanted=bool(settings.notify_url))


BLOCK = Block(
    NAME,
    VERSIONS,
    METADATAS,
    app,
    wanted,
    performers,
    tasks=lambda _: (
        IDENTITY_TASK,
        consent.TASK,
        feed.task(),
        device_erasure.task(FORGETTING),
        forgetting.task(FORGETTING),
    ),
    parts=key_logs.parts,
    more=(verification.command(wanted), certificates.COMMAND),
)

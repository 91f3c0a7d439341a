"""The only place where marketing's parts are put together."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from services.marketing import live, texts
from services.marketing.customers.erasure import FORGETTING
from services.marketing.gains import GAINS
from services.marketing.metadata import metadata
from services.marketing.profiles import api as profiles
from services.marketing.profiles import pages as profile_pages
from services.marketing.satisfaction import api as satisfaction
from services.marketing.satisfaction import pages as satisfaction_pages
from services.marketing.segments import api as segments
from services.marketing.segments import pages as segment_pages
from services.marketing.segments import standings
from services.marketing.segments.rules import Definition
from services.marketing.subscriptions import SUBSCRIPTIONS
from shared.administration import desk as administration
from shared.administration.erasures import answers as forgetting
from shared.administration.erasures import command as certificates
from shared.administration.erasures import log as key_logs
from shared.administration.erasures import pages as erasures
from shared.administration.erasures import tables as erasure_tables
from shared.administration.operations import api as operations
from shared.edge.live import Live
from shared.edge.settings import Settings
from shared.pipeline import customer_tables, watching
from shared.pipeline import tables as pipeline
from shared.pipeline.application import application
from shared.pipeline.main import Block
from shared.pipeline.service import Service
from shared.pipeline.tasks import Task
from shared.web import pages as web

NAME = "marketing"
VERSIONS = Path(__file__).parent / "migrations" / "versions"
METADATAS = (pipeline.metadata, customer_tables.metadata, metadata, erasure_tables.metadata)


def default(settings: Settings) -> Definition:
    """The segment's rule until somebody gives it another."""
    return Definition(currency=settings.currency)


def app(settings: Settings, of: Service) -> FastAPI:
    """The API and the pages of ``of``."""
    pages, rule, told = texts.pages(), default(settings), Live(settings.database_url)
    routers = [
        web.router(pages),
        *administration.routers(of, pages),
        operations.router(of, settings, SUBSCRIPTIONS, GAINS),
        segment_pages.router(of, pages, rule),
        satisfaction_pages.router(of, pages, rule),
        profile_pages.router(of, pages, rule),
        watching.of_list(of, told, "/live", live.heard),
        watching.of_customer(of, told),
        segments.router(of, rule),
        satisfaction.router(of),
        profiles.router(of, rule),
        *erasures.routers(of, settings, pages, FORGETTING),
    ]
    return application("Marketing", settings, of, told, routers, pages.problem)


def tasks(settings: Settings) -> tuple[Task, ...]:
    """What the worker works out anew when it is due."""
    return (standings.task(default(settings)), forgetting.task(FORGETTING))


BLOCK = Block(
    NAME,
    VERSIONS,
    METADATAS,
    app,
    lambda _: SUBSCRIPTIONS,
    tasks=tasks,
    parts=key_logs.parts,
    more=(certificates.COMMAND,),
)

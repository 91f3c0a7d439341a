"""The only place where the parts of sales force automation are put together."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from services.sfa import live, texts
from services.sfa.customers import api as customers
from services.sfa.customers import pages as customer_pages
from services.sfa.customers.erasure import FORGETTING
from services.sfa.gains import GAINS
from services.sfa.metadata import metadata
from services.sfa.orders import api as orders
from services.sfa.orders import pages as order_pages
from services.sfa.products import api as products
from services.sfa.products import pages as product_pages
from services.sfa.reaches import reaches
from services.sfa.requests import api as requests
from services.sfa.requests import handlers as request_handlers
from services.sfa.requests import pages as request_pages
from services.sfa.subscriptions import SUBSCRIPTIONS
from services.sfa.territories import api as territories
from services.sfa.territories import pages as territory_pages
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
from shared.web import pages as web

NAME = "sfa"
VERSIONS = Path(__file__).parent / "migrations" / "versions"
METADATAS = (pipeline.metadata, customer_tables.metadata, metadata, erasure_tables.metadata)


def app(settings: Settings, of: Service) -> FastAPI:
    """The API and the pages of ``of``."""
    of = of.near(reaches)
    pages, told = texts.pages(), Live(settings.database_url)
    routers = [
        web.router(pages),
        *administration.routers(of, pages),
        operations.router(of, settings, SUBSCRIPTIONS, GAINS),
        customer_pages.router(of, pages, settings.default_region),
        territory_pages.router(of, pages),
        product_pages.router(of, pages, settings.currency),
        order_pages.router(of, pages),
        request_pages.router(of, pages),
        watching.of_customer(of, told),
        watching.of_list(of, told, "/orders/live", live.heard),
        customers.router(of, settings.default_region),
        territories.router(of),
        products.router(of, settings.currency),
        orders.router(of, settings.currency),
        requests.router(of, settings.currency),
        *erasures.routers(of, settings, pages, FORGETTING),
    ]
    return application("Sales force automation", settings, of, told, routers, pages.problem)


BLOCK = Block(
    NAME,
    VERSIONS,
    METADATAS,
    app,
    lambda _: SUBSCRIPTIONS,
    tasks=lambda settings: (request_handlers.task(settings.currency), forgetting.task(FORGETTING)),
    parts=key_logs.parts,
    more=(certificates.COMMAND,),
)

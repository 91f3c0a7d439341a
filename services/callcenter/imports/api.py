"""Import over HTTP."""

import io
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from services.callcenter.imports import handlers, rules
from shared.customer.fields import Kind
from shared.edge.errors import Invalid
from shared.edge.forms import said_of
from shared.edge.http import CurrentActor, takes_upload
from shared.edge.inputs import Code, Input, ShortText
from shared.edge.language import translation_for
from shared.pipeline.service import Service
from shared.texts import N_

Name = Annotated[ShortText, StringConstraints(min_length=1)]
CHUNK_BYTES = 1_000_000


class ColumnBody(Input):
    column: Name
    field: Name
    """Built in, or custom.<name>; or what the field is called in any language."""
    values: dict[ShortText, ShortText] = Field(default_factory=dict)
    """What the file says -> what is meant. For a set: -> the element; other cells mean none of these."""
    date_format: ShortText = ""
    """As in strptime, such as %d/%m/%Y."""
    label: ShortText = ""
    kind: Kind | None = None
    choices: Annotated[tuple[ShortText, ...], Field(max_length=200)] = ()
    """Of a new custom field that is a choice."""


class MappingBody(Input):
    origin: Code
    """The other system. A row's customer is known again by origin and key."""
    key: Name
    """The column that identifies a row."""
    columns: Annotated[list[ColumnBody], Field(max_length=300)] = Field(default_factory=list)
    """None: every column that is named or called like a field."""


class BadLine(BaseModel):
    line: int
    column: str
    reason: str


class Imported(BaseModel):
    created: int
    changed: int
    unchanged: int
    erased: int
    """Rows of people who were erased here; left out."""
    bad: int
    bad_lines: list[BadLine]
    """The first thousand."""
    defined: list[str]
    """Custom fields that are new or described anew."""
    customers: dict[int, str]
    """Line -> which customer it is about, if that was asked for."""
    dry_run: bool


def router(service: Service, region: str) -> APIRouter:
    """The endpoint of imports. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(tags=["imports"])

    @routes.post("/customers/import")
    @takes_upload
    def load(
        request: Request,
        actor: CurrentActor,
        file: Annotated[UploadFile, File()],
        mapping: Annotated[str, Form(max_length=200_000)],
        encoding: Annotated[Literal["utf-8", "latin-1", "cp1252", "utf-16"], Form()] = "utf-8",
        delimiter: Annotated[str, Form(max_length=1)] = "",
        dry_run: Annotated[bool, Form()] = False,
        list_customers: Annotated[bool, Form()] = False,
    ) -> Imported:
        """Read customers from a CSV file. Repeating it changes nothing. Needs customer.import, customer.register, and
        customer.edit, of each field that the file fills; field.define for fields that are new.

        ``mapping`` is JSON: {"origin": "old-crm", "key": "ID", "columns": [{"column": "Mail", "field": "email"},
        {"column": "Line", "field": "products", "values": {"Yes": "line"}}, {"column": "Plan", "field":
        "custom.plan", "label": "Plan", "kind": "text"}]}. Bad lines are listed and left out, the others are kept.
        ``list_customers``: also say which line made, or is about, which customer.
        """
        if delimiter in ('"', "\r", "\n", "\x00") or (not delimiter.isprintable() and delimiter != "\t"):
            raise Invalid(N_("this can't be a delimiter"))
        lines = _lines(file.file, encoding)
        outcome = handlers.load(
            service, actor, lines, _mapping(mapping), region=region, delimiter=delimiter, dry_run=dry_run
        )
        translate = translation_for(request)
        bad_lines = [BadLine(line=b.line, column=b.column, reason=b.reason.told(translate)) for b in outcome.bad_lines]
        customers = outcome.customers if list_customers and not dry_run else {}
        return Imported(**{**vars(outcome), "bad_lines": bad_lines, "customers": customers}, dry_run=dry_run)

    return routes


def _lines(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    # Read through once beforehand, so that a file in another encoding changes nothing at all.
    try:
        rules.check_encoding(iter(lambda: file.read(CHUNK_BYTES), b""), encoding)
    except rules.NotDecodable as error:
        raise Invalid(error) from None
    file.seek(0)
    return io.TextIOWrapper(file, encoding=encoding, newline="")


def _mapping(text: str) -> rules.FileMapping:
    try:
        body = MappingBody.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Invalid(N_("mapping: %(where)s: %(what)s"), where=where, what=said_of(first)) from None
    columns = tuple(rules.Column(**column.model_dump()) for column in body.columns)
    return rules.FileMapping(body.origin, body.key, columns)

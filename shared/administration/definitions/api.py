"""Definitions over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, StringConstraints

from shared.administration.definitions import handlers, reads, rules
from shared.customer.definitions import Definition
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Input, ShortText
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service

Kind = Literal[
    "customer_field",
    "contact_field",
    "case_field",
    "order_field",
    "reason",
    "outcome",
    "queue",
    "case_state",
    "order_state",
]
Form = Literal["", "text", "long_text", "number", "date", "boolean", "choice", "phone", "email", "set"]
Label = Annotated[ShortText, StringConstraints(strip_whitespace=True)]


class DefinitionBody(Input):
    kind: Kind
    code: Code
    """Its name in the data, for good."""
    label: Annotated[Label, StringConstraints(min_length=1)]
    """In English."""
    label_es: Label = ""
    place: Annotated[int, Field(ge=0, le=100_000)] = 0
    """In its list."""
    form: Form = ""
    """Of a field: what it holds."""
    choices: Annotated[tuple[Label, ...], Field(max_length=200)] = ()
    """Of a field of the form choice."""
    category: Literal["", "open", "placed", "provisioned"] = ""
    """Of a state: the platform's state that it is a part of."""

    def meant(self) -> Definition:
        """The definition that is asked for."""
        labels = {"en": self.label} | ({"es": self.label_es} if self.label_es else {})
        return Definition(
            kind=self.kind,
            code=self.code,
            labels=labels,
            place=self.place,
            form=self.form,
            choices=self.choices,
            category=self.category,
        )


class DefinitionShown(BaseModel):
    kind: str
    code: str
    labels: dict[str, str]
    place: int
    retired: bool
    """It takes nothing new; what was written by it is shown as before."""
    form: str
    choices: list[str]
    category: str
    department: str
    """Whose it is; empty: not known. Fields of customers are shared by all."""


def router(service: Service) -> APIRouter:
    """Endpoints of definitions."""
    routes = APIRouter(tags=["administration"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.get("/definitions")
    def everything(actor: CurrentActor, kind: Kind | None = None) -> list[DefinitionShown]:
        """What this department defined: fields, lists and states (field.read)."""
        with service.look(actor) as look:
            return [_shown(one) for one in reads.everything(look, kind)]

    @routes.post("/definitions")
    def define(body: DefinitionBody, command: Once) -> Response:
        """Add a definition, or change its label, place or choices (field.define). In force at once."""
        new = body.meant()
        return command.run(lambda work: {"kind": new.kind, "code": new.code, "changed": handlers.define(work, new)})

    @routes.post("/definitions/{kind}/{code}/retire")
    def retire(kind: Kind, code: Code, command: Once) -> Response:
        """Have nothing new written by it; what was written stays and is shown (field.define)."""
        return command.run(lambda work: {"kind": kind, "code": code, "changed": handlers.retire(work, kind, code)})

    @routes.post("/definitions/{kind}/{code}/restore")
    def restore(kind: Kind, code: Code, command: Once) -> Response:
        """Take a retired one into use again (field.define)."""
        return command.run(
            lambda work: {"kind": kind, "code": code, "changed": handlers.retire(work, kind, code, retired=False)}
        )

    return routes


def _shown(one: rules.Listed) -> DefinitionShown:
    of = one.definition
    return DefinitionShown(
        kind=of.kind,
        code=of.code,
        labels=dict(of.labels),
        place=of.place,
        retired=of.retired,
        form=of.form,
        choices=list(of.choices),
        category=of.category,
        department=one.department,
    )

"""Roles over HTTP."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.exc import SQLAlchemyError

from shared.access.actions import ANY_FIELD, Action, Reach
from shared.access.grants import Grant
from shared.access.roles import Role
from shared.administration.roles import handlers, reads
from shared.edge.errors import Invalid
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Input, ShortText
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from shared.texts import N_

log = structlog.get_logger(__name__)

Fields = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_.]{0,79}(\*)?|\*)$")]], Field(max_length=200)
]
Short = Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,60}/[a-z]{1,20}$")]
"""``action/reach``"""


class GrantBody(Input):
    action: Action
    reach: Reach = Reach.ALL
    fields: Fields | None = None
    """None: those of the role."""


class RoleBody(Input):
    role: Code
    label: ShortText = ""
    grants: Annotated[list[GrantBody | Short], Field(max_length=300)]
    """Each with its parts, or as ``action/reach``."""
    fields: Fields = Field(default_factory=lambda: [ANY_FIELD])
    """Of the grants that name none."""


class GrantShown(BaseModel):
    action: Action
    reach: Reach
    fields: list[str]


class RoleShown(BaseModel):
    role: str
    label: str
    built_in: bool
    grants: list[GrantShown]


def router(service: Service) -> APIRouter:
    """Endpoints of roles."""
    routes = APIRouter(tags=["administration"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.get("/roles")
    def everything(actor: CurrentActor) -> list[RoleShown]:
        """All roles of this service and what they allow (role.read)."""
        with service.look(actor) as look:
            return [_shown(role, built_in) for role, built_in in reads.table(look).roles]

    @routes.post("/roles")
    def define(body: RoleBody, command: Once) -> Response:
        """Add a role of the department's own, or change it (role.define). In force everywhere within two seconds."""
        role = Role(body.role, tuple(_grants(body)), body.label)
        answer = command.run(lambda work: {"role": role.name, "changed": handlers.define(work, role)})
        look_now(service)
        return answer

    @routes.post("/roles/{role}/withdraw")
    def withdraw(role: Code, command: Once) -> Response:
        """Take a role of the department's own away (role.define)."""

        def run(work: Work) -> dict[str, str]:
            handlers.withdraw(work, role)
            return {"role": role}

        answer = command.run(run)
        look_now(service)
        return answer

    return routes


def look_now(service: Service) -> None:
    """Have this process know at once; the others look once a second."""
    try:
        service.standing.refresh()
    except SQLAlchemyError as error:
        log.warning("standing.unknown", error=type(error).__name__)


def _grants(body: RoleBody) -> list[Grant]:
    found = []
    for each in body.grants:
        if isinstance(each, str):
            action, _, reach = each.partition("/")
            each = _parsed(action, reach)
        fields = body.fields if each.fields is None else each.fields
        found.append(Grant(each.action, each.reach, tuple(fields)))
    return found


def _parsed(action: str, reach: str) -> GrantBody:
    try:
        return GrantBody(action=Action(action), reach=Reach(reach))
    except ValueError:
        raise Invalid(N_("there is no action %(action)s for %(reach)s"), action=action, reach=reach) from None


def _shown(role: Role, built_in: bool) -> RoleShown:
    grants = [GrantShown(action=g.action, reach=g.reach, fields=list(g.fields)) for g in role.grants]
    return RoleShown(role=role.name, label=role.label, built_in=built_in, grants=grants)

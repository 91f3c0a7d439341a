"""Words for codes on the pages of administration, and how the templates get them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.access.actions import Action
from shared.customer.fields import BUILT_IN
from shared.texts import N_

A = Action
ACTIONS = {
    A.AUDIT_READ: N_("Read the audit log"),
    A.CASE_READ: N_("See cases"),
    A.CASE_WORK: N_("Work on cases"),
    A.CONTACT_READ: N_("See contacts"),
    A.CONTACT_REPORT: N_("Report contacts (telephone system)"),
    A.CONTACT_WORK: N_("Work on contacts"),
    A.CUSTOMER_EDIT: N_("Edit customers"),
    A.CUSTOMER_ERASE: N_("Propose to erase a person"),
    A.CUSTOMER_ERASE_CONSENT: N_("Consent to erase a person"),
    A.CUSTOMER_EXPORT: N_("Export customers"),
    A.CUSTOMER_IMPORT: N_("Import customers"),
    A.CUSTOMER_READ: N_("See customers"),
    A.CUSTOMER_REGISTER: N_("Register customers"),
    A.DESK_USE: N_("Take contacts at the desk"),
    A.DEVICE_ENROL: N_("Enrol a device"),
    A.DEVICE_MANAGE: N_("Manage devices"),
    A.DEVICE_PULL: N_("Fetch to a device"),
    A.DEVICE_PUSH: N_("Send from a device"),
    A.FIELD_DEFINE: N_("Define fields, lists and states"),
    A.FIELD_READ: N_("See fields"),
    A.IDENTITY_DECIDE: N_("Decide who is the same customer"),
    A.OPERATIONS_ACT: N_("Hand parked events in again, or leave them out"),
    A.OPERATIONS_READ: N_("See operations"),
    A.ORDER_IMPORT: N_("Import orders"),
    A.ORDER_PLACE: N_("Place orders"),
    A.ORDER_READ: N_("See orders"),
    A.ORDER_STEP: N_("Carry orders out"),
    A.OUTAGE_DECIDE: N_("Decide on outages"),
    A.OUTAGE_READ: N_("See outages"),
    A.PRODUCT_DEFINE: N_("Define products"),
    A.PRODUCT_READ: N_("See products"),
    A.REQUEST_DECIDE: N_("Decide on orders from devices"),
    A.REQUEST_READ: N_("See orders from devices"),
    A.ROLE_DEFINE: N_("Define roles"),
    A.ROLE_READ: N_("See roles"),
    A.SEGMENT_DEFINE: N_("Define segments"),
    A.SEGMENT_READ: N_("See segments"),
    A.SESSION_END: N_("End other people's sessions"),
    A.TERRITORY_DEFINE: N_("Shape territories"),
    A.TERRITORY_READ: N_("See territories"),
    A.TIMELINE_READ: N_("See timelines"),
}
OPERATED = {
    "operator.leave": N_("Gave the block up, by a command"),
    "operator.rebuild": N_("Rebuilt tables, by a command"),
    "operator.recover": N_("Recovered after a restore, by a command"),
    "operator.redrive": N_("Handed parked events in again, by a command"),
    "operator.skip": N_("Left a parked event out, by a command"),
}
REACHES = {
    "own": N_("own"),
    "team": N_("of the team"),
    "territory": N_("of the territory"),
    "all": N_("all"),
}
KINDS = {
    "customer_field": N_("Fields of customers"),
    "contact_field": N_("Fields of reviews"),
    "case_field": N_("Fields of cases"),
    "order_field": N_("Fields of orders"),
    "reason": N_("Reasons"),
    "outcome": N_("Outcomes"),
    "queue": N_("Queues"),
    "case_state": N_("States of cases"),
    "order_state": N_("States of orders"),
}
FORMS = {
    "text": N_("Text"),
    "long_text": N_("Long text"),
    "number": N_("Number"),
    "date": N_("Date"),
    "boolean": N_("Yes or no"),
    "choice": N_("One of several"),
    "phone": N_("Phone"),
    "email": N_("E-mail"),
    "set": N_("Several"),
}
CATEGORIES = {"open": N_("open"), "placed": N_("ordered"), "provisioned": N_("set up")}
"""States of the platform that a department may divide."""
OUTCOMES = {"changed": N_("changed"), "looked": N_("looked"), "refused": N_("refused")}


def words(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
    """What the templates of administration call, in one language."""
    names = {str(code): name for code, name in ACTIONS.items()} | OPERATED
    return {
        "action_name": lambda code: gettext(names.get(str(code), str(code))),
        "reach_name": lambda code: gettext(REACHES[str(code)]),
        "outcome_name": lambda code: gettext(OUTCOMES[code]),
        "field_name": field_name,
        "field_label": lambda field: (
            field.label_in(language) if field.department else gettext(field.label_in(language))
        ),
        "kind_name": lambda code: gettext(KINDS[code]),
        "form_name": lambda code: gettext(FORMS[code]),
        "category_name": lambda code: gettext(CATEGORIES[code]),
    }


def field_name(name: str) -> str:
    """The label of a built-in field, to be translated; else its name."""
    return BUILT_IN[name].label if name in BUILT_IN else name

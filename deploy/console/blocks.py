"""The blocks of the platform, in the words of the people who would use them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.texts import N_


@dataclass(frozen=True)
class Block:
    """A block: what it is called, and what a company has when only it is there."""

    name: str
    title: str
    alone: str


BLOCKS = (
    Block(
        "callcenter",
        N_("Call center"),
        N_("Contacts, cases with their clocks, reviews of customers, outages seen in bursts of cases."),
    ),
    Block("marketing", N_("Marketing"), N_("Segments that follow every event, with who entered and left, and why.")),
    Block(
        "sfa",
        N_("Sales force automation"),
        N_("Territories, reps, products and orders, each with its history."),
    ),
    Block(
        "sync",
        N_("Customer timeline"),
        N_("One customer out of many records, everything that happened, and devices that work without a network."),
    ),
)

"""What a block gains from each other one, counted in its own tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gain:
    """One thing that another block makes possible here."""

    source: str
    """The block that it is owed to."""
    text: str
    """What people can do with it, marked for translation; a sentence."""
    one: str
    """What is counted, in the singular, marked for translation."""
    counted: str
    """In the plural."""
    have: str
    """SQL that counts what there is thanks to that block."""
    could: str
    """SQL that counts what it could be had for, as "all customers"."""


CUSTOMERS = "SELECT count(*) FROM customer_record WHERE registered IS NOT NULL"
PERSONS = "SELECT count(*) - count(DISTINCT cluster) FROM customer_cluster"
"""Members that were found to be somebody whom another member stands for too."""

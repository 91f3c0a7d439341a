"""Which of departments' own fields a rule can ask, what somebody asks, and how that reads. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.marketing.segments.conditions import FACT_FIELDS, TESTS, Condition, NotTestable, asked
from shared.customer.definitions import CUSTOMER_FIELD, Definition
from shared.edge.errors import Invalid
from shared.pipeline import vocabulary
from shared.pipeline.customer_tables import definition
from shared.texts import N_

Of = tuple[str, str, str]
"""Kind, department and code of a definition; fields of customers are everybody's, so of no department."""

_ONE_TEST_EACH = ("number", "date")
"""Forms of which the editor has an input for each test, so that a range can be asked."""


@dataclass(frozen=True)
class Given:
    """A condition as somebody asks it."""

    kind: str
    department: str
    code: str
    test: str
    value: str


class Worded(msgspec.Struct, frozen=True):
    """A condition, and what the department that defined the field calls it."""

    kind: str
    department: str
    code: str
    form: str
    test: str
    value: str
    labels: Mapping[str, str]
    """Language -> text; none as long as the definition isn't known here."""
    retired: bool
    """The field takes nothing new; the rule goes on by what it holds."""

    def label(self, language: str) -> str:
        """The text in a language, else in English, else the code."""
        return self.labels.get(language) or self.labels.get("en") or self.code


@dataclass(frozen=True)
class Row:
    """What the editor of a rule has for one field: the ways in which it can be asked, and how it is now."""

    key: str
    """The same whatever other rows there are: what is typed stays at its field while the page refreshes."""
    definition: Definition
    department: str
    tests: tuple[str, ...]
    test: str
    value: str


def fields(session: Session) -> dict[Of, Definition]:
    """All fields that departments defined and a rule can ask, also the retired ones."""
    found: dict[Of, Definition] = {
        (CUSTOMER_FIELD, "", one.code): one for one in vocabulary.customer_fields(session) if one.form in TESTS
    }
    c = definition.c
    query = select(definition).where(c.kind.in_(FACT_FIELDS), c.form.in_(TESTS))
    for row in session.execute(query.order_by(c.kind, c.department, c.place, c.code)).mappings():
        values = {name: row[name] for name in Definition.__struct_fields__}
        found[row["kind"], row["department"], row["code"]] = msgspec.convert(values, Definition)
    return found


def conditions(session: Session, given: Sequence[Given], stands: Iterable[Condition]) -> tuple[Condition, ...]:
    """What somebody asks. What ``stands`` already goes on, though its field was retired. Raises ``Invalid``."""
    before = {(one.of, one.test, one.value): one for one in stands}
    known = fields(session) if given else {}
    found = []
    for one in given:
        of = (one.kind, one.department, one.code)
        if (old := before.get((of, one.test, one.value))) is not None:
            found.append(old)
            continue
        field = known.get(of)
        if field is None or field.retired:
            raise Invalid(N_("there is no field %(code)s to ask"), code=one.code)
        try:
            found.append(asked(field, one.department, one.test, one.value))
        except NotTestable as error:
            raise Invalid(error) from None
    return tuple(dict.fromkeys(found))


def worded(session: Session, of: Sequence[Condition]) -> list[Worded]:
    """Conditions, with what departments call their fields."""
    known = fields(session) if of else {}
    found = ((one, known.get(one.of)) for one in of)
    return [
        Worded(**asdict(one), labels=field.labels if field else {}, retired=bool(field and field.retired))
        for one, field in found
    ]


def rows(session: Session, stands: Iterable[Condition]) -> list[Row]:
    """The editor's rows: of every field that takes values, and of all that the rule asks now."""
    known = fields(session)
    left = list(stands)
    found = []
    for of, field in known.items():
        ways = [(test,) for test in TESTS[field.form]] if field.form in _ONE_TEST_EACH else [TESTS[field.form]]
        for tests in ways:
            now = next((one for one in left if one.of == of and one.test in tests), None)
            if now is not None:
                left.remove(now)
            if now is not None or not field.retired:
                found.append(_row("-".join((*of, tests[0])), field, of[1], tests, now))
    # What the department calls these isn't known (yet), or one is asked in the same way twice.
    for n, one in enumerate(left):
        unknown = Definition(kind=one.kind, code=one.code, form=one.form, choices=(one.value,))
        found.append(_row(f"more-{n}", known.get(one.of, unknown), one.department, (one.test,), one))
    return found


def _row(key: str, field: Definition, department: str, tests: tuple[str, ...], now: Condition | None) -> Row:
    return Row(key, field, department, tests, now.test if now else tests[0], now.value if now else "")

"""Customers from a file, over HTTP."""

from __future__ import annotations

from typing import Any

from tests.builders import done, erased
from tests.integration.callcenter.center import CallCenter

MAPPING: dict[str, Any] = {
    "origin": "old-crm",
    "key": "ID",
    "columns": [
        {"column": "First", "field": "given_name"},
        {"column": "Phone", "field": "phone"},
        {"column": "Churn", "field": "status", "values": {"Yes": "lapsed", "No": "customer"}},
        {"column": "Line", "field": "products", "values": {"Yes": "line"}},
        {"column": "Net", "field": "products", "values": {"DSL": "internet.dsl", "Fiber": "internet.fiber"}},
        {"column": "Tenure", "field": "custom.tenure", "label": "Months", "kind": "number"},
    ],
}
HEADER = "ID,First,Phone,Churn,Line,Net,Tenure\n"
FILE = HEADER + "a1,Ada,(212) 555-0123,No,Yes,DSL,5\na2,Bo,,Yes,No,No,12\n"


def loaded(center: CallCenter, file: str | bytes = FILE, **form: Any) -> dict[str, Any]:
    return done(center.load(file, MAPPING, **form))


def counts(answer: dict[str, Any]) -> tuple[int, int, int, int]:
    return answer["created"], answer["changed"], answer["unchanged"], answer["bad"]


def found(center: CallCenter, name: str) -> dict[str, Any]:
    response = center.post("/customers/search", {"name": name})
    return center.customer(response.json()[0]["customer"])


def test_a_file_makes_customers_with_custom_fields_and_products(fresh: CallCenter) -> None:
    answer = loaded(fresh)
    assert counts(answer) == (2, 0, 0, 0)
    assert answer["defined"] == ["custom.tenure"]
    values = found(fresh, "Ada")["values"]
    assert values["phone"] == "+12125550123"
    assert values["status"] == "customer"
    assert values["products"] == ["internet.dsl", "line"]
    assert values["custom.tenure"] == "5"
    assert [fact.origin for fact in fresh.facts("customer.registered")] == ["import", "import"]
    assert [fact.name for fact in fresh.facts("custom_field.defined")] == ["custom.tenure"]


def test_a_repeat_changes_nothing_also_where_people_edited_meanwhile(fresh: CallCenter) -> None:
    loaded(fresh)
    ada = found(fresh, "Ada")["customer"]
    done(fresh.post(f"/customers/{ada}/edit", {"changes": {"given_name": "Adele", "products": ["line", "tv"]}}))
    before = len(fresh.events())
    assert counts(loaded(fresh)) == (0, 0, 2, 0)
    assert len(fresh.events()) == before
    assert fresh.customer(ada)["values"]["given_name"] == "Adele"


def test_which_line_is_about_which_customer_is_said_to_who_asks(fresh: CallCenter) -> None:
    assert loaded(fresh)["customers"] == {}
    listed = loaded(fresh, list_customers="true")["customers"]
    assert [fresh.customer(listed[line])["values"]["given_name"] for line in ("2", "3")] == ["Ada", "Bo"]
    assert loaded(fresh, list_customers="true", dry_run="true")["customers"] == {}


def test_only_what_the_file_says_anew_becomes_claims(fresh: CallCenter) -> None:
    loaded(fresh)
    changed = FILE.replace("No,Yes,DSL,5", "Yes,Yes,Fiber,5")
    assert counts(loaded(fresh, changed)) == (0, 1, 1, 0)
    (edited,) = fresh.facts("customer.edited")
    said = sorted((claim.field, claim.value) for claim in edited.claims)
    assert said == [("products", "+internet.fiber"), ("products", "-internet.dsl"), ("status", "lapsed")]


def test_bad_lines_are_listed_without_their_values_and_the_others_kept(fresh: CallCenter) -> None:
    file = (
        FILE
        + "a3,Cy,nonsense,No,No,No,1\n"
        + "a4,Di,,Maybe,No,No,1\n"
        + "a1,Eve,,No,No,No,1\n"
        + ",Fay,,No,No,No,1\n"
        + "a5,Gus\n"
        + '"a6","two\nlines",,No,No,No,x\n'
        + "a7,Hal,,No,No,No,7\n"
    )
    answer = loaded(fresh, file)
    assert counts(answer) == (3, 0, 0, 6)
    assert [(b["line"], b["column"]) for b in answer["bad_lines"]] == [
        (4, "Phone"),
        (5, "Churn"),
        (6, "ID"),
        (7, "ID"),
        (8, ""),
        (9, "Tenure"),
    ]
    assert "line 2" in answer["bad_lines"][2]["reason"]
    assert not any(word in str(answer) for word in ("nonsense", "Maybe", "Eve"))


def test_a_dry_run_says_what_would_be_and_keeps_nothing(fresh: CallCenter) -> None:
    answer = loaded(fresh, dry_run="true")
    assert counts(answer) == (2, 0, 0, 0)
    assert answer["dry_run"] is True
    assert fresh.scalar("SELECT count(*) FROM customer_record") == 0
    assert fresh.events() == []


def test_a_file_in_another_encoding_says_where_and_changes_nothing(fresh: CallCenter) -> None:
    file = FILE.replace("Bo", "Bjørn").encode("latin-1")
    refused = fresh.load(file, MAPPING)
    assert refused.status_code == 422
    assert f"byte {file.index(b'Bj') + 2} " in refused.json()["detail"]
    assert fresh.scalar("SELECT count(*) FROM customer_record") == 0
    assert counts(loaded(fresh, file, encoding="latin-1")) == (2, 0, 0, 0)
    assert found(fresh, "Bjørn")["values"]["given_name"] == "Bjørn"


def test_a_byte_order_mark_and_another_delimiter_are_recognised(fresh: CallCenter) -> None:
    file = b"\xef\xbb\xbf" + FILE.replace(",", ";").encode()
    assert counts(loaded(fresh, file)) == (2, 0, 0, 0)
    assert counts(loaded(fresh, FILE.encode("utf-16"), encoding="utf-16")) == (0, 0, 2, 0)


def test_an_erased_person_isnt_brought_back_by_a_file(fresh: CallCenter) -> None:
    loaded(fresh)
    ada = found(fresh, "Ada")["customer"]
    erased(fresh.post, ada, "supervisor")
    answer = loaded(fresh, FILE.replace("Ada", "Ada Again"))
    assert (answer["erased"], *counts(answer)) == (1, 0, 0, 1, 0)
    assert fresh.customer(ada)["values"] == {}


def test_a_mapping_that_doesnt_fit_is_refused(fresh: CallCenter) -> None:
    lacking = fresh.load("ID,First\n1,a\n", MAPPING)
    assert lacking.status_code == 422
    assert "Churn, Line, Net, Phone, Tenure" in lacking.json()["detail"]
    unknown = {**MAPPING, "columns": [{"column": "First", "field": "shoe_size"}]}
    assert "shoe_size" in fresh.load(FILE, unknown).json()["detail"]
    twice = {**MAPPING, "columns": [{"column": c, "field": "city"} for c in ("First", "Net")]}
    assert "two columns" in fresh.load(FILE, twice).json()["detail"]


def test_chunks_of_a_larger_file(fresh: CallCenter) -> None:
    rows = "".join(f"k{n},Name{n},,No,Yes,DSL,{n}\n" for n in range(1_201))
    assert counts(loaded(fresh, HEADER + rows)) == (1_201, 0, 0, 0)
    assert counts(loaded(fresh, HEADER + rows.replace("k7,Name7,", "k7,Seven,"))) == (0, 1, 1_200, 0)

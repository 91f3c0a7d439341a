"""A rule's conditions for all customers at once, in SQL: what ``conditions.holds`` says of one, of now."""

from __future__ import annotations

from collections.abc import Sequence

from services.marketing.segments.conditions import AT_LEAST, AT_MOST, CONTAINS, DATE, IS, IS_NOT, NUMBER, Condition


def would(conditions: Sequence[Condition]) -> tuple[str, dict[str, object]]:
    """A query for the clusters that would be in, over ``worth``; and the values of its parameters."""
    if not conditions:
        return "SELECT cluster FROM worth WHERE amount >= :at_least", {}
    values: dict[str, object] = {}
    queries = []
    for number, one in enumerate(conditions):
        queries.append((_OF_RECORDS if one.field else _OF_FACTS).format(n=number, holds=_holds(one, number)))
        values[f"value{number}"] = one.value
        if one.field:
            values[f"field{number}"] = one.field
        else:
            values |= {f"kind{number}": one.kind, f"department{number}": one.department, f"code{number}": one.code}
    return _WOULD.format(meets=" INTERSECT ".join(queries)), values


def _holds(one: Condition, number: int) -> str:
    if one.test in (AT_LEAST, AT_MOST):
        sign = ">=" if one.test == AT_LEAST else "<="
        pattern, form = _NUMBER if one.form == "number" else _DATE
        return f"CASE WHEN v ~ '{pattern}' THEN {form.format('v')} {sign} {form.format(f':value{number}')} END"
    return f"v <> '' AND {_TESTS[one.test].format(n=number)}"


_TESTS = {IS: "v = :value{n}", IS_NOT: "v <> :value{n}", CONTAINS: "strpos(v, :value{n}) > 0"}
# Braces of the patterns' own, as these go through no format.
_NUMBER = (f"^{NUMBER}$", "CAST({} AS numeric)")
_DATE = (f"^{DATE}$", 'CAST({} AS text) COLLATE "C"')
_WOULD = """
SELECT DISTINCT cluster FROM ({meets}) AS meets LEFT JOIN worth USING (cluster)
WHERE coalesce(worth.amount, 0) >= :at_least
"""
# Whoever claimed nothing of the field isn't looked at; the second condition is that of the index.
_OF_RECORDS = """
SELECT coalesce(c.cluster, r.member) AS cluster
FROM (SELECT DISTINCT member FROM claim WHERE field = :field{n} AND field LIKE 'custom.%') AS claiming
JOIN customer_record r USING (member) LEFT JOIN customer_cluster c USING (member)
WHERE EXISTS (
  SELECT FROM jsonb_array_elements_text(CASE jsonb_typeof(r.states -> :field{n} -> 'value')
    WHEN 'array' THEN r.states -> :field{n} -> 'value'
    ELSE jsonb_build_array(coalesce(r.states -> :field{n} -> 'value', to_jsonb(CAST('' AS text)))) END) AS v
  WHERE {holds})
"""
_OF_FACTS = """
SELECT coalesce(c.cluster, w.member) AS cluster
FROM (
  SELECT DISTINCT ON (member, about) member, kind, about, occurred, value AS v FROM custom_value
  WHERE kind = :kind{n} AND department = :department{n} AND code = :code{n} AND occurred <= :now
  ORDER BY member, about, occurred DESC
) AS w LEFT JOIN customer_cluster c USING (member)
LEFT JOIN purchase p ON w.kind = 'order_field' AND p.member = w.member AND p.order_id = w.about
WHERE w.occurred > :since AND (p.cancelled IS NULL OR p.cancelled > :now) AND {holds}
"""

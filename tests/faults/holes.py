"""Holes in who may do what: planted like bugs, for the tests that try all ways in to find."""

from __future__ import annotations

from tests.faults.bugs import Bug, Edit

WAYS = "tests/access/test_ways_in.py"
COUNTING = "tests/access/test_counting.py"
WITHDRAWN = "tests/access/test_withdrawn.py"
HIDES_MUCH = f"{WAYS}::test_a_role_that_hides_much_opens_what_it_says"


def _hole(name: str, test: str, *edits: tuple[str, str, str]) -> Bug:
    return Bug(name, tuple(Edit(*each) for each in edits), (test,))


HOLES = (
    _hole(
        "an export that skips the mask",
        f"{HIDES_MUCH}[marketing]",
        ("shared/administration/exports/handlers.py", "shown, masked = of.mask(said)", "shown, masked = said, [*()]"),
    ),
    _hole(
        "a filter that leaks by counting: a search by a masked field",
        f"{HIDES_MUCH}[sfa]",
        (
            "shared/pipeline/records.py",
            "(shown := fields.get(row.member)) is not None and all(field in shown for field in asked)",
            "(shown := fields.get(row.member)) is not None",
        ),
        (
            "shared/pipeline/records.py",
            "if conditions is None or any(field not in most for field in asked):",
            "if conditions is None:",
        ),
    ),
    _hole(
        "a filter that leaks by counting: the customers of a territory",
        f"{COUNTING}::test_all_that_is_hidden_makes_no_difference[sfa]",
        (
            "services/sfa/territories/reads.py",
            "        counted = {one for one in ids if mine and known.looks_after(look.actor.id, one)}\n",
            "        counted = set(ids) if mine else set()\n",
        ),
    ),
    _hole(
        "an event stream that outlives its grant",
        f"{WITHDRAWN}::test_a_stream_ends_with_its_grant[callcenter]",
        (
            "shared/edge/live.py",
            "            except Refused:\n                return\n",
            '            except Refused:\n                yield ServerSentEvent(event="changed", data="")\n',
        ),
    ),
    _hole(
        "a neighbour's record by id",
        f"{HIDES_MUCH}[sfa]",
        (
            "services/sfa/orders/reads.py",
            "    fields = look.see(Action.ORDER_READ, order.member)\n    fields &=",
            "    fields = look.fields(Action.ORDER_READ, [order.member]).get(order.member, NO_FIELDS)\n    fields &=",
        ),
    ),
    _hole(
        "a page that forgets to ask",
        f"{WAYS}::test_a_role_of_the_platform_opens_what_it_says[marketing]",
        (
            "services/marketing/segments/reads.py",
            "    look.need(Action.SEGMENT_READ)\n    handlers.known(segment)\n",
            "    handlers.known(segment)\n",
        ),
    ),
    _hole(
        "an edit of a masked field",
        f"{HIDES_MUCH}[callcenter]",
        (
            "services/callcenter/customers/handlers.py",
            "        only(allowed[command.member], Action.CUSTOMER_EDIT, command.changes)\n",
            "",
        ),
    ),
    _hole(
        "a command sent again that is answered after its grant was withdrawn",
        f"{WITHDRAWN}::test_a_command_sent_again_is_refused_without_its_grant[sfa]",
        (
            "shared/pipeline/commands.py",
            "        except Forbidden:\n"
            "            # Not even the first answer is for somebody who may do this no longer.\n"
            "            raise\n",
            "",
        ),
    ),
    _hole(
        "a way in that nobody tries",
        f"{WAYS}::test_every_way_is_known[marketing]",
        (
            "services/marketing/profiles/api.py",
            "    return routes\n",
            '    @routes.get("/customers/{member}/summary")\n'
            "    def summary(member: Id) -> str:\n"
            "        return str(member)\n\n"
            "    return routes\n",
        ),
    ),
)

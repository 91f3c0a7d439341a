"""An erased customer is forgotten in what devices may fetch, and by the devices that had it, at their next contact.

Which devices had it isn't known while it is being forgotten: one may just be reading. So a task looks afterwards. A
device may have the customer if it follows, or followed, a scope in which the customer ever was, and hasn't said to be
beyond the position at which it left; what it hasn't said to have it may have all the same. It has forgotten once it
says to be there, or at its next contact after it has dropped the scope. One that was revoked never says anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import TextClause, bindparam, delete, text, update

from services.sync.devices import feed, rules
from services.sync.devices.tables import feed_item, member_note, mutation
from shared.administration.erasures import answers
from shared.administration.erasures.answers import Counts, Forgetting
from shared.edge.db import text_array
from shared.events.customer import CustomerForgotten
from shared.pipeline import claims, clusters, due
from shared.pipeline.customer_tables import any_of
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work

TASK = "device_erasure"
DEVICES = "devices"
"""The place that is noted once it is known which devices had a member; each of them is a place of its own then."""
AGAIN = timedelta(seconds=10)
"""How often it is looked whether devices have said that they are beyond an erasure."""
SELDOM = timedelta(hours=1)
"""The same where only revoked ones are left: one of them may be let in again."""


def forget(work: Work, members: Sequence[str]) -> Counts:
    """Forget notes, what was set aside, and what devices may fetch; then it is looked which devices had it."""
    session = work.session
    notes = delete(member_note).where(member_note.c.member == any_of(members)).returning(member_note.c.member)
    m = mutation.c
    kept = update(mutation).where(m.member == any_of(members), m.content.is_not(None))
    gone = kept.values(content=None, state=rules.REFUSED, reason="erased").returning(m.member, m.device, m.number)
    counts = {"notes": Counter(session.scalars(notes).all())}
    aside = session.execute(gone).all()
    feed.mark_mutations(work, [(row.device, row.number) for row in aside])
    c = feed_item.c
    fetched = session.scalars(
        feed_item.select().with_only_columns(c.key).where(c.key.in_(members), c.hash.is_not(None))
    )
    counts |= {"mutations": Counter(str(row.member) for row in aside), "feed": Counter(fetched.all())}
    feed.forget(work, members)
    feed.mark(work, set(members).union(*clusters.mates_of(session, members).values()))
    due.mark(work, TASK, members)
    return counts


def run(of: Forgetting, work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
    """Name the devices that had these members, and take it in when they have forgotten."""
    members = sorted(item.key for item in items)
    claims.lock(work.session, members)
    of_them = {"members": text_array(members)}
    new = _by_member(work.session.execute(_FIND, of_them).all())
    first = {member for member in members if not work.session.scalar(_LOOKED, {"member": member})}
    for member in sorted(new.keys() | first):
        places = tuple(f"device/{device}" for device in sorted(new.get(member, ())))
        if places:
            # Before the answer that this completes, so that nobody takes it for all there is.
            answers.answer(work, member, CustomerForgotten(places={}, open=places))
    if first:
        answers.note(work, of, sorted(first), {DEVICES: {m: len(new.get(m, ())) for m in first}})
    work.session.execute(_DROPPED, of_them | {"now": work.now})
    beyond = {(member, device) for member, device in work.session.execute(_BEYOND, of_them)}
    left = {(member, device): may for member, device, may in work.session.execute(_LEFT, of_them)}
    # Only once it has passed every scope in which the customer was.
    for member, devices in sorted(_by_member(sorted(beyond - left.keys())).items()):
        said = {f"device/{device}": 1 for device in sorted(devices)}
        answers.keep(work, [member], {place: {member: 1} for place in said})
        answers.answer(work, member, CustomerForgotten(places=said))
    soon = {member for (member, _), may in left.items() if may}
    return {member: work.now + (AGAIN if member in soon else SELDOM) for member, _ in left}


def _by_member(rows: Sequence[Sequence[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for member, device in rows:
        found.setdefault(str(member), set()).add(str(device))
    return found


def task(of: Forgetting) -> Task:
    """The task that hears from devices."""
    return Task(TASK, partial(run, of))


def _statement(sql: str, *names: str) -> TextClause:
    return text(sql).bindparams(*map(bindparam, names))


_LOOKED = _statement("SELECT EXISTS (SELECT FROM forgotten WHERE member = :member AND place = 'devices')", "member")
# A device that reads while this runs comes after the tombstone's commit: it can't get what left there.
_FIND = _statement(
    """
INSERT INTO erased_on_device AS e (member, device, scope, pos)
SELECT CAST(i.key AS uuid), s.device, i.scope, i.pos
FROM feed_item i JOIN device_scope s ON s.scope = i.scope AND s.pos < i.pos
WHERE i.key = ANY (CAST(:members AS text[])) AND i.hash IS NULL
ORDER BY 1, 2, 3
ON CONFLICT (member, device, scope) DO UPDATE SET pos = excluded.pos, dropped = NULL WHERE e.pos <> excluded.pos
RETURNING member::text, device::text
""",
    "members",
)
# Who doesn't follow the scope any more was told so at its last contact: that the answer came, its next one shows.
_DROPPED = _statement(
    """
UPDATE erased_on_device e SET dropped = :now
WHERE member = ANY (CAST(:members AS uuid[])) AND dropped IS NULL
  AND NOT EXISTS (SELECT FROM device_scope s WHERE s.device = e.device AND s.scope = e.scope)
""",
    "members",
    "now",
)
# A device that is beyond the end of its scope knows what a restored database doesn't: it will have to start over.
_BEYOND = _statement(
    """
DELETE FROM erased_on_device e USING device d
WHERE e.member = ANY (CAST(:members AS uuid[])) AND d.id = e.device AND d.revoked IS NULL
  AND (d.heard > e.dropped OR EXISTS (
    SELECT FROM device_scope s JOIN feed_scope f USING (scope)
    WHERE s.device = e.device AND s.scope = e.scope AND s.pos BETWEEN e.pos AND f.pos))
RETURNING e.member::text, e.device::text
""",
    "members",
)
_LEFT = _statement(
    """
SELECT DISTINCT e.member::text, e.device::text, d.revoked IS NULL AS may_answer
FROM erased_on_device e JOIN device d ON d.id = e.device WHERE e.member = ANY (CAST(:members AS uuid[]))
""",
    "members",
)

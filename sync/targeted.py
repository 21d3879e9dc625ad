"""Reading only who and what is named: a few people and groups by id, each a statement of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sync.model.errors import Incomplete, Misconfigured
from sync.model.run import Target
from sync.model.source import Found, Gone, GroupReader, MembershipReader, MembersUnread, Page, Source
from sync.trace import DIRECTORY, SCOPE, Trace

AT_ONCE = 50
"""People asked about at a time."""


def pages(source: Source, target: Target, trace: Trace, *, needs_raw: bool) -> Iterator[Page]:
    """What the directory says of the named, as pages without an End.

    ``needs_raw`` says that a person without raw attributes cannot be mapped. Raises Incomplete after the
    last page when some could not be read: what was read still counts, and nothing is concluded of the rest.
    """
    unread: list[str] = []
    people = sorted(target.users)
    for start in range(0, len(people), AT_ONCE):
        asked = people[start : start + AT_ONCE]
        found = source.lookup(asked)
        yield _page(found, asked, trace, unread, needs_raw=needs_raw)
    if target.groups:
        yield from _groups(source, sorted(target.groups), trace, unread)
    if unread:
        raise Incomplete(f"{len(unread):,} of the named could not be read: {', '.join(unread[:10])}")


def memberships(source: Source, people: Collection[str]) -> Iterator[Page]:
    """The groups of those who came back; ``people`` is asked when the first page is taken, not before.

    Where the source cannot tell, its changes name the groups themselves, or the next full read does.
    """
    if people and isinstance(source, MembershipReader):
        yield from source.memberships(sorted(people))


def _page(found: Found, asked: Sequence[str], trace: Trace, unread: list[str], *, needs_raw: bool) -> Page:
    known = [id_ for id_ in asked if id_ in found.present and (id_ in found.raw or not needs_raw)]
    for id_ in known:
        trace.found(found.present[id_])
    for id_ in sorted(found.gone):
        trace.gone("user", id_)
    unread += [id_ for id_ in asked if id_ not in known and id_ not in found.gone]
    return Page(
        users=[found.present[id_] for id_ in known],
        raw=[found.raw[id_] for id_ in known] if needs_raw else (),
        gone=[
            Gone(kind="user", external_id=id_, why=_NOT_THERE, may_exist=True) for id_ in sorted(found.gone)
        ],
    )


def _groups(source: Source, asked: Sequence[str], trace: Trace, unread: list[str]) -> Iterator[Page]:
    if not isinstance(source, GroupReader):
        raise Misconfigured(
            "this directory's groups cannot be read one by one; read everything: connector sync now NAME"
        )
    spoken_of: set[str] = set()
    for page in source.groups(asked):
        for record in page.groups:
            spoken_of.add(record.external_id)
            trace.say("group", record.external_id, DIRECTORY, f"found: {record.name}", label=record.name)
        for gone in page.gone:
            spoken_of.add(gone.external_id)
            trace.gone(gone.kind, gone.external_id)
        for piece in page.members:
            if isinstance(piece, MembersUnread):
                trace.say("group", piece.group_id, SCOPE, f"its members could not be read: {piece.why}")
                unread.append(piece.group_id)
        yield page
    unread += [id_ for id_ in asked if id_ not in spoken_of]


_NOT_THERE = "not in the directory any more (looked up by id)"

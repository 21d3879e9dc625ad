"""The tags that a plan would take, counted over what is stored: by membership, by nesting, with a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from sync.store import resources, tag_ways
from sync.store.database import Conn
from sync.store.text import chunks
from sync.tag_losses import Cuts, Reach


def lost_tags(conn: Conn, connection_id: str, cuts: Cuts) -> int:
    """How many tags people lose; what another group, another connection or a hand keeps is not counted."""
    if not cuts:
        return 0
    names = resources.resolve_members(conn, connection_id, [member for _, member in cuts.members])
    ended = {(group, names.get(member, member)) for group, member in cuts.members}
    tags = tag_ways.tags(conn, connection_id)
    reach = Reach(tags, tag_ways.above(conn, connection_id), replace(cuts, members=ended))
    people = dict.fromkeys(member for _, member in ended)
    people |= dict.fromkeys(tag_ways.people_in(conn, reach.poorer))
    lost = 0
    for losses in _losses(conn, reach, people):
        kept = tag_ways.kept_elsewhere(conn, tags, losses)
        lost += sum(len(gone - kept.get(person, set())) for person, gone in losses.items())
    return lost + cuts.uncounted


def _losses(conn: Conn, reach: Reach, people: Iterable[str]) -> Iterator[dict[str, AbstractSet[str]]]:
    """Batches of people who lose tags of this connection, with those tags."""
    for part in chunks(people):
        ways = tag_ways.groups_of(conn, part)
        losses = {person: reach.lost(person, groups) for person, groups in ways}
        yield {person: tags for person, tags in losses.items() if tags}

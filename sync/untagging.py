"""The tags that a plan would take, counted over what is stored: by membership, by nesting, with a group."""

from __future__ import annotations

from dataclasses import replace

from sync.store import resources, tag_ways
from sync.store.database import Conn
from sync.tag_losses import Cuts, Reach


def lost_tags(conn: Conn, connection_id: str, cuts: Cuts) -> int:
    """How many (person, tag) pairs of the connection end; one that another group keeps is not counted."""
    if not cuts:
        return 0
    names = resources.resolve_members(conn, connection_id, [member for _, member in cuts.members])
    ended = {(group, names.get(member, member)) for group, member in cuts.members}
    reach = Reach(
        tag_ways.tags(conn, connection_id), tag_ways.above(conn, connection_id), replace(cuts, members=ended)
    )
    people = dict.fromkeys(member for _, member in ended)
    people |= dict.fromkeys(tag_ways.people_in(conn, reach.poorer))
    lost = sum(reach.lost(person, groups) for person, groups in tag_ways.groups_of(conn, people))
    return lost + cuts.uncounted

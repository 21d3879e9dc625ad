"""Groups as people tell them: by ``User.groups``, for a service that offers no ``/Groups``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from providers.rows import text_of
from sync.model.errors import Incomplete
from sync.model.resources import GroupRecord, UserRecord
from sync.model.source import Members, Page, SetAside

ATTRIBUTE: Final = "groups"
_INDIRECT: Final = "indirect"


class UserGroups:
    """What the people of one walk say of their groups, told when all of them have spoken.

    SCIM leaves out an attribute that holds nothing, so a person without ``groups`` is in none; but
    where nobody at all has it, the service does not tell. A group that nobody is in does not show.
    """

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """The walk starts, or starts over: what was said before does not count."""
        self._names: dict[str, str] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._people, self._odd = 0, ""

    def take(
        self,
        users: Sequence[UserRecord],
        raw: Sequence[Mapping[str, Any]],
        set_aside: Sequence[SetAside],
    ) -> None:
        """What these say; whoever was set aside has said nothing, and may be in any group."""
        for odd in set_aside:
            self._odd = f"User {odd.external_id or 'without an id'} cannot be read, and her groups with her"
        for user, row in zip(users, raw, strict=True):
            self._people += 1
            if ATTRIBUTE in row:
                self._take_one(user.external_id, row[ATTRIBUTE])

    def _take_one(self, user_id: str, told: Any) -> None:
        for each in told if isinstance(told, list) else [] if told is None else [told]:
            row = {key.lower(): value for key, value in each.items()} if isinstance(each, dict) else {}
            group_id = text_of(row.get("value")) or unquote(
                (text_of(row.get("$ref")) or "").rpartition("/")[2]
            )
            if not group_id:
                self._odd = f"User {user_id} is in a group that has no id"
                continue
            self._names[group_id] = text_of(row.get("display")) or self._names.get(group_id) or group_id
            members = self._members.setdefault(group_id, {})
            if (text_of(row.get("type")) or "").lower() != _INDIRECT:
                members[user_id] = None

    def pages(self, is_wanted: Callable[[GroupRecord], bool]) -> Iterator[Page]:
        """Every group and its direct members; raises Incomplete where they cannot be told for certain."""
        records = [GroupRecord(key, name, key) for key, name in self._names.items()]
        yield Page(groups=records)
        yield Page(
            members=[
                Members(group_id=record.external_id, user_ids=list(self._members[record.external_id]))
                for record in records
                if not self._odd and is_wanted(record)
            ]
        )
        if self._odd:
            raise Incomplete(f"{self._odd}; memberships were left as they are.")
        if self._people and not self._names:
            raise Incomplete(
                "No user comes with groups, so nothing is known of them. Set groups_from=groups, or none."
            )

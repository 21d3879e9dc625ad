"""Proves what a JumpCloud credential may do, one right at a time, the silent refusals included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from providers.answers import Answer
from providers.failures import Absent, CredentialRefused
from providers.http import Ask, Wire
from providers.jumpcloud_feed import Feed
from providers.jumpcloud_graph import GROUPS, bucket_of
from providers.jumpcloud_records import UserReader, read_bound_users, read_group, read_groups, read_members
from providers.jumpcloud_settings import JumpCloudSettings
from sync.model.errors import Denied, Incomplete, Misconfigured
from sync.model.source import Right, RightState

R = TypeVar("R")

_ONE: Final = "?limit=1&skip=0"


def prove(wire: Wire, feed: Feed, settings: JumpCloudSettings) -> Sequence[Right]:
    """Every right the pull needs. Raises Misconfigured or Transient when the host cannot be talked to."""
    return list(Proof(wire, feed, settings).rights())


class Proof:
    """One round of small requests, each for one right."""

    def __init__(self, wire: Wire, feed: Feed, settings: JumpCloudSettings) -> None:
        self._wire, self._feed, self._settings = wire, feed, settings

    def rights(self) -> Iterator[Right]:
        try:
            users, right = self._try("read users", f"/api/systemusers{_ONE}&sort=_id", UserReader().page)
        except CredentialRefused as refused:
            yield Right(name="credential", state=RightState.MISSING, detail=refused.message)
            return
        yield Right(name="credential", state=RightState.OK)
        if users is not None and not users.places:
            empty = "The organisation lists no users at all. Check that it is the right one (org_id)."
            right = _missing("read users", empty)
        yield right
        groups, right = self._try("read groups", f"{GROUPS}{_ONE}&sort=name", read_groups)
        yield right
        if groups is not None and groups.rows.rows:
            yield self._members(groups.rows.rows[0].id)
        yield from self._scope()
        if self._settings.scope == "all":
            yield self._log()

    def _members(self, group_id: str) -> Right:
        kind, read = (
            ("membership", read_bound_users) if self._settings.transitive else ("members", read_members)
        )
        return self._try("read members", f"{GROUPS}/{group_id}/{kind}{_ONE}", read)[1]

    def _scope(self) -> Iterator[Right]:
        if self._settings.scope == "app":
            app = f"/api/v2/applications/{self._settings.scope_ids[0]}"
            yield self._try("read the application's users", f"{app}/users{_ONE}", read_bound_users)[1]
            yield self._try("read the application's groups", f"{app}/usergroups{_ONE}", _any)[1]
        for group_id in self._settings.scope_ids if self._settings.scope == "groups" else ():
            yield self._try(f"read group {group_id}", f"{GROUPS}/{group_id}", read_group)[1]

    def _log(self) -> Right:
        """Not needed for a pull: without it every pull is a full one."""
        name = "read changes (Directory Insights)"
        if self._feed.is_open():
            return Right(name=name, state=RightState.OK)
        return Right(
            name=name,
            state=RightState.UNKNOWN,
            detail="Refused, so deltas are off and every pull reads in full. "
            "For deltas let the admin or service account read Directory Insights.",
        )

    def _try(self, name: str, target: str, read: Callable[[Answer], R]) -> tuple[R | None, Right]:
        try:
            _, found = self._wire.ask(Ask(target, name.removeprefix("read "), bucket_of(target)), read)
        except CredentialRefused:
            raise
        except (Denied, Absent, Misconfigured) as error:
            return None, _missing(name, error.message)
        except Incomplete as error:
            return None, Right(name=name, state=RightState.UNKNOWN, detail=error.message)
        return found, Right(name=name, state=RightState.OK)


def _any(answer: Answer) -> Answer:
    return answer


def _missing(name: str, detail: str) -> Right:
    return Right(name=name, state=RightState.MISSING, detail=detail)

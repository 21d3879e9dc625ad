"""Proves what can be read from a SCIM service, one right at a time, and finds a wrong address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

from providers.answers import Answer
from providers.failures import Absent, BadRequest, CredentialRefused
from providers.http import Ask, Wire
from providers.scim_records import Listed, UserReader, read_group, read_groups
from providers.scim_settings import ScimSettings
from providers.scim_walk import ACCEPT
from sync.model.errors import ConnectorError, Denied, Incomplete, Misconfigured
from sync.model.resources import UserRecord
from sync.model.source import Right, RightState

R = TypeVar("R")

_USUAL_PATHS: Final = ("/scim/v2", "/scim", "/v2", "")
_CHANGED: Final = quote('meta.lastModified gt "2020-01-01T00:00:00Z"')


def prove(wire: Wire, settings: ScimSettings) -> Sequence[Right]:
    """Every right the pull needs. Raises Misconfigured or Transient when the host cannot be talked to."""
    return list(_Proof(wire, settings).rights())


class _Proof:
    """One round of small requests, each for one right."""

    def __init__(self, wire: Wire, settings: ScimSettings) -> None:
        self._wire, self._settings = wire, settings
        self._users = UserReader()

    def rights(self) -> Iterator[Right]:
        try:
            users, right = self._try("read users", "Users?startIndex=1&count=1", self._users.page)
        except CredentialRefused as refused:
            yield _missing("credential", refused.message)
            return
        yield Right(name="credential", state=RightState.OK)
        if users is None and right.state is RightState.MISSING:
            right = self._elsewhere(right)
        yield right
        if users is not None:
            yield self._pages(users)
            yield self._filter()
        if self._settings.groups_from == "groups":
            yield from self._groups()

    def _elsewhere(self, right: Right) -> Right:
        """The address is often short of a part, or has one too many; the one that answers is named."""
        own = self._settings.path
        for path in dict.fromkeys([f"{own}/v2", f"{own}/scim/v2", *_USUAL_PATHS]):
            ask = Ask(f"{path}/Users?startIndex=1&count=1", "users", "Users", ACCEPT)
            try:
                self._wire.ask(ask, self._users.page)
            except ConnectorError:
                continue
            return _missing(right.name, f"Set base_url to {self._wire.origin}{path}: the users are there.")
        return right

    def _pages(self, users: Listed[UserRecord]) -> Right:
        """Whether a second page is another page; a service that ignores the index shows its first again."""
        name = "read page by page"
        if not users.rows.span or users.next_cursor is not None:
            return Right(name=name, state=RightState.OK)
        second, right = self._try(name, "Users?startIndex=2&count=1", self._users.page)
        if second is not None and second.rows.span == users.rows.span and (users.total or 2) > users.received:
            return _missing(
                name,
                "The service shows one page whatever startIndex says, so nothing behind it can be read.",
            )
        return right

    def _filter(self) -> Right:
        name = "read changes"
        changed = f"Users?filter={_CHANGED}&startIndex=1&count=1"
        found, right = self._try(name, changed, self._users.page)
        if found is not None:
            return right
        detail = f"Every pull reads everything, since the service refuses to filter by time. {right.detail}"
        return Right(name=name, state=RightState.UNKNOWN, detail=detail)

    def _groups(self) -> Iterator[Right]:
        groups, right = self._try("read groups", "Groups?startIndex=1&count=1", read_groups)
        if right.state is RightState.MISSING:
            other = "set groups_from=users where users say which groups they are in, else none"
            right = _missing(right.name, f"{right.detail} If the service has no /Groups, {other}.")
        yield right
        if groups is None or not groups.rows.rows:
            return
        group_id = groups.rows.rows[0].row.id
        group, right = self._try("read members", f"Groups/{quote(group_id, safe='')}", read_group)
        if group is not None and group.members is None:
            right = Right(
                name=right.name,
                state=RightState.UNKNOWN,
                detail=f"Group {group_id} comes without its members; such groups keep those they have.",
            )
        yield right

    def _try(self, name: str, target: str, read: Callable[[Answer], R]) -> tuple[R | None, Right]:
        what = name.removeprefix("read ")
        try:
            _, found = self._wire.ask(Ask(f"{self._settings.path}/{target}", what, what, ACCEPT), read)
        except CredentialRefused:
            raise
        except BadRequest as error:
            return None, Right(name=name, state=RightState.UNKNOWN, detail=error.message)
        except (Absent, Denied, Misconfigured) as error:
            return None, _missing(name, error.message)
        except Incomplete as error:
            return None, Right(name=name, state=RightState.UNKNOWN, detail=error.message)
        return found, Right(name=name, state=RightState.OK)


def _missing(name: str, detail: str) -> Right:
    return Right(name=name, state=RightState.MISSING, detail=detail)

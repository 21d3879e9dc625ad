"""Proves what an Okta token may do, one right at a time, the silent refusals included."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

from providers.answers import Answer
from providers.failures import Absent, CredentialRefused
from providers.http import Ask, Wire
from providers.okta_dialect import SCOPES_REMEDY
from providers.okta_records import UserReader, everyone_count, read_groups, read_member_ids
from providers.okta_settings import OktaSettings
from providers.rows import Rows
from sync.model.errors import Denied, Incomplete
from sync.model.resources import UserRecord
from sync.model.source import Right, RightState

R = TypeVar("R")

_BUILT_IN: Final = "/api/v1/groups?limit=200&expand=stats&filter=" + quote('type eq "BUILT_IN"')


def prove(
    wire: Wire, settings: OktaSettings, withheld: Callable[[], Collection[str]] = tuple
) -> Sequence[Right]:
    """Every right the pull needs. Raises Misconfigured or Transient when the host cannot be talked to."""
    return list(Proof(wire, settings, withheld).rights())


class Proof:
    """One round of small requests, each for one right."""

    def __init__(self, wire: Wire, settings: OktaSettings, withheld: Callable[[], Collection[str]]) -> None:
        self._wire, self._withheld = wire, withheld
        self._settings = settings
        self._users = UserReader()

    def rights(self) -> Iterator[Right]:
        try:
            users, right = self._try("read users", "/api/v1/users?limit=1", self._users.page)
        except CredentialRefused as refused:
            yield Right(name="credential", state=RightState.MISSING, detail=refused.message)
            return
        yield Right(name="credential", state=RightState.OK)
        yield from self._scopes()
        yield right
        groups, right = self._try("read groups", "/api/v1/groups?limit=1", read_groups)
        yield right
        if groups is not None and groups.rows:
            members = f"/api/v1/groups/{groups.rows[0].id}/users?limit=1"
            yield self._try("read members", members, read_member_ids)[1]
        yield self._sees_everybody(users)
        yield from self._scope()

    def _scopes(self) -> Iterator[Right]:
        """The scopes of a service app's token; one that was not granted is left out of it in silence."""
        withheld = self._withheld()
        for scope in self._settings.oauth_scopes if self._settings.app else ():
            name = f"scope {scope}"
            if scope in withheld:
                yield _missing(name, SCOPES_REMEDY.format(missing=scope))
            else:
                yield Right(name=name, state=RightState.OK)

    def _sees_everybody(self, users: Rows[UserRecord] | None) -> Right:
        name, holder = "see everybody", self._settings.holder
        built_in, right = self._try(name, _BUILT_IN, read_groups)
        stated = everyone_count(built_in.rows) if built_in is not None else None
        if users is not None and not users.rows and stated != 0:
            return _missing(
                name,
                f"The user list is empty although the organisation has people: the {holder.noun} has no "
                f"admin role, or a role that sees nobody. {holder.remedy}",
            )
        if built_in is None:
            return right
        if stated is None and not self._settings.role_is_narrow:
            return _missing(
                name,
                f"The group Everyone is not visible: the {holder.noun}'s role is narrowed to some groups. "
                "Give it a role that sees all, or set role_is_narrow when that is meant.",
            )
        return right

    def _scope(self) -> Iterator[Right]:
        if self._settings.scope == "app":
            app = f"/api/v1/apps/{self._settings.scope_ids[0]}"
            reader = UserReader(is_assignment=True)
            yield self._try("read the application's users", f"{app}/users?limit=1&expand=user", reader.page)[
                1
            ]
            yield self._try("read the application's groups", f"{app}/groups?limit=20", read_member_ids)[1]
        for group_id in self._settings.scope_ids if self._settings.scope == "groups" else ():
            yield self._try(f"read group {group_id}", f"/api/v1/groups/{group_id}", _any)[1]

    def _try(self, name: str, target: str, read: Callable[[Answer], R]) -> tuple[R | None, Right]:
        try:
            _, found = self._wire.ask(Ask(target, name.removeprefix("read "), target.partition("?")[0]), read)
        except CredentialRefused:
            raise
        except (Denied, Absent) as error:
            return None, _missing(name, error.message)
        except Incomplete as error:
            return None, Right(name=name, state=RightState.UNKNOWN, detail=error.message)
        return found, Right(name=name, state=RightState.OK)


def _any(answer: Answer) -> Answer:
    return answer


def _missing(name: str, detail: str) -> Right:
    return Right(name=name, state=RightState.MISSING, detail=detail)

"""Proves what a OneLogin credential may do, one right at a time, the silent refusals included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from providers.answers import Answer
from providers.failures import Absent, CredentialRefused
from providers.http import Ask, Wire
from providers.onelogin_dialect import ACCOUNT, allowance_of
from providers.onelogin_events import Events
from providers.onelogin_records import PersonReader, read_envelope, read_role, read_roles, read_user_ids
from providers.onelogin_settings import OneLoginSettings
from providers.rows import inside, tolerant_json
from sync.model.errors import Denied, Incomplete, Misconfigured
from sync.model.source import Right, RightState

R = TypeVar("R")

_USERS: Final = "/api/2/users?limit=1&fields=email,status,state,role_ids,group_id"


def prove(wire: Wire, events: Events, settings: OneLoginSettings) -> Sequence[Right]:
    """Every right the pull needs. Raises Misconfigured or Transient when the host cannot be talked to."""
    return list(Proof(wire, events, settings).rights())


class Proof:
    """One round of small requests, each for one right."""

    def __init__(self, wire: Wire, events: Events, settings: OneLoginSettings) -> None:
        self._wire, self._events, self._settings = wire, events, settings

    def rights(self) -> Iterator[Right]:
        try:
            users, right = self._try("read users", _USERS, PersonReader().page)
        except CredentialRefused as refused:
            yield Right(name="credential", state=RightState.MISSING, detail=refused.message)
            return
        yield Right(name="credential", state=RightState.OK)
        if users is not None and users.rows and users.rows[0].sets.role_ids is None:
            slow = (
                "OneLogin lists users without their roles, so roles are read one by one: more calls per pull."
            )
            right = Right(name="read users", state=RightState.OK, detail=slow)
        yield right
        if self._settings.with_roles:
            yield self._try("read roles", "/api/2/roles?limit=1", read_roles)[1]
        if self._settings.with_groups:
            yield self._try("read groups", "/api/1/groups?limit=1", read_envelope)[1]
        yield from self._scope()
        if self._settings.scope == "all":
            yield self._log()
        yield self._left()

    def _scope(self) -> Iterator[Right]:
        if self._settings.scope == "app":
            target = f"/api/2/apps/{self._settings.scope_ids[0]}/users"
            yield self._try("read the application's users", target, read_user_ids)[1]
        for role_id in self._settings.scope_ids if self._settings.scope == "roles" else ():
            yield self._try(f"read role {role_id}", f"/api/2/roles/{role_id}", read_role)[1]

    def _log(self) -> Right:
        """Not needed for a pull: without it deltas see changed profiles, but no roles and no deletions."""
        if self._events.is_open():
            return Right(name="read events", state=RightState.OK)
        return Right(
            name="read events",
            state=RightState.UNKNOWN,
            detail="Refused, so deltas see no role changes and no deletions; full pulls do. "
            "For them make a credential with the scope Read All.",
        )

    def _left(self) -> Right:
        name = "calls left this hour"
        body, right = self._try(name, "/auth/rate_limit", lambda answer: tolerant_json(answer.body))
        data = inside(body, "data")
        told = {str(key).lower(): value for key, value in data.items()} if isinstance(data, dict) else {}
        allowance = allowance_of(told)
        if allowance is None:
            return Right(name=name, state=RightState.UNKNOWN, detail=right.detail)
        return Right(
            name=name,
            state=RightState.OK,
            detail=f"{allowance.remaining} of {allowance.limit} for the account",
        )

    def _try(self, name: str, target: str, read: Callable[[Answer], R]) -> tuple[R | None, Right]:
        try:
            _, found = self._wire.ask(Ask(target, name.removeprefix("read "), ACCOUNT), read)
        except CredentialRefused:
            raise
        except (Denied, Absent, Misconfigured) as error:
            return None, Right(name=name, state=RightState.MISSING, detail=error.message)
        except Incomplete as error:
            return None, Right(name=name, state=RightState.UNKNOWN, detail=error.message)
        return found, Right(name=name, state=RightState.OK)

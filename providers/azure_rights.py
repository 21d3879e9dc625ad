"""Proves what an app registration may read, one permission at a time, the silent gaps included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from providers.answers import Answer
from providers.azure_delta import Feeds
from providers.azure_records import page_of, read_groups, read_members, read_principals
from providers.azure_scope import Application
from providers.azure_settings import AzureSettings
from providers.azure_walk import UNITS, VERSION
from providers.failures import Absent, CredentialRefused
from providers.http import Ask, Wire
from providers.rows import id_of, inside
from sync.model.errors import ConnectorError, Denied, Incomplete, Misconfigured
from sync.model.source import Right, RightState

R = TypeVar("R")

USERS: Final = "read users (User.Read.All)"
GROUPS: Final = "read groups (GroupMember.Read.All)"
MEMBERS: Final = "read members (GroupMember.Read.All)"
APPLICATION: Final = "read the application (Application.Read.All)"
FEED: Final = "follow changes (users/delta, groups/delta)"
PHOTOS: Final = "read photos (User.Read.All)"


class Proof:
    """One round of small requests, each for one right."""

    def __init__(self, wire: Wire, settings: AzureSettings, feeds: Feeds, application: Application) -> None:
        self._wire, self._settings = wire, settings
        self._feeds, self._application = feeds, application

    def rights(self) -> Iterator[Right]:
        """Every right the pull needs. Raises Transient when the host cannot be talked to."""
        try:
            rows, users = self._try(USERS, "/users?$top=1&$select=id,accountEnabled", _rows)
        except (CredentialRefused, Misconfigured) as refused:
            yield Right(name="sign in", state=RightState.MISSING, detail=refused.message)
            return
        yield Right(name="sign in", state=RightState.OK)
        yield _sees_accounts(rows) if rows is not None else users
        yield from self._groups()
        if self._settings.scope == "app":
            yield from self._app()
        if self._settings.scope == "all":
            found, why = self._feeds.open()
            yield Right(name=FEED, state=RightState.OK) if found else _no_feed(why)
        if self._settings.photos and rows:
            yield self._photo(id_of(rows[0]) or "")

    def _groups(self) -> Iterator[Right]:
        for group_id in self._settings.scope_ids if self._settings.scope == "groups" else ():
            path = f"/groups/{group_id}?$select=id,displayName"
            yield self._try(f"read group {group_id}", path, _any)[1]
        groups, right = self._try(GROUPS, "/groups?$top=1&$select=id,displayName", read_groups)
        yield right
        if groups is not None and groups.rows.rows:
            members = f"/groups/{groups.rows.rows[0].id}/members?$top=1&$select=id"
            yield self._try(MEMBERS, members, read_members)[1]

    def _app(self) -> Iterator[Right]:
        try:
            principal = self._application.principal_id()
        except Misconfigured as error:
            yield _missing(APPLICATION, error.message)
            return
        except Denied as error:
            yield _missing(APPLICATION, f"{error.message} Application.Read.All is needed for this scope.")
            return
        path = f"/servicePrincipals/{principal}/appRoleAssignedTo?$top=1"
        assigned, right = self._try(APPLICATION, path, read_principals)
        if assigned is not None and not any(assigned.rows.rows[0]):
            why = (
                "Nobody is assigned to the application, so nobody is in scope. Assign people or groups to it."
            )
            right = Right(name=APPLICATION, state=RightState.UNKNOWN, detail=why)
        yield right

    def _photo(self, user_id: str) -> Right:
        try:
            return self._try(PHOTOS, f"/users/{user_id}/photo", _any)[1]
        except ConnectorError as error:
            return Right(name=PHOTOS, state=RightState.UNKNOWN, detail=error.message)

    def _try(self, name: str, path: str, read: Callable[[Answer], R]) -> tuple[R | None, Right]:
        what = name.removeprefix("read ").partition(" (")[0]
        try:
            _, found = self._wire.ask(Ask(f"{VERSION}{path}", what, UNITS), read)
        except CredentialRefused:
            raise
        except Absent as error:
            is_no_photo = name == PHOTOS
            return None, Right(name=name, state=RightState.OK) if is_no_photo else _missing(
                name, error.message
            )
        except Denied as error:
            return None, _missing(name, error.message)
        except Incomplete as error:
            return None, Right(name=name, state=RightState.UNKNOWN, detail=error.message)
        return found, Right(name=name, state=RightState.OK)


def _rows(answer: Answer) -> list[object]:
    found: list[object] = page_of(answer)["value"]
    return found


def _any(answer: Answer) -> Answer:
    return answer


def _sees_accounts(rows: list[object]) -> Right:
    """A list that leaves out whether accounts are enabled would make everybody unknown."""
    if rows and inside(rows[0], "accountEnabled") is None:
        return _missing(
            USERS,
            "The list of users does not say whether accounts are enabled. Give the app registration the "
            "application permission User.Read.All, and grant admin consent.",
        )
    if not rows:
        return _missing(USERS, "The list of users is empty, which no tenant is. Check the app's permissions.")
    return Right(name=USERS, state=RightState.OK)


def _no_feed(why: str) -> Right:
    return Right(
        name=FEED,
        state=RightState.UNKNOWN,
        detail=f"Every pull will read in full, since there is no change feed here: {why}",
    )


def _missing(name: str, detail: str) -> Right:
    return Right(name=name, state=RightState.MISSING, detail=detail)

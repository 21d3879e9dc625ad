"""Who is assigned to one enterprise application: people by themselves, and people by their groups."""

from __future__ import annotations

from typing import Final

from providers.azure_records import MemberIds, read_principals
from providers.azure_walk import UNITS, VERSION, List, Walks
from providers.failures import Absent, BadRequest
from providers.http import Ask, Wire
from providers.rows import id_of, tolerant_json
from sync.model.errors import Incomplete, Misconfigured

_COST: Final = 2


class Application:
    """An application, named by its client id or by the object id of its service principal."""

    def __init__(self, wire: Wire, walks: Walks, name: str) -> None:
        self._wire, self._walks, self._name = wire, walks, name
        self._id: str | None = None

    def principal_id(self) -> str:
        """The service principal's object id; raises Misconfigured when there is no such application."""
        if self._id is None:
            for path in (f"(appId='{self._name}')", f"/{self._name}"):
                found = self._look(path)
                if found is not None:
                    self._id = found
                    break
            else:
                raise Misconfigured(
                    f"scope: there is no enterprise application {self._name} in this tenant. "
                    "Write app:ID with its application (client) id."
                )
        return self._id

    def _look(self, path: str) -> str | None:
        target = f"{VERSION}/servicePrincipals{path}?$select=id,displayName"
        ask = Ask(target, f"application {self._name}", UNITS)
        try:
            _, body = self._wire.ask(ask, lambda answer: tolerant_json(answer.body))
        except (Absent, BadRequest):
            return None
        found = id_of(body)
        if found is None:
            raise Incomplete(f"Application {self._name} comes without an id; nothing was concluded from it.")
        return found

    def assigned(self) -> MemberIds:
        """Ids of the people and the groups that are assigned."""
        path = f"{VERSION}/servicePrincipals/{self.principal_id()}/appRoleAssignedTo?$top=999"
        users: dict[str, None] = {}
        groups: dict[str, None] = {}
        listing = List(path, "who is assigned to the application", _COST)
        for _, page in self._walks.pages(listing, read_principals):
            users |= dict.fromkeys(page.rows.rows[0].users)
            groups |= dict.fromkeys(page.rows.rows[0].groups)
        return MemberIds(list(users), list(groups))

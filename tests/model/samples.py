"""Made-up people, accounts and groups for the tables of the pure tests; what is not said is ordinary."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from sync.match import Candidates
from sync.model.change import Action, Change, Subject
from sync.model.resources import DirectoryUser, Group, User, UserRecord

ADA = "ada@example.com"


def record(external_id: str = "E1", email: str | None = ADA, **said: Any) -> UserRecord:
    """What a source says of a person; the userName is the e-mail unless said otherwise."""
    named = {"user_name": email or "ada", "first_name": "Ada", "last_name": "Byron"}
    return UserRecord(external_id=external_id, email=email, **(named | said))


def row(
    id: str = "row-1", external_id: str | None = "E1", email: str | None = ADA, **columns: Any
) -> DirectoryUser:
    """A stored directory user that agrees with ``record()``."""
    plain: dict[str, Any] = {"connection_id": "c1", "scim_external_id": None, "user_name": email or "ada"}
    plain |= {
        "first_name": "Ada",
        "last_name": "Byron",
        "picture_url": None,
        "status": "active",
        "user_id": "u1",
    }
    values = plain | columns
    values["status"] = type(record().status)(values["status"])
    return DirectoryUser(id=id, external_id=external_id, email=email, **values)


def account(id: str = "u1", email: str | None = ADA, **columns: Any) -> User:
    """A user of the application that agrees with ``record()``."""
    return User(id=id, email=email, **({"first_name": "Ada", "last_name": "Byron"} | columns))


def group(id: str = "g1", external_id: str | None = "G1", name: str = "Sales", **columns: Any) -> Group:
    """A stored group with the tag of the default template."""
    plain = {"connection_id": "c1", "scim_external_id": None, "tag": f"Group:{name}"}
    return Group(id=id, external_id=external_id, name=name, **(plain | columns))


def candidates(
    *rows: DirectoryUser, users: tuple[User, ...] = (), doubled: tuple[str, ...] = ()
) -> Candidates:
    """Everything a record may match, filed by key."""
    found = Candidates(doubled_emails=frozenset(doubled))
    found.add(rows)
    found.add_users(users)
    return found


def ids() -> Iterator[str]:
    """Ids new-1, new-2, … for rows that do not exist."""
    return (f"new-{number}" for number in count(1))


def change(action: Action = Action.CREATE, name: str = "E1", **said: Any) -> Change:
    """A change to a person, or to a group where the action is about groups."""
    kind = "group" if action.value.startswith(("group", "member")) else "user"
    subject = said.pop("subject", Subject(kind=kind, id=f"id-{name}", label=name, external_id=name))
    return Change(action=action, subject=subject, reason="because", **said)

"""Operations on users: find, explain, add, protect, suspend and tag by hand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from connector.operations import answers
from connector.operations.arguments import PAGE, After, CountMax, Limit, OfConnection, Ref, Search, Text
from connector.operations.operation import Call, operation
from sync.model.access import Role

Tag = Annotated[str, Field(min_length=1, max_length=400)]
Waits = Annotated[
    bool | None, Field(description="Whether a seat or a person's answer is waited for, by the e-mail.")
]
Tags = Annotated[list[Tag], Field(max_length=100)]


class Account(BaseModel):
    """An account that no directory made."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=320)
    first_name: str | None = Field(default=None, max_length=200)
    last_name: str | None = Field(default=None, max_length=200)
    origin: Literal["sso", "manual"] = "manual"
    tags: Tags = []
    admin: bool = False


Accounts = Annotated[list[Account], Field(min_length=1, max_length=100_000)]


@operation("GET", "/users", Role.VIEWER, answers.Users, rows="users", cli="users list")
def list_(
    call: Call,
    *,
    search: Search = None,
    active: bool | None = None,
    managed: bool | None = None,
    tag: Annotated[str | None, Field(max_length=400)] = None,
    connection: OfConnection = None,
    protected: bool | None = None,
    waiting: Waits = None,
    after: After = None,
    limit: Limit = PAGE,
    count_max: CountMax = None,
) -> dict[str, Any]:
    """List users in the order they were made."""
    return call.app.people.users(
        search=search,
        active=active,
        managed=managed,
        tag=tag,
        connection=connection,
        protected=protected,
        waiting=waiting,
        after=after,
        limit=limit,
        count_max=count_max,
    )


@operation("POST", "/users", Role.ADMIN, answers.Added, status=201, cli="users load FILE")
def add(call: Call, *, users: Accounts) -> dict[str, Any]:
    """Add accounts that no directory made, all of them or none."""
    ids = call.app.people.add([each.model_dump() for each in users], by=call.by)
    return {"added": len(ids), "ids": ids}


@operation("GET", "/users/{user:path}/explain", Role.VIEWER, answers.Explained, cli="users explain {user}")
def explain(call: Call, *, user: Ref) -> dict[str, Any]:
    """Say why a user is active or suspended and has these tags."""
    found = call.app.people.explain(user)
    return found.as_json() | {"text": found.as_text().rstrip("\n")}


@operation("POST", "/users/{user:path}/protect", Role.ADMIN, answers.User, cli="users protect {user}")
def protect(call: Call, *, user: Ref) -> dict[str, Any]:
    """Keep an account from every removal, whatever a directory says."""
    return call.app.people.protect(user, protected=True, by=call.by)


@operation("POST", "/users/{user:path}/unprotect", Role.ADMIN, answers.User, cli="users unprotect {user}")
def unprotect(call: Call, *, user: Ref) -> dict[str, Any]:
    """End the protection of an account."""
    return call.app.people.protect(user, protected=False, by=call.by)


@operation("POST", "/users/{user:path}/suspend", Role.OPERATOR, answers.User, cli="users suspend {user}")
def suspend(call: Call, *, user: Ref, reason: Text = "") -> dict[str, Any]:
    """Take an account's access away by hand; no run gives it back."""
    return call.app.people.suspend(user, by=call.by, reason=reason)


@operation(
    "POST", "/users/{user:path}/reactivate", Role.OPERATOR, answers.User, cli="users reactivate {user}"
)
def reactivate(call: Call, *, user: Ref, reason: Text = "") -> dict[str, Any]:
    """Give back the access that was taken by hand."""
    return call.app.people.reactivate(user, by=call.by, reason=reason)


@operation("POST", "/users/{user:path}/tags", Role.OPERATOR, answers.User, cli="users tag {user}")
def tag(call: Call, *, user: Ref, add: Tags | None = None, remove: Tags | None = None) -> dict[str, Any]:
    """Set and take tags by hand; those of directories stay."""
    return call.app.people.set_tags(user, add=add or (), remove=remove or (), by=call.by)


@operation("POST", "/users/{user:path}/admin", Role.ADMIN, answers.User, cli="users admin {user}")
def admin(call: Call, *, user: Ref, admin: bool = True) -> dict[str, Any]:
    """Say whether an account administers the application; the last one that does is never suspended."""
    return call.app.people.set_admin(user, admin=admin, by=call.by)


@operation("GET", "/users/{user:path}", Role.VIEWER, answers.User, cli="users show {user}")
def show(call: Call, *, user: Ref) -> dict[str, Any]:
    """Show a user by id, e-mail or external id, with directory users and groups."""
    return call.app.people.user(user)

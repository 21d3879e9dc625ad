"""Operations on console accounts, their sessions and links."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, After, Limit, Ref, Search, Text
from connector.operations.lists import page_of
from connector.operations.operation import Call, operation
from sync.model.access import Role

Password = Annotated[str, Field(max_length=200, json_schema_extra={"format": "password"})]
How = Annotated[Literal["password", "link", "oidc"], Field(description="How they signed in.")]
Email = Annotated[str, Field(min_length=3, max_length=320)]


@operation("GET", "/accounts", Role.ADMIN, answers.Accounts, rows="accounts", cli="accounts list")
def list_(
    call: Call,
    *,
    search: Search = None,
    role: Role | None = None,
    disabled: bool | None = None,
    after: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List who may sign in to the console."""
    found, following = page_of(
        call.app.accounts.listed(),
        after=after,
        limit=limit,
        search=search,
        within=("email", "name"),
        role=role,
        disabled=disabled,
    )
    return {"accounts": found, "next": following}


@operation(
    "POST",
    "/accounts",
    Role.ADMIN,
    answers.Account,
    status=201,
    shows_once=True,
    cli="accounts add {email} --role {role}",
)
def add(
    call: Call, *, email: Email, role: Role = Role.VIEWER, name: Text = "", password: Password | None = None
) -> dict[str, Any]:
    """Add a console account; without a password the answer holds a link to set one."""
    return call.app.accounts.add(email, role, by=call.by, name=name, password=password)


@operation("PATCH", "/accounts/{account}", Role.ADMIN, answers.Account, cli="accounts set {account}")
def set_(
    call: Call,
    *,
    account: Ref,
    role: Role | None = None,
    name: Text | None = None,
    disabled: bool | None = None,
) -> dict[str, Any]:
    """Change a console account's role or name, or disable it; the last admin stays."""
    return call.app.accounts.set(account, by=call.by, role=role, name=name, disabled=disabled)


@operation(
    "POST", "/accounts/{account}/password", Role.ADMIN, answers.Account, cli="accounts password {account}"
)
def password(call: Call, *, account: Ref, password: Password) -> dict[str, Any]:
    """Give a console account a new password; its sessions end."""
    return call.app.accounts.set_password(account, password, by=call.by)


@operation("DELETE", "/accounts/{account}", Role.ADMIN, answers.Account, cli="accounts remove {account}")
def remove(call: Call, *, account: Ref) -> dict[str, Any]:
    """Forget a console account; its sessions end, and the last admin stays."""
    return call.app.accounts.remove(account, by=call.by)


@operation(
    "POST", "/accounts/links", Role.ADMIN, answers.NewLink, status=201, shows_once=True, cli="admin link"
)
def link(call: Call, *, account: Ref | None = None) -> dict[str, Any]:
    """Make a one-time link into an account or, without one, to a new administrator's account."""
    return call.app.accounts.link(account, by=call.by)


@operation(
    "GET", "/accounts/sessions", Role.ADMIN, answers.Sessions, rows="sessions", cli="accounts sessions"
)
def sessions(
    call: Call,
    *,
    account: Ref | None = None,
    search: Annotated[
        str | None, Field(max_length=200, description="Part of an e-mail, a browser or an address.")
    ] = None,
    how: How | None = None,
    after: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List signed-in browsers, of one account or of all."""
    found, following = page_of(
        call.app.accounts.sessions(account),
        after=after,
        limit=limit,
        search=search,
        within=("account", "agent", "address"),
        how=how,
    )
    return {"sessions": found, "next": following}


@operation(
    "DELETE",
    "/accounts/sessions/{session}",
    Role.ADMIN,
    answers.Session,
    cli="accounts end-session {session}",
)
def end_session(call: Call, *, session: Ref) -> dict[str, Any]:
    """Sign a browser out."""
    return call.app.accounts.end_session(session, by=call.by)

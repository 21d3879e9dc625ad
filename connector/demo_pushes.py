"""What an identity provider pushes in the demo, sent by a SCIM client that is not ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sync.model.errors import Misconfigured

if TYPE_CHECKING:
    from scim2_client.engines.httpx2 import SyncSCIMClient


def push(base_url: str, token: str, people: Sequence[tuple[str, str]], group: str) -> tuple[str, int]:
    """Create these people (first name, last name) and a group of them; its id, and its members as read back.

    Raises Misconfigured where the client is not installed.
    """
    try:
        import httpx2
        from scim2_client.engines.httpx2 import SyncSCIMClient
    except ModuleNotFoundError as error:
        raise Misconfigured(
            "the demo pushes by scim2-client: pip install 'directory-connector[demo]', or run make demo"
        ) from error
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=base_url, headers=headers, trust_env=False) as http:
        client = SyncSCIMClient(http)
        client.discover()
        return _push(client, people, group)


def _push(client: SyncSCIMClient, people: Sequence[tuple[str, str]], group: str) -> tuple[str, int]:
    user_model: Any = client.get_resource_model("User")
    group_model: Any = client.get_resource_model("Group")
    made: list[Any] = [client.create(user_model.model_validate(_newcomer(*name))) for name in people]
    members = [{"value": user.id} for user in made]
    created: Any = client.create(group_model.model_validate({"displayName": group, "members": members}))
    shown: Any = client.query(group_model, created.id)
    return str(created.id), len(shown.members)


def _newcomer(first: str, last: str) -> dict[str, Any]:
    email = f"{first}.{last}@partners.example.com".lower()
    return {
        "userName": email,
        "externalId": f"partner-{first.lower()}",
        "name": {"givenName": first, "familyName": last},
        "emails": [{"value": email, "type": "work", "primary": True}],
        "active": True,
    }

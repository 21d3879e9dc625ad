"""API keys for tests that call the API."""

from connector.app import App
from sync.model.access import Role


def key_of(app: App, role: Role = Role.ADMIN, name: str = "tests") -> dict[str, str]:
    """The headers of a caller with a key of this role."""
    return {"Authorization": f"Bearer {app.keys.add(name, role, by='test')['key']}"}

"""A SCIM client for tests: sends what it is told, and looks at every answer's envelope."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

_numbers = itertools.count(1)


class Scim:
    """One connection's endpoint. ``base`` is its address; statuses are checked at every call."""

    def __init__(self, http: httpx.Client, base: str, token: str) -> None:
        self.http = http
        self.base = base
        self.token = token

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        status: int | Sequence[int] = 200,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send ``body`` (bytes as they are, anything else as JSON) and check status and envelope."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        sent |= dict(headers or {})
        content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        answer = self.http.request(
            method,
            self.base + path,
            content=content,
            headers={name: value for name, value in sent.items() if value},
        )
        expected = (status,) if isinstance(status, int) else status
        assert answer.status_code in expected, f"{answer.status_code}: {answer.text}"
        check_envelope(answer)
        return answer

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        return _json(self.send("GET", path, status=status, headers=headers))

    def post(self, path: str, body: Any, status: int = 201) -> Any:
        return _json(self.send("POST", path, body, status))

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return _json(self.send("PUT", path, body, status))

    def delete(self, path: str, status: int = 204) -> Any:
        return _json(self.send("DELETE", path, status=status))

    def patch(self, path: str, *operations: Any, status: int | Sequence[int] = (200, 204)) -> Any:
        """PATCH, then the resource as it is read back; the error body when it failed."""
        answer = self.send("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, status)
        if answer.status_code >= 400:
            return answer.json()
        read = self.get(path)
        if answer.status_code == 200:
            assert answer.json() == read
        return read

    def find(self, collection: str, filter: str, **more: str) -> list[Any]:
        """The resources a filter finds."""
        answer = self.http.get(
            f"{self.base}/{collection}",
            params={"filter": filter, **more},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code == 200, answer.text
        listed = answer.json()
        assert listed["totalResults"] >= len(listed["Resources"]) == listed["itemsPerPage"]
        found: list[Any] = listed["Resources"]
        return found

    def user(self, **attributes: Any) -> Any:
        """A new user with a name of its own."""
        body = {"schemas": [CORE], "userName": f"person{next(_numbers)}@example.com", **attributes}
        return self.post("/Users", body)

    def group(self, *members: Any, **attributes: Any) -> Any:
        """A new group of these users, groups or ids."""
        body = {
            "schemas": [GROUP],
            "displayName": f"Group {next(_numbers)}",
            "members": [{"value": each if isinstance(each, str) else each["id"]} for each in members],
            **attributes,
        }
        return self.post("/Groups", body)

    def members(self, group: Any) -> list[str]:
        """The ids of a group's members as they are stored now; its list entry shows the same."""
        read = self.get(f"/Groups/{group['id']}")
        listed = self.find("Groups", f'id eq "{group["id"]}"')
        assert listed[0]["members"] == read["members"]
        return sorted(member["value"] for member in read["members"])


def check_envelope(answer: httpx.Response) -> None:
    """Every answer with a body is SCIM JSON, and every error says so (RFC 7644 §3.12)."""
    if answer.content:
        assert answer.headers["content-type"] == "application/scim+json"
    else:
        assert "content-type" not in answer.headers
    if answer.status_code >= 400:
        error = answer.json()
        assert error["schemas"] == [ERROR]
        assert error["status"] == str(answer.status_code)
        assert error["detail"]


def _json(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None


def op(name: str, path: str | None = None, **value: Any) -> dict[str, Any]:
    """A PATCH operation; ``value=`` is its value."""
    return {"op": name} | ({"path": path} if path is not None else {}) | value


def ids(*resources: Any) -> list[str]:
    return sorted(resource["id"] for resource in resources)

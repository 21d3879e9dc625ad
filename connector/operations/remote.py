"""Operations carried out by a daemon elsewhere, through its API."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson

from connector.operations.operation import Operation
from providers.transport import checked_origin, tls
from sync.model import errors
from sync.model.errors import ConnectorError, Denied, Misconfigured, NotFound, Transient

API: Final = "/api/v1"
TIMEOUT_S: Final = 600.0
"""Discovery reads a whole directory before it answers."""

_BY_KIND: Final[dict[str, type[ConnectorError]]] = {
    each.__name__.lower(): each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, ConnectorError)
}


class Remote:
    """A daemon's API, spoken to with a key."""

    def __init__(self, server: str, key: str | None) -> None:
        checked_origin("/".join(server.split("/", 3)[:3]), "--server")
        if not key:
            raise Misconfigured(
                "the daemon wants an API key: give --api-key or set CONNECTOR_API_KEY "
                "(made there by: connector keys add NAME)"
            )
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._server = server.rstrip("/")
        self._http = httpx.Client(
            base_url=self._server + API, headers=headers, verify=tls(), timeout=TIMEOUT_S, trust_env=False
        )

    def close(self) -> None:
        self._http.close()

    def carry_out(self, operation: Operation, given: dict[str, Any]) -> Any:
        """The operation's answer; raises the same errors as on the database itself."""
        path = operation.address(given, lambda text: quote(text, safe=""))
        rest = {name: value for name, value in given.items() if name not in operation.in_path}
        query, body = (rest, None) if operation.method in {"GET", "DELETE"} else (None, orjson.dumps(rest))
        try:
            answer = self._http.request(
                operation.method,
                path,
                params=None if query is None else {name: _query(value) for name, value in query.items()},
                content=body,
                headers={"Content-Type": "application/json"} if body else None,
            )
        except httpx.HTTPError as error:
            raise Transient(
                f"the daemon at {self._server} does not answer ({type(error).__name__}); is it running?"
            ) from error
        return self._found(answer)

    def _found(self, answer: httpx.Response) -> Any:
        try:
            found = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            found = None
        if answer.is_success and found is not None:
            return found
        detail = found.get("detail") if isinstance(found, dict) else None
        if detail is None:
            raise Misconfigured(f"{self._server} is no Directory Connector (it answers {answer.status_code})")
        if answer.status_code in (401, 403):
            raise Denied(str(detail))
        by_status = {404: NotFound, 503: Transient}.get(answer.status_code, Misconfigured)
        raise _BY_KIND.get(str(found.get("kind")), by_status)(str(detail))


def _query(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value

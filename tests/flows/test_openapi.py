"""The API's own description, and the API held against it by a fuzzer."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from connector.app import App
from connector.operations.table import OPERATIONS
from connector.settings import Settings
from connector.web import openapi
from connector.web.asgi import application
from tests.flows.keys import key_of
from tests.serving import serving

QUICK = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A program with a person, a connection and a webhook."""
    folder = tmp_path_factory.mktemp("openapi")
    with App(Settings(database_url=f"sqlite:///{folder / 'connector.db'}")) as made:
        made.people.add([{"email": "ada@example.com"}], by="test")
        made.connections.add("partners", "scim", {"mode": "push"})
        yield made


@pytest.fixture(scope="module")
def client(app: App) -> Iterator[httpx.Client]:
    """A program with an admin's key."""
    with (
        serving(application(app), proxy_headers=False) as url,
        httpx.Client(base_url=url, headers=key_of(app), trust_env=False, timeout=60) as http,
    ):
        yield http


@pytest.mark.golden
def test_the_document_is_the_one_that_was_read(golden: Callable[[str, str], None]) -> None:
    """A change of the API shows in its document, which is served to anybody."""
    golden("openapi.json", json.dumps(openapi.document(), indent=1, sort_keys=True) + "\n")


def test_the_document_is_served_without_a_key(client: httpx.Client) -> None:
    """What the API can do is no secret."""
    answer = httpx.get(f"{client.base_url}/api/v1/openapi.json", trust_env=False)
    assert answer.json() == openapi.document()


def test_every_operation_says_what_it_does_and_where() -> None:
    """Each has a sentence, an address of its own, and a role."""
    addresses = [(each.method, each.path) for each in OPERATIONS]
    assert len(set(addresses)) == len(addresses)
    assert all(each.summary for each in OPERATIONS)


@pytest.mark.slow
def test_no_request_of_the_document_makes_it_fail(client: httpx.Client, app: App) -> None:
    """Whatever fits the document, or nearly, is answered as the document says, and never with a 5xx."""
    config = SchemathesisConfig.from_dict({})
    schema = schemathesis.openapi.from_dict(_without_calls_abroad(openapi.document()), config=config)
    asked = 0
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]

        @QUICK
        @_given(operation)
        def attempt(case: Any) -> None:
            nonlocal asked
            asked += 1
            answer = case.call(base_url=f"{client.base_url}/api/v1", headers=dict(client.headers))
            case.validate_response(
                answer, checks=[not_a_server_error, response_schema_conformance, status_code_conformance]
            )

        attempt()
    assert asked > 300
    assert client.get("/readyz").status_code == 200


def _given(operation: Any) -> Any:
    from hypothesis import given

    return given(case=operation.as_strategy())


def _without_calls_abroad(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what would call a directory or a webhook, or end the fuzzer's own key."""
    left_out = ("runs.discover", "connections.test", "webhooks.test", "overview.doctor", "keys.revoke")
    for path in document["paths"].values():
        for method in [name for name, each in path.items() if each["operationId"] in left_out]:
            del path[method]
        for each in path.values():
            each["parameters"] = [one for one in each["parameters"] if one["name"] != "wait"]
    return document

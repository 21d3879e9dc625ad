"""What may be kept of a request says what was done, and nothing of whom."""

import orjson
import pytest

from scim_server.redaction import redacted_body, redacted_filter, redacted_query
from tests.scim.client import CORE, ENT, PATCH, Scim, op


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('userName eq "ana@x" and active eq true', 'userName eq "…" and active eq true'),
        ('emails[type eq "work"].value eq "a\\"b"', 'emails[type eq "…"].value eq "…"'),
        ("externalId eq jyoung", "externalId eq …"),
        ("title pr", "title pr"),
    ],
)
def test_filters_lose_their_literals(text: str, kept: str) -> None:
    """A filter keeps its attributes and operators."""
    assert redacted_filter(text) == kept


def test_bodies_keep_their_shape() -> None:
    """A body keeps names, booleans and nulls; every text and number about a person is masked."""
    body = {
        "schemas": [PATCH],
        "Operations": [
            op("add", 'members[value eq "id1"]', value={"display": "Ana", "active": True, ENT: {"x": 7}}),
            op("replace", value={'emails[type eq "work"].value': "ana@x", "title": None}),
        ],
    }
    assert orjson.loads(redacted_body(orjson.dumps(body))) == {
        "schemas": [PATCH],
        "Operations": [
            op("add", 'members[value eq "…"]', value={"display": "…", "active": True, ENT: {"x": "…"}}),
            op("replace", value={'emails[type eq "…"].value': "…", "title": None}),
        ],
    }
    assert redacted_body(b"") == redacted_body(None) == ""
    assert redacted_body(b"ana@x") == "5 bytes that are no JSON"
    assert "ana" not in redacted_query({"filter": ['userName eq "ana"'], "count": ["1"]})["filter"][0]


def test_passwords_leave_no_trace(scim: Scim, caplog: pytest.LogCaptureFixture) -> None:
    """A password sent in every way comes back in no answer and stands in no log."""
    canary = "canary-Secret-9"
    user = scim.user(password=canary)
    path = f"/Users/{user['id']}"
    sent = [
        ("POST", "/Users", {"schemas": [CORE], "password": canary}),
        ("POST", "/Users", {"userName": user["userName"], CORE: {"password": canary}}),
        ("PUT", path, {**user, "Password": canary, f"{CORE}:password": canary}),
        ("PATCH", path, {"Operations": [op("add", "password", value=canary)]}),
        ("PATCH", path, {"Operations": [op("add", f"{CORE}:password", value=canary)]}),
        ("PATCH", path, {"Operations": [op("replace", value={"password": canary, "title": "T"})]}),
        ("PATCH", path, {"Operations": [op("remove", "password", value=canary)]}),
    ]
    for method, where, body in sent:
        assert canary not in scim.send(method, where, body, (200, 201, 204, 400, 409)).text
    assert canary not in scim.send("GET", "/Users").text
    assert canary not in caplog.text

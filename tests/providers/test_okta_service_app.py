"""An Okta service app: tokens by signed assertion, proofs of possession, and the sentences when it fails."""

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from providers.failures import CredentialRefused
from providers.okta_settings import okta_settings
from providers.registry import open_source
from providers.simulator.server import Simulator
from sync.model.errors import Misconfigured
from sync.model.source import RightState, Source
from tests.providers.reading import QUICK, Reading, Time, read
from tests.providers.vendors import OKTA

ED25519 = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
ALL = "okta.users.read okta.groups.read okta.apps.read okta.logs.read"


def _opened(simulator: Simulator, app: dict[str, str], **settings: Any) -> Source:
    time = Time(simulator)
    return open_source(
        "okta",
        {"base_url": simulator.base_url, **app, **settings},
        monotonic=time.monotonic,
        sleep=time.skip,
        timeouts=QUICK,
    )


def _whole(simulator: Simulator, app: dict[str, str], **settings: Any) -> Reading:
    source = _opened(simulator, app, **settings)
    try:
        return read(source.full())
    finally:
        source.close()


def _rights(simulator: Simulator, app: dict[str, str]) -> dict[str, tuple[RightState, str]]:
    source = _opened(simulator, app)
    try:
        return {right.name: (right.state, right.detail or "") for right in source.check()}
    finally:
        source.close()


@pytest.mark.parametrize(
    ("is_bound", "told", "tokens"), [(False, False, 1), (True, False, 3), (True, True, 2)]
)
def test_an_app_reads_everybody(simulator: Simulator, is_bound: bool, told: bool, tokens: int) -> None:
    """One token serves the whole read; that DPoP is asked for is found out, or told by a setting."""
    reading = _whole(simulator, simulator.service_app(dpop=is_bound), dpop=told)
    assert reading.error is None
    assert set(reading.users) == OKTA.present(simulator.state())
    assert reading.members == OKTA.members(simulator.state())
    assert simulator.requests()["by_op"]["token"] == tokens


@pytest.mark.parametrize("fault", ["A01", "T07", "A14", "C09"])
@pytest.mark.parametrize("is_bound", [False, True])
def test_what_patience_cures(simulator: Simulator, fault: str, is_bound: bool) -> None:
    """A token that dies in the walk, a slow endpoint, a new nonce and a wrong clock cost nobody."""
    app = simulator.service_app(dpop=is_bound)
    simulator.fault(fault)
    reading = _whole(simulator, app)
    assert reading.error is None
    assert set(reading.users) == OKTA.present(simulator.state())
    assert reading.members == OKTA.members(simulator.state())


def test_a_new_nonce_and_a_new_token_in_the_middle(simulator: Simulator) -> None:
    """When the token's hour ends and the nonce was renewed meanwhile, the walk goes on with the next."""
    source = _opened(simulator, simulator.service_app(dpop=True))
    pages = source.full()
    reading = Reading()
    reading.take(next(pages))
    simulator.fault("A14")
    simulator.clock(advance=4000)
    for page in pages:
        reading.take(page)
    source.close()
    assert set(reading.users) == OKTA.present(simulator.state())
    assert simulator.requests()["by_op"]["token"] == 3 + 3  # its clock, the nonce, the token


def test_a_token_that_stays_refused_is_fetched_once_more(simulator: Simulator) -> None:
    """A second 401 ends the walk with a sentence that names the setting and holds no secret."""
    app = simulator.service_app(dpop=True)
    simulator.fault("deny(401,times=always)@page=2")
    reading = _whole(simulator, app, dpop=True)
    assert reading.end is None
    assert isinstance(reading.error, CredentialRefused)
    assert "private_key" in reading.error.message
    assert app["private_key"] not in reading.error.message
    assert simulator.requests()["by_op"]["token"] == 2 + 1


def test_a_key_that_okta_does_not_know(simulator: Simulator) -> None:
    """The credential alone is said to be missing, with what to check."""
    app = simulator.service_app()
    other = RSAKey.generate_key(2048).as_pem(private=True).decode()
    rights = _rights(simulator, app | {"private_key": other})
    assert set(rights) == {"credential"}
    state, detail = rights["credential"]
    assert state is RightState.MISSING
    assert "public half" in detail


def test_a_scope_that_was_not_granted_is_named(simulator: Simulator) -> None:
    """Refused at the token endpoint or dropped in silence: the missing scope is in the sentence."""
    app = simulator.service_app(scopes="okta.users.read okta.apps.read")
    assert "okta.groups.read to the app" in _rights(simulator, app)["credential"][1]
    app = simulator.service_app(scopes=ALL)
    simulator.fault("A15")
    rights = _rights(simulator, app)
    assert rights["scope okta.users.read"][0] is RightState.OK
    assert rights["scope okta.groups.read"] == (
        RightState.MISSING,
        "It was not granted okta.groups.read: grant it under the app's tab Okta API Scopes.",
    )
    assert "okta.groups.read" in rights["read groups"][1]
    reading = _whole(simulator, app)
    assert reading.error is not None
    assert "okta.groups.read" in reading.error.message


def test_an_app_without_an_admin_role(simulator: Simulator) -> None:
    """Scopes without a role list nobody with 200: the check names the app's tab, and no read ends well."""
    app = simulator.service_app()
    simulator.fault("A07")
    rights = _rights(simulator, app)
    assert rights["read users"][0] is RightState.OK
    state, detail = rights["see everybody"]
    assert state is RightState.MISSING
    assert "the app has no admin role" in detail
    assert "Admin roles" in detail
    reading = _whole(simulator, app)
    assert reading.end is None
    assert reading.error is not None
    assert "Admin roles" in reading.error.message


def test_keys_of_every_kind_okta_takes(simulator: Simulator) -> None:
    """RSA and EC keys, as PEM, as PEM on one line and as JWK with its key id."""
    rsa, ec = RSAKey.generate_key(2048, {"kid": "k1"}), ECKey.generate_key("P-384")
    for key, algorithm in ((rsa, "RS256"), (ec, "ES384")):
        pem = key.as_pem(private=True).decode()
        for text in (pem, pem.replace("\n", "\\n"), json.dumps(key.as_dict(private=True))):
            given = okta_settings({"domain": "acme.okta.com", "client_id": "0oa1", "private_key": text})
            assert given.app is not None
            assert given.app.algorithm == algorithm
            assert given.app.assertion("https://acme.okta.com/oauth2/v1/token", 0).count(".") == 2
            assert "PRIVATE" not in repr(given.app)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"client_id": "0oa1"}, "private_key"),
        ({"private_key": "x"}, "client_id"),
        ({"client_id": "0oa1", "private_key": "x"}, "private_key"),
        ({"client_id": "0oa1", "private_key": "{}"}, "private_key"),
        ({"client_id": "0oa1", "private_key": ED25519}, "private_key"),
        ({"client_id": "0oa1", "private_key": ECKey.generate_key("P-256").as_pem(private=False).decode()},
         "private_key"),
        ({"client_id": "0oa1", "private_key": "x", "api_token": "00abc"}, "api_token"),
    ],
)  # fmt: skip
def test_a_wrong_credential_names_its_key(given: dict[str, str], key: str) -> None:
    """What cannot be a service app's credential is refused before anything is sent."""
    with pytest.raises(Misconfigured, match=rf"^{key}: "):
        okta_settings({"domain": "acme.okta.com", **given})

"""The simulated authorization server judges assertions and proofs as the vendor's does."""

import time
import uuid

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
USERS = "/api/v1/users?limit=1"


@pytest.fixture
def anonymous(okta):
    with httpx.Client(base_url=okta.base_url, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def proof_key():
    return RSAKey.generate_key(2048)


def assertion(okta, app, **changed):
    now = int(time.time())
    claims = {
        "iss": app["client_id"],
        "sub": app["client_id"],
        "aud": f"{okta.base_url}/oauth2/v1/token",
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
    } | changed
    return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(app["private_key"]))


def ask(client, okta, app, *, proof=None, scope="okta.users.read", said=None, **changed):
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": ASSERTION,
        "client_assertion": said or assertion(okta, app, **changed),
    }
    return client.post("/oauth2/v1/token", data=form, headers={"DPoP": proof} if proof else {})


def prove(okta, key, method, path, **claims):
    told = {
        "htm": method,
        "htu": okta.base_url + path,
        "iat": int(time.time()),
        "jti": uuid.uuid4().hex,
    } | claims
    return jwt.encode({"alg": "RS256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}, told, key)


def test_a_signed_assertion_gets_a_bearer_token(okta, anonymous):
    """The token is good for its scopes and for an hour."""
    app = okta.service_app(dpop=False)
    told = ask(anonymous, okta, app).json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 3600, "okta.users.read")
    header = {"Authorization": f"Bearer {told['access_token']}"}
    assert anonymous.get(USERS, headers=header).status_code == 200
    assert anonymous.get("/api/v1/groups", headers=header).json()["errorCode"] == "E0000006"
    okta.clock(advance=3601)
    assert anonymous.get(USERS, headers=header).json()["errorCode"] == "E0000011"


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "http://elsewhere.example/token"},
        {"exp": 1},
        {"exp": int(time.time()) + 9000},
        {"sub": "somebody"},
        {"iss": "somebody", "sub": "somebody"},
    ],
)
def test_a_wrong_assertion_is_refused(okta, anonymous, changed):
    """Audience, life, issuer and subject are all checked."""
    response = ask(anonymous, okta, okta.service_app(dpop=False), **changed)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_an_assertion_serves_once_and_only_with_its_own_key(okta, anonymous):
    """A replay is refused, and so is another app's signature."""
    app, other = okta.service_app(dpop=False), okta.service_app(dpop=False)
    said = assertion(okta, app)
    assert [ask(anonymous, okta, app, said=said).status_code for _ in range(2)] == [200, 401]
    forged = assertion(okta, {"client_id": app["client_id"], "private_key": other["private_key"]})
    assert ask(anonymous, okta, app, said=forged).status_code == 401


def test_a_scope_that_is_not_configured_is_refused_or_dropped(okta, anonymous):
    """Unknown to the app it is invalid_scope; under A15 it is left out in silence."""
    app = okta.service_app(dpop=False, scopes="okta.users.read")
    both = "okta.users.read okta.groups.read"
    assert ask(anonymous, okta, app, scope=both).json()["error"] == "invalid_scope"
    okta.fault("A15")
    assert ask(anonymous, okta, okta.service_app(dpop=False), scope=both).json()["scope"] == "okta.users.read"


def test_dpop_asks_for_a_nonce_and_binds_the_token_to_its_key(okta, anonymous, proof_key):
    """A nonce first, then a token that needs a fresh proof by the same key for every call."""
    app, path = okta.service_app(), "/oauth2/v1/token"
    assert ask(anonymous, okta, app).json()["error"] == "invalid_dpop_proof"
    first = ask(anonymous, okta, app, proof=prove(okta, proof_key, "POST", path))
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    nonce = first.headers["dpop-nonce"]
    told = ask(anonymous, okta, app, proof=prove(okta, proof_key, "POST", path, nonce=nonce)).json()
    assert told["token_type"] == "DPoP"
    token = told["access_token"]
    good = prove(okta, proof_key, "GET", "/api/v1/users", ath=ath(token))
    header = {"Authorization": f"DPoP {token}", "DPoP": good}
    assert anonymous.get(USERS, headers=header).status_code == 200
    assert anonymous.get(USERS, headers=header).status_code == 401  # the proof was used
    for wrong in (
        prove(okta, proof_key, "GET", "/api/v1/groups", ath=ath(token)),
        prove(okta, proof_key, "GET", "/api/v1/users", ath=ath("another")),
        prove(okta, RSAKey.generate_key(2048), "GET", "/api/v1/users", ath=ath(token)),
    ):
        response = anonymous.get(USERS, headers={"Authorization": f"DPoP {token}", "DPoP": wrong})
        assert response.json()["errorCode"] == "E0000011"
    okta.fault("A14")
    again = ask(anonymous, okta, app, proof=prove(okta, proof_key, "POST", path, nonce=nonce))
    assert again.json()["error"] == "use_dpop_nonce"
    assert again.headers["dpop-nonce"] != nonce


def ath(token):
    import base64
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def test_tokens_expire_and_keys_are_revoked_by_faults(okta, anonymous):
    """A01 ends a token and lets a new one be fetched; a revoked key gets none; T07 throttles the endpoint."""
    app = okta.service_app(dpop=False)

    def fetch():
        return {"Authorization": f"Bearer {ask(anonymous, okta, app).json()['access_token']}"}

    header = fetch()
    okta.fault("expire_token")
    assert anonymous.get(USERS, headers=header).status_code == 401
    assert anonymous.get(USERS, headers=header).status_code == 401
    assert anonymous.get(USERS, headers=fetch()).status_code == 200
    okta.fault("T07")
    assert ask(anonymous, okta, app).status_code == 429
    okta.fault("revoke_key")
    assert anonymous.get(USERS, headers=fetch()).status_code == 401
    assert ask(anonymous, okta, app).json()["error"] == "invalid_client"

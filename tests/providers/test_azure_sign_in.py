"""How Entra lets us in, which rights are proved, and which settings are refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from providers.azure_settings import CLOUDS, azure_settings
from providers.registry import open_source
from providers.simulator.server import Simulator, start
from sync.model.errors import Denied, Misconfigured, Transient
from sync.model.source import RightState
from tests.providers.azure_tenant import tenant, whole
from tests.providers.reading import Time, opened, read

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "66666666-7777-4888-9999-000000000000"
GOOD: dict[str, object] = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": "s3cret"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A tenant of its own."""
    with tenant() as running:
        yield running


# ---- signing in


def test_a_token_is_fetched_once_for_all_and_kept(simulator: Simulator) -> None:
    """A pull signs in once; the next one of the same app in this process does not need to."""
    whole(simulator)
    whole(simulator)
    assert simulator.requests()["by_op"]["token"] == 1


def test_a_certificate_signs_in(simulator: Simulator) -> None:
    """The PEM of key and certificate does in place of a secret."""
    certified = simulator.service_app()
    settings = {"client_secret": "", **certified}
    assert whole(simulator, **settings).error is None


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("aadsts(7000215)", Denied, "client secret is wrong"),
        ("aadsts(7000222)", Denied, "has expired"),
        ("aadsts(700016)", Misconfigured, "client_id"),
        ("aadsts(700027)", Denied, "certificate"),
        ("unknown_tenant", Misconfigured, "tenant_id"),
        ("discovery_down@times=always", Transient, "answers 503"),
        ("fail(503)@op=token,times=always", Transient, "answers 503"),
        ("throttle(wait=7200)@op=token", Transient, "slow down"),
    ],
)
def test_a_refused_sign_in_names_its_remedy(
    simulator: Simulator, fault: str, kind: type[Exception], said: str
) -> None:
    """Microsoft's own number is told, and what is momentary is told apart from what an admin must mend."""
    simulator.fault(fault)
    reading = whole(simulator)
    assert isinstance(reading.error, kind)
    assert said in reading.error.message
    assert simulator.credentials["client_secret"] not in reading.error.message
    if kind is not Transient:
        assert simulator.requests()["by_op"].get("token", 0) <= 1


def test_a_wrong_secret_does_not_ride_on_the_right_ones_token(simulator: Simulator) -> None:
    """Kept tokens belong to the very credential that fetched them."""
    assert whole(simulator).error is None
    reading = whole(simulator, client_secret="wrong")
    assert isinstance(reading.error, Denied)
    assert "wrong" in reading.error.message
    assert whole(simulator, client_id=CLIENT).error is not None


def test_a_recovered_sign_in_is_noticed_at_once(simulator: Simulator) -> None:
    """Msal would answer from an earlier failure for a minute; our line asks again."""
    simulator.fault("fail(503)@op=token,times=7")
    time = Time(simulator)
    source = opened(simulator, time)
    assert isinstance(read(source.full()).error, Transient)
    assert read(source.full()).error is None
    source.close()


def test_msal_gets_a_token_by_itself(simulator: Simulator) -> None:
    """The vendor's own library is let in by the simulator, and is told AADSTS7000215 for a wrong secret."""
    import httpx
    import msal

    credentials = simulator.credentials
    with httpx.Client(base_url=simulator.base_url, trust_env=False) as client:

        class Line:
            def get(self, url: str, **more: Any) -> httpx.Response:
                return client.get(url.replace("https://", "http://"), params=more.get("params"))

            def post(self, url: str, **more: Any) -> httpx.Response:
                return client.post(url.replace("https://", "http://"), data=more.get("data"))

            def close(self) -> None: ...

        def ask(secret: str) -> dict[str, Any]:
            app = msal.ConfidentialClientApplication(
                credentials["client_id"],
                authority=f"{simulator.base_url}/{credentials['tenant_id']}".replace("http:", "https:"),
                client_credential=secret,
                http_client=Line(),
                instance_discovery=False,
            )
            told: dict[str, Any] = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
            return told

        token = ask(credentials["client_secret"])["access_token"]
        assert client.get("/v1.0/users", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert "AADSTS7000215" in ask("wrong")["error_description"]


# ---- proving rights, identity, settings


def test_check_finds_every_right(simulator: Simulator) -> None:
    """With a good registration every right is proved."""
    source = opened(simulator)
    rights = source.check()
    source.close()
    assert {right.state for right in rights} == {RightState.OK}
    assert len(rights) == 5


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        ("aadsts(7000215)", "sign in"),
        ("drop_permission(users)", "User.Read.All"),
        ("drop_permission(groups)", "GroupMember.Read.All"),
        ("fail(403)@op=members,times=always", "read members"),
        ("empty_users", "User.Read.All"),
    ],
)
def test_check_names_the_missing_right(simulator: Simulator, fault: str, missing: str) -> None:
    """The silent gaps are found too, and each says what to do."""
    simulator.fault(fault)
    source = opened(simulator)
    wanting = [right for right in source.check() if right.state is RightState.MISSING]
    source.close()
    assert any(missing in right.name for right in wanting)
    assert all(right.detail.endswith(".") for right in wanting)


def test_identity_is_the_tenant_also_without_the_right_to_ask(simulator: Simulator) -> None:
    """From /organization, else from the authority; another tenant behind the address is another one."""
    source = opened(simulator)
    assert source.identity() == simulator.credentials["tenant_id"]
    simulator.fault("drop_permission(organization)")
    assert source.identity() == simulator.credentials["tenant_id"]
    simulator.clear_faults()
    simulator.fault("other_org")
    assert source.identity() != simulator.credentials["tenant_id"]
    source.close()


def test_the_pace_keeps_to_the_share_of_a_small_tenant() -> None:
    """Units are counted by what a call costs, and a tenant with hard limits is never throttled."""
    with start("azure", users=40, groups=400, memberships=800, rate_limits="small") as simulator:
        source = opened(simulator, rate_share=0.1)
        reading = read(source.full())
        source.close()
    assert reading.error is None
    assert source.effort.throttled_s > 0
    assert source.effort.requests < 40


@pytest.mark.parametrize("cloud", sorted(CLOUDS))
def test_national_clouds_sign_in_and_read_at_home(cloud: str) -> None:
    """Login host, Graph host and the token's resource belong together."""
    settings = azure_settings({**GOOD, "cloud": cloud})
    assert (settings.authority, settings.origin, settings.resource) == (
        CLOUDS[cloud].login,
        CLOUDS[cloud].graph,
        CLOUDS[cloud].graph,
    )
    dod = azure_settings({**GOOD, "cloud": "us", "base_url": "https://dod-graph.microsoft.us"})
    assert dod.resource == "https://dod-graph.microsoft.us"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"tenant_id": ""}, "tenant_id"),
        ({"tenant_id": "common"}, "tenant_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "my app"}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"certificate": "x"}, "client_secret and certificate"),
        ({"client_secret": "", "certificate": "no pem"}, "certificate"),
        ({"scope": "some"}, "scope"),
        ({"scope": "app:name"}, "scope"),
        ({"scope": "groups"}, "groups"),
        ({"nested": "deep"}, "nested"),
        ({"cloud": "moon"}, "cloud"),
        ({"base_url": "http://graph.microsoft.com"}, "base_url"),
        ({"authority_url": "http://login.example.com"}, "authority_url"),
        ({"rate_share": "0"}, "rate_share"),
        ({"nestd": "direct"}, "nested"),
    ],
)
def test_wrong_settings_name_their_key(settings: dict[str, object], named: str) -> None:
    """A setting that cannot be used is refused by name before anything is sent."""
    with pytest.raises(Misconfigured, match=named):
        open_source("azure", {**GOOD, **settings})

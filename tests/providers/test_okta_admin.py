"""Okta's own SDK, over our line, lists applications and keeps our event hook at a simulated organisation."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import respx

from providers.registry import open_administration
from providers.simulator.server import Simulator, start
from sync.model.administration import Administration
from sync.model.errors import Denied


@pytest.fixture(scope="module")
def org() -> Iterator[Simulator]:
    """A small organisation; the tests take turns with its hooks."""
    with start("okta", users=10, groups=2, seed=7) as running:
        yield running


def asked(org: Simulator, **credentials: str) -> closing[Administration]:
    given = {"base_url": org.base_url, **(credentials or org.credentials)}
    return closing(open_administration("okta", given, budget_s=20))


class Address:
    """An address of ours as Okta sees it: it gives challenges back, and keeps what it was sent."""

    def __init__(self) -> None:
        heard = self.heard = list[dict[str, str]]()

        class Door(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = f'{{"verification": "{self.headers["x-okta-verification-challenge"]}"}}'.encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                heard.append(dict(self.headers))
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Tests say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks/c1"


@pytest.fixture
def address() -> Iterator[Address]:
    """An address that proves itself."""
    made = Address()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_applications_of_every_page_are_listed_by_name(org: Simulator) -> None:
    """More applications than one page holds all come, once each, in the order people look for them in."""
    for number in range(200):
        org.add_app(f"App {number:03}")
    with asked(org) as okta:
        names = [each.name for each in okta.applications()]
    assert names == [*(f"App {number:03}" for number in range(200)), "Directory Connector", "Wiki"]


def test_an_odd_application_is_listed_too() -> None:
    """An application that the SDK's models do not take loses neither its page nor itself."""
    rows: list[dict[str, Any]] = [
        {"id": "0oa1", "label": "Payroll", "status": "ACTIVE", "signOnMode": "SAML_2_0"},
        {"id": "0oa2", "label": "Odd", "status": "MELTED", "signOnMode": "TELEPATHY", "created": "noon"},
    ]
    with respx.mock(base_url="https://acme.okta.com") as wire:
        wire.get("/api/v1/apps").respond(json=rows)
        with closing(
            open_administration("okta", {"domain": "acme.okta.com", "api_token": "00x"}, budget_s=20)
        ) as okta:
            assert [(each.name, each.is_active) for each in okta.applications()] == [
                ("Odd", False),
                ("Payroll", True),
            ]


def test_a_hook_is_made_verified_kept_and_ended(org: Simulator, address: Address) -> None:
    """One hook per address: the second registration gives it the new secret, the end silences it."""
    with asked(org) as okta:
        first = okta.register(address.url, "secret-1")
        assert first.trouble == ""
        assert okta.register(address.url, "secret-2").id == first.id
        org.churn(leavers=1)
        assert set(org.hooked()) == {202}
        assert {each["Authorization"] for each in address.heard} == {"secret-2"}
        okta.unregister(address.url)
        org.churn(joiners=1)
        org.hooked()
        assert len(address.heard) == 1
        okta.unregister(address.url)


def test_an_address_that_cannot_be_reached_is_told(org: Simulator) -> None:
    """The hook is made, and what Okta says about the address comes back, without an error."""
    with asked(org) as okta:
        made = okta.register("http://127.0.0.1:9/hooks/c1", "secret")
        okta.unregister("http://127.0.0.1:9/hooks/c1")
    assert "does not answer the verification" in made.trouble


def test_rights_that_are_missing_are_named(org: Simulator) -> None:
    """A service app without the scopes and a token without the role each say what to grant."""
    app = org.service_app(dpop=True, scopes="okta.apps.read")
    with asked(org, **app) as okta:
        assert okta.applications()
        with pytest.raises(Denied, match=r"does not grant okta\.eventHooks\.read, okta\.eventHooks\.manage"):
            okta.register("http://127.0.0.1:9/hooks/c1", "secret")
    org.fault("drop_permission(hooks)")
    with asked(org) as okta, pytest.raises(Denied, match="Super Administrator"):
        okta.register("http://127.0.0.1:9/hooks/c1", "secret")
    org.clear_faults()


def test_without_the_package_one_sentence_says_what_to_install() -> None:
    """The SDK is loaded for these questions alone: a source opens without it, and they name the extra."""
    script = """if True:
        import sys
        sys.modules["okta"] = None
        from providers import registry
        from sync.model.errors import Misconfigured
        given = {"domain": "acme.okta.com", "api_token": "00x"}
        registry.open_source("okta", given).close()
        try:
            registry.open_administration("okta", given, budget_s=1)
        except Misconfigured as error:
            print(error.message)
    """
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "install directory-connector[okta]" in told.stdout

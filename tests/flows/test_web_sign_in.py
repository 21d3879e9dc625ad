"""The console's door over HTTP: links, passwords, sessions, proofs and headers."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connector.app import App
from connector.settings import Settings
from connector.web.asgi import application
from sync.model.access import Role
from sync.store import console_sessions
from tests.flows.keys import key_of
from tests.serving import serving

PASSWORD = "four words make one"


@pytest.fixture
def app(sqlite_url: str) -> Iterator[App]:
    """The program over an empty database."""
    with App(Settings(database_url=sqlite_url)) as made:
        yield made


@pytest.fixture
def browser(app: App) -> Iterator[httpx.Client]:
    """A browser on this machine that nobody has used."""
    with (
        serving(application(app), proxy_headers=False) as url,
        httpx.Client(base_url=url, trust_env=False, headers={"Accept": "text/html"}) as http,
    ):
        yield http


def proof_in(page: httpx.Response) -> str:
    found = re.search(r'name="proof" value="(\w+)"', page.text)
    assert found is not None, page.text
    return found[1]


def sign_in(browser: httpx.Client, email: str, password: str = PASSWORD, then: str = "/") -> httpx.Response:
    proof = proof_in(browser.get("/sign-in"))
    form = {"email": email, "password": password, "proof": proof, "then": then}
    return browser.post("/sign-in", data=form)


def test_without_an_account_only_the_link_opens(app: App, browser: httpx.Client) -> None:
    """Every page leads to the door, which says how to get a link; the link makes an admin who is in."""
    door = browser.get("/plans", follow_redirects=True)
    assert "connector admin link" in door.text
    path = httpx.URL(app.accounts.link(by="test")["link"]).path
    page = browser.get(path)
    assert "Make your account" in page.text
    assert browser.post(path, data={"proof": proof_in(page)}).status_code == 422
    form = {"email": "ada@example.com", "password": PASSWORD, "proof": proof_in(page)}
    assert browser.post(path, data=form).headers["location"] == "/"
    assert "No directory is connected yet." in browser.get("/").text
    assert browser.get(path).status_code == 410


def test_who_signs_in_comes_back_to_the_page_they_wanted(app: App, browser: httpx.Client) -> None:
    """A deep link survives the sign-in; an address elsewhere does not."""
    app.accounts.add("ada@example.com", Role.VIEWER, by="test", password=PASSWORD)
    asked = browser.get("/plans?state=held")
    assert asked.headers["location"] == "/sign-in?then=%2Fplans%3Fstate%3Dheld"
    assert sign_in(browser, "ada@example.com", then="/plans?state=held").headers["location"] == (
        "/plans?state=held"
    )
    browser.cookies.clear()
    assert sign_in(browser, "ada@example.com", then="//evil.example").headers["location"] == "/"


def test_a_wrong_password_is_told_and_too_many_are_refused(app: App, browser: httpx.Client) -> None:
    """401 with one sentence for every reason, 429 when it was too often."""
    app.accounts.add("ada@example.com", Role.VIEWER, by="test", password=PASSWORD)
    for _ in range(5):
        answer = sign_in(browser, "ada@example.com", "not the right one")
        assert (answer.status_code, "The e-mail or the password is wrong." in answer.text) == (401, True)
    assert sign_in(browser, "ada@example.com").status_code == 429


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_another_site_cannot_use_a_signed_in_browser(
    app: App, browser: httpx.Client, headers: dict[str, str]
) -> None:
    """With the right proof and a foreign sender, or without proof, nothing is done; by the API neither."""
    app.accounts.add("ada@example.com", Role.ADMIN, by="test", password=PASSWORD)
    sign_in(browser, "ada@example.com")
    proof = proof_in(browser.get("/"))
    form = {"proof": proof, "reason": "evil"}
    assert browser.post("/do/freeze.on", data=form, headers=headers).status_code == 403
    assert browser.post("/do/freeze.on", data={"reason": "evil"}).status_code == 403
    assert browser.post("/api/v1/freezes", json={}).status_code == 403
    assert (
        browser.post("/api/v1/freezes", json={}, headers=headers | {"X-CSRF-Token": proof}).status_code == 403
    )
    assert app.freezes.listed() == []
    assert browser.post("/api/v1/freezes", json={}, headers={"X-CSRF-Token": proof}).status_code == 201
    assert app.freezes.listed()[0]["by"] == "console:ada@example.com"


def test_a_form_does_what_its_role_may(app: App, browser: httpx.Client) -> None:
    """A viewer's form is refused with a sentence, an operator's done and told."""
    app.accounts.add("vi@example.com", Role.VIEWER, by="test", password=PASSWORD)
    app.accounts.add("op@example.com", Role.OPERATOR, by="test", password=PASSWORD)
    sign_in(browser, "vi@example.com")
    form = {"proof": proof_in(browser.get("/")), "then": "/runs", "said": "Frozen."}
    refused = browser.post("/do/freeze.on", data=form, follow_redirects=True)
    assert "needs the role operator" in refused.text
    browser.cookies.clear()
    sign_in(browser, "op@example.com")
    form["proof"] = proof_in(browser.get("/"))
    done = browser.post("/do/freeze.on", data=form, follow_redirects=True)
    assert done.url.path == "/runs"
    assert "Frozen." in done.text
    assert "Frozen." not in browser.get("/runs").text


def test_sessions_are_listed_ended_and_signed_out(app: App, browser: httpx.Client) -> None:
    """One's own sessions stand on the account's page; ending one and signing out take effect at once."""
    app.accounts.add("ada@example.com", Role.VIEWER, by="test", password=PASSWORD)
    sign_in(browser, "ada@example.com")
    other = browser.cookies.get("connector")
    browser.cookies.delete("connector")
    sign_in(browser, "ada@example.com")
    page = browser.get("/account")
    (end,) = re.findall(r'action="(/account/sessions/\w+/end)"', page.text)
    browser.post(end, data={"proof": proof_in(page)})
    assert app.signing_in.session(other or "") is None
    browser.post("/sign-out", data={"proof": proof_in(page)})
    assert browser.get("/").headers["location"] == "/sign-in"


def test_behind_https_the_cookie_belongs_to_the_host_alone(sqlite_url: str) -> None:
    """With an https address the cookies are ``__Host-`` ones, secure and out of scripts' reach."""
    settings = Settings(database_url=sqlite_url, public_url="https://connector.example.com")
    with App(settings) as app, serving(application(app), proxy_headers=False) as url:
        link = httpx.URL(app.accounts.add("ada@example.com", Role.ADMIN, by="test")["link"])
        assert link.host == "connector.example.com"
        page = httpx.get(url + link.path, trust_env=False)
        form = page.headers["set-cookie"]
        assert form.startswith("__Host-connector-form=")
        cookie = {"Cookie": form.partition(";")[0]}
        done = httpx.post(url + link.path, data={"proof": proof_in(page)}, headers=cookie, trust_env=False)
        said = done.headers["set-cookie"]
    assert said.startswith("__Host-connector=")
    assert all(word in said for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"))
    assert "Domain" not in said


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Host": "connector.example.com"},
        {"Host": "127.0.0.1.example.com"},
    ],
)
def test_without_https_the_console_opens_on_this_machine_only(
    browser: httpx.Client, headers: dict[str, str]
) -> None:
    """A password never travels in clear, and no other site's name can point here."""
    answer = browser.get("/sign-in", headers=headers)
    assert answer.status_code == 403
    assert "public_url" in answer.text


def test_the_api_wants_a_key_from_everybody(app: App, browser: httpx.Client) -> None:
    """No key and a wrong one are 401, also on this machine; a viewer's key may read and not write."""
    assert browser.get("/api/v1/users").status_code == 401
    wrong = browser.get("/api/v1/users", headers={"Authorization": "Bearer dck_wrong"})
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")
    viewer = key_of(app, Role.VIEWER)
    assert browser.get("/api/v1/users", headers=viewer).status_code == 200
    refused = browser.post("/api/v1/freezes", headers=viewer, json={})
    assert refused.status_code == 403
    assert "needs the role operator" in refused.json()["detail"]
    assert browser.get("/api/v1/keys", headers=viewer).status_code == 403


def test_pages_are_served_under_a_strict_policy_and_have_nothing_inline(
    app: App, browser: httpx.Client
) -> None:
    """No inline script or style, no foreign asset, and headers that forbid them."""
    app.accounts.add("ada@example.com", Role.ADMIN, by="test", password=PASSWORD)
    sign_in(browser, "ada@example.com")
    answer = browser.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    for inline in (" style=", "<style", "<script>", " onclick="):
        assert inline not in answer.text
    sizes = [len(answer.content)]
    for asset in ("console.css", "console.js", "mark.svg"):
        found = browser.get(f"/static/{asset}")
        assert found.status_code == 200
        sizes.append(len(found.content))
    assert sum(sizes) < 60_000


def test_errors_are_pages_for_people_and_problems_for_programs(app: App, browser: httpx.Client) -> None:
    """The same address answers a browser with a page and a program with a problem."""
    page = browser.get("/nowhere")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    answer: Any = browser.get("/nowhere", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"


def test_behind_a_trusted_proxy_only_the_guesser_rests(sqlite_url: str) -> None:
    """Guesses count against the address a trusted proxy names; whoever is not trusted names nobody."""
    given = {"database_url": sqlite_url, "public_url": "https://c.example.com"}
    for proxies, expected in ((["127.0.0.0/8"], (429, 401)), (["10.0.0.1"], (401, 401))):
        settings = Settings.model_validate(given | {"trusted_proxies": proxies})
        with App(settings) as app, serving(application(app), proxy_headers=False) as url:
            now = app.wires.clock()
            if app.accounts.needs_set_up():
                app.accounts.add("ada@example.com", Role.VIEWER, by="test", password=PASSWORD)
            with app.wires.database.write() as conn:
                until = now + timedelta(minutes=5)
                console_sessions.failed(conn, "address:198.51.100.7", 99, now=now, until=until)
            assert (guess(url, "198.51.100.7"), guess(url, "203.0.113.9")) == expected
            newest = app.audit.listed(action="sign_in.failed")["audit"][0]["after"]["address"]
            assert newest == ("203.0.113.9" if 429 in expected else "127.0.0.1")


def guess(url: str, address: str) -> int:
    """What a wrong password is answered with when a proxy says that it came from the address."""
    headers = {"Accept": "text/html", "X-Forwarded-For": f"192.0.2.1, {address}"}
    with httpx.Client(base_url=url, trust_env=False, headers=headers) as http:
        door = http.get("/sign-in")
        # The cookie is for https, which the proxy speaks and this client does not.
        cookie = door.headers["set-cookie"].partition(";")[0]
        form = {"email": "ada@example.com", "password": "wrong", "proof": proof_in(door)}
        return http.post("/sign-in", data=form, headers={"Cookie": cookie}).status_code

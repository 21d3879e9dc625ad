"""Addresses that webhooks must not call: by what is written, and by what a name resolves to."""

import pytest

from connector.posting import Poster
from sync.model.errors import Misconfigured

STRICT, OPEN = Poster(), Poster(allow_private=True)

NEVER = [
    "169.254.169.254",
    "169.254.1.1",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "[::]",
    "224.0.0.1",
    "255.255.255.255",
    "[ff02::1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
]
WITHIN = ["127.0.0.1", "127.9.9.9", "[::1]", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",
          "[fd12::1]", "[::ffff:10.0.0.1]", "[2002:0a00:0001::1]"]  # fmt: skip


def answered(poster: Poster, url: str, *addresses: str) -> str:
    """The refusal of a call to the address, or empty."""
    looked = Poster(allow_private=poster.allow_private, resolve=lambda _host, _port: addresses, timeout_s=1)
    with looked.line(url) as line:
        return line.refusal or ""


@pytest.mark.parametrize("host", NEVER)
def test_some_addresses_are_never_called(host: str) -> None:
    """Link-local, metadata and no machine's addresses are refused, also where private ones are allowed."""
    for poster in (STRICT, OPEN):
        with pytest.raises(Misconfigured, match=r"is never called|private network"):
            poster.check(f"https://{host}/hooks")
    with pytest.raises(Misconfigured, match="is never called"):
        OPEN.check(f"https://{host}/hooks")
    assert "is never called" in answered(OPEN, "https://hooks.example.com/", host.strip("[]"))


@pytest.mark.parametrize("host", WITHIN)
def test_private_addresses_are_called_when_allowed(host: str) -> None:
    """Loopback and private networks are for installations that say so, by plain http too."""
    with pytest.raises(Misconfigured, match=r"webhooks\.allow_private"):
        STRICT.check(f"https://{host}/hooks")
    assert "webhooks.allow_private" in answered(STRICT, "https://hooks.example.com/", host.strip("[]"))
    OPEN.check(f"https://{host}/hooks")
    OPEN.check(f"http://{host}/hooks")
    assert answered(OPEN, "http://hooks.example.com/", host.strip("[]")) == ""


def test_one_bad_address_among_several_is_enough() -> None:
    """A name that leads to a public and to a private address is refused as a whole."""
    assert "private network" in answered(STRICT, "https://hooks.example.com/", "203.0.114.9", "10.0.0.1")
    assert answered(STRICT, "https://hooks.example.com/", "203.0.114.9") == ""


def test_the_public_network_needs_tls() -> None:
    """Plain http leads to private networks only, however the name resolves."""
    with pytest.raises(Misconfigured, match="use https"):
        STRICT.check("http://hooks.example.com/")
    OPEN.check("http://hooks.example.com/")
    assert "use https" in answered(OPEN, "http://hooks.example.com/", "203.0.114.9")
    with pytest.raises(Misconfigured, match="use https"):
        OPEN.check("http://203.0.114.9/")


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "LOCALHOST."])
def test_this_machines_names_are_private(host: str) -> None:
    """Names of this machine are refused before anything is resolved."""
    with pytest.raises(Misconfigured, match="this machine"):
        STRICT.check(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    ["", "hooks", "ftp://a.example.com/", "https://", "https://a.example.com:99999/", "https://u:p@a.example.com/",
     "https://a.example.com/#x", "https://a.example.com/ x", "https://a.example.com/\n", "https://[::1/",
     "https://a.example.com/" + "x" * 2000],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    """Only a plain web address will do, without user, password or fragment."""
    with pytest.raises(Misconfigured, match=r"web address|neither user"):
        OPEN.check(url)


def test_a_name_that_does_not_resolve_is_said() -> None:
    """No address for a name is one sentence, and no exception."""

    def nothing(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    with Poster(resolve=nothing).line("https://hooks.example.com/") as line:
        assert (
            line.post("{}", {}).error
            == "the name hooks.example.com cannot be resolved; check the address and DNS"
        )

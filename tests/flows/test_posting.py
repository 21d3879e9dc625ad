"""Addresses that webhooks must not call: by what is written, and by what a name resolves to."""

import ssl
from pathlib import Path

import pytest

from connector.posting import Poster
from sync.model.errors import Misconfigured
from tests.flows.certificates import certificate
from tests.flows.receivers import receiving, refuse

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

METADATA_SPELLED = [
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.254.169.254.",
    "169.254.169.254..",
    "[fe80::1%25eth0]",
    "[::ffff:a9fe:a9fe%25eth0]",
    "[::169.254.169.254]",
    "[::ffff:0:169.254.169.254]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "\uff11\uff16\uff19.254.169.254",
    "169\u3002254.169.254",
    "0",
]


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


@pytest.mark.parametrize("host", METADATA_SPELLED)
def test_an_odd_spelling_of_an_address_is_that_address(host: str) -> None:
    """Decimal, octal, hexadecimal, short, mapped, translated, zoned, dotted or wide: seen through."""
    for poster in (STRICT, OPEN):
        with pytest.raises(Misconfigured, match="is never called"):
            poster.check(f"https://{host}/hooks")
        assert "is never called" in answered(poster, f"https://{host}/hooks", "203.0.114.9")


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "10.0x1.2", "\u2460\u24ea.1"]
)
def test_an_odd_spelling_of_a_private_address_is_private(host: str) -> None:
    """What the system's resolver would take for 127.0.0.1 is 127.0.0.1 before it is asked."""
    with pytest.raises(Misconfigured, match=r"webhooks\.allow_private"):
        STRICT.check(f"https://{host}/")
    OPEN.check(f"http://{host}/")


@pytest.mark.parametrize("host", ["1.2.3.4.5", "a.256", "09.1.1.1", "256.256.256.256", "0x"])
def test_a_number_that_is_no_address_is_no_name_either(host: str) -> None:
    """Nothing is asked of DNS that ends in a number."""
    with pytest.raises(Misconfigured, match="neither an address nor a name"):
        OPEN.check(f"https://{host}/")


def test_a_redirect_into_the_private_network_is_not_followed() -> None:
    """Whoever may be called cannot send the call on to somebody who may not."""
    with (
        receiving() as inner,
        receiving(refuse(307, location=inner.url)) as outer,
        OPEN.line(outer.url) as line,
    ):
        answer = line.post("{}", {})
        assert (answer.status, answer.accepted, len(outer.calls), inner.calls) == (307, False, 1, [])


def test_a_name_in_any_script_is_called_by_its_ascii_form() -> None:
    """DNS, TLS and HTTP know a name beyond ASCII by its punycode; a final dot is DNS's alone."""
    asked: list[str] = []

    def here(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with receiving() as receiver:
        for name in ("b\xfccher.example", "hooks.example."):
            url = receiver.url.replace("127.0.0.1", name)
            with Poster(allow_private=True, resolve=here).line(url) as line:
                assert line.post("{}", {}).accepted
        hosts = [call.headers["host"].partition(":")[0] for call in receiver.calls]
    assert asked == ["xn--bcher-kva.example", "hooks.example."]
    assert hosts == ["xn--bcher-kva.example", "hooks.example"]


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


def test_the_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    """The call goes to the number that was looked at, and trusts only a certificate for the name."""
    file = certificate(tmp_path, "hooks.example.com")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    trusting = ssl.create_default_context(cafile=str(file))
    with receiving(tls=server) as receiver:

        def outcome(host: str, poster: Poster) -> tuple[int | None, str | None]:
            with poster.line(receiver.url.replace("127.0.0.1", host)) as line:
                answer = line.post("{}", {})
            return answer.status, answer.error

        def here(_host: str, _port: int) -> list[str]:
            return ["127.0.0.1"]

        told = Poster(allow_private=True, resolve=here, trust=lambda: trusting)
        assert outcome("hooks.example.com", told) == (204, None)
        for host, poster in (
            ("other.example.com", told),
            ("hooks.example.com", Poster(allow_private=True, resolve=here)),
        ):
            said = f"{host} has no TLS certificate this machine trusts; nothing was sent"
            assert outcome(host, poster) == (None, said)
        assert len(receiver.calls) == 1

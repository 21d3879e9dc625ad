"""E-mail through real SMTP servers on loopback."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.mail import Mailer
from connector.settings import Email
from tests.flows.certificates import certificate
from tests.flows.mailbox import Mailbox, mail_server

Trust = Callable[[], ssl.SSLContext]
NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)


def send(mailbox: Mailbox, trust: Trust = ssl.create_default_context, **said: Any) -> str | None:
    given = {
        "host": "127.0.0.1",
        "port": mailbox.port,
        "tls": "off",
        "to": ("a@example.com",),
        "timeout": "1s",
    }
    mailer = Mailer(chosen=Email(**(given | said)), trust=trust)
    return mailer.send("A plan\r\nwaits", "See there.", id="n1", at=NOW)


def test_a_mail_says_what_it_is() -> None:
    """Subject, recipients, one id per notice, and the mark that no person wrote it."""
    with mail_server() as mailbox:
        assert send(mailbox, to=("a@example.com", "b@example.com")) is None
    (mail,) = mailbox.mails
    assert (mail["subject"], mail["to"]) == ("A plan waits", "a@example.com, b@example.com")
    assert (mail["message-id"], mail["auto-submitted"]) == ("<n1@directory-connector>", "auto-generated")
    assert mail.get_content().strip() == "See there."


def test_it_signs_in_over_tls_only(tmp_path: Path) -> None:
    """STARTTLS comes before the password, and a certificate nobody trusts ends it before anything is sent."""
    file = certificate(tmp_path, "localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    secured: dict[str, Any] = {"host": "localhost", "tls": "starttls", "user": "me", "password": "right"}
    with mail_server(tls=server) as mailbox:
        assert send(mailbox, lambda: ssl.create_default_context(cafile=str(file)), **secured) is None
        assert mailbox.sign_ins == [("me", "right", True)]
        assert "no TLS certificate this machine trusts" in str(send(mailbox, **secured))
        assert (len(mailbox.sign_ins), len(mailbox.mails)) == (1, 1)
    with mail_server() as plain:
        assert "notices.email.tls" in str(send(plain, **secured))
        assert plain.sign_ins == []


def test_what_goes_wrong_is_one_sentence_without_the_password() -> None:
    """A wrong password, a server that is busy, one that says nothing, none at all."""
    with mail_server() as mailbox:
        mailbox.password = "other"
        said = str(send(mailbox, user="me", password="s3cret"))
        assert "refuses the sign-in" in said
        assert "s3cret" not in said
        mailbox.refuses = True
        assert "answered 451: come back later" in str(send(mailbox))
        mailbox.mute = True
        assert "did not answer within 1s" in str(send(mailbox))
    assert "out of reach" in str(send(mailbox))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"host": "mail.example.com", "tls": "off"}, "this machine only"),
        ({"to": ()}, "who gets the mail"),
        ({"timeout": "1h"}, "between 1s and 60s"),
    ],
)
def test_settings_that_cannot_work_are_refused(said: dict[str, Any], why: str) -> None:
    """Plain text to another machine, nobody to send to, a wait without end."""
    with pytest.raises(ValueError, match=why):
        Email(**({"host": "127.0.0.1", "to": ("a@example.com",)} | said))

"""A mail server on loopback: speaks enough SMTP to be signed in to, over TLS, and keeps what it takes."""

from __future__ import annotations

import base64
import email
import email.policy
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class Mailbox:
    """``mails`` came in; ``sign_ins`` are (user, password, over TLS). ``refuses`` answers DATA with 451."""

    port: int = 0
    password: str = "right"
    refuses: bool = False
    mute: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    sign_ins: list[tuple[str, str, bool]] = field(default_factory=list)


class _Talk(socketserver.StreamRequestHandler):
    mailbox: Mailbox
    tls: ssl.SSLContext | None

    def handle(self) -> None:
        self.secured = False
        if self.mailbox.mute:
            self.rfile.readline()
            return
        self.say("220 mail.example.com")
        while line := self.rfile.readline():
            word, _, rest = line.decode().strip().partition(" ")
            if word.upper() == "QUIT":
                self.say("221 bye")
                return
            getattr(self, f"on_{word.lower()}", self.on_anything)(rest)

    def finish(self) -> None:
        super().finish()
        if self.secured:
            self.connection.close()

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def on_ehlo(self, _rest: str) -> None:
        self.say("250-mail.example.com")
        if self.tls is not None and not self.secured:
            self.say("250-STARTTLS")
        self.say("250 AUTH PLAIN")

    def on_starttls(self, _rest: str) -> None:
        assert self.tls is not None
        self.say("220 go on")
        try:
            self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        except ssl.SSLError:
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.secured = True

    def on_auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        self.mailbox.sign_ins.append((user, password, self.secured))
        right = password == self.mailbox.password
        self.say("235 welcome" if right else f"535 the password {password} is wrong")

    def on_data(self, _rest: str) -> None:
        if self.mailbox.refuses:
            self.say("451 come back later")
            return
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        parsed = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mailbox.mails.append(parsed)
        self.say("250 taken")

    def on_anything(self, _rest: str) -> None:
        self.say("250 fine")


@contextmanager
def mail_server(*, tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """A mail server at ``port`` until the block ends; it offers STARTTLS when a context is given."""
    mailbox = Mailbox()
    talk = type("Talk", (_Talk,), {"mailbox": mailbox, "tls": tls})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), talk) as server:
        server.daemon_threads = True
        mailbox.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield mailbox
        server.shutdown()
        thread.join()

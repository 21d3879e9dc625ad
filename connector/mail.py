"""One e-mail to the admins, by SMTP."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from connector.durations import span
from connector.settings import Email
from providers.transport import tls

REPLY_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailer:
    """Sends by the settings. ``trust`` gives the TLS context. Nothing is raised: what went wrong is told."""

    chosen: Email
    trust: Callable[[], ssl.SSLContext] = tls

    def send(self, subject: str, body: str, *, id: str, at: datetime) -> str | None:
        """None when the mail server took it; else the sentence why it did not."""
        server = f"{self.chosen.host}:{self.chosen.port}"
        try:
            with self._session() as session:
                refused = session.send_message(self._message(subject, body, id, at))
        except smtplib.SMTPAuthenticationError:
            return f"{server} refuses the sign-in; check notices.email.user and its password"
        except smtplib.SMTPNotSupportedError as error:
            return f"{server}: {error}; check notices.email.tls"
        except ssl.SSLCertVerificationError:
            return f"{server} has no TLS certificate this machine trusts; nothing was sent"
        except smtplib.SMTPResponseException as error:
            return f"{server} answered {error.smtp_code}: {_text(error.smtp_error)}"
        except smtplib.SMTPRecipientsRefused as error:
            return f"{server} refuses {', '.join(sorted(error.recipients))}; check notices.email.to"
        except (OSError, smtplib.SMTPException) as error:
            if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
                return f"{server} did not answer within {self.chosen.timeout}"
            return f"{server} is out of reach or broke off: {type(error).__name__}"
        return f"{server} refuses {', '.join(sorted(refused))}; the others have it" if refused else None

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """Connected, over TLS as the settings say, and signed in."""
        chosen = self.chosen
        # The name it greets with; without one it would ask the DNS, for as long as that likes.
        dialled = (chosen.host, chosen.port, socket.gethostname())
        timeout_s = span(chosen.timeout).total_seconds()
        if chosen.tls == "tls":
            opened: smtplib.SMTP = smtplib.SMTP_SSL(*dialled, timeout=timeout_s, context=self.trust())
        else:
            opened = smtplib.SMTP(*dialled, timeout=timeout_s)
        with opened as session:
            if chosen.tls == "starttls":
                session.starttls(context=self.trust())
            if chosen.user and chosen.password:
                session.login(chosen.user, chosen.password.get_secret_value())
            yield session

    def _message(self, subject: str, body: str, id: str, at: datetime) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = " ".join(subject.split())
        message["From"] = self.chosen.sender
        message["To"] = ", ".join(self.chosen.to)
        message["Date"] = format_datetime(at)
        # Sent twice, when a process was killed in between, it is one message to most mail programs.
        message["Message-ID"] = f"<{id}@directory-connector>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body)
        return message


def _text(reply: bytes | str) -> str:
    said = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(said.split())[:REPLY_CHARS]

"""Notices to admins: what wants a person is told once per episode, by e-mail and to a chat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, Final

import orjson
import structlog

from connector.mail import Mailer
from connector.settings import Email
from connector.usecases import shapes
from connector.usecases.conditions import holding
from connector.usecases.wires import Wires
from sync import noticing
from sync.model.errors import Misconfigured
from sync.model.notice import Notice, Telling
from sync.store import connections
from sync.store import notices as store
from sync.store.ids import new_id

EMAIL: Final = "email"
CHAT: Final = "chat"

LEASE: Final = timedelta(minutes=3)
"""Longer than any telling takes; whoever is killed in it leaves it to the next."""

FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=2)
TRIES: Final = 40
"""Over two days in all."""

CHAT_S: Final = 15.0

log = structlog.get_logger("connector.notices")

Send = Callable[[str, str, str], str | None]
"""Title, text and an id; None when it went out, else why not."""


class Notices:
    """What admins are told."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    @cached_property
    def channels(self) -> dict[str, Send]:
        """The ways out that are set up."""
        chosen = self._wires.settings.notices
        ways: dict[str, Send] = {}
        if chosen.email is not None:
            ways[EMAIL] = partial(self._mail, chosen.email)
        if chosen.chat_url is not None:
            ways[CHAT] = partial(self._chat, chosen.chat_url.get_secret_value())
        return ways

    def look(self) -> int:
        """Bring the notices up to what holds now; how many episodes began."""
        wires = self._wires
        begun = noticing.settle(
            wires.database,
            lambda conn: holding(wires, conn),
            channels=self.channels,
            url=wires.settings.url,
            clock=wires.clock,
        )
        for each in begun:
            log.warning("wants a person", kind=each.kind.value, title=each.title, link=each.path)
        return len(begun)

    def tell_one(self) -> bool:
        """Tell what is due through one channel; False when nothing is."""
        if not self.channels:
            return False
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            telling = store.claim(conn, now=now, lease_until=now + LEASE)
        if telling is None:
            return False
        self._settle(telling, self._tell(telling))
        return True

    def listed(self, *, connection: str | None = None, **wanted: Any) -> list[dict[str, Any]]:
        """Episodes that last, the newest first; ``wanted`` as the store takes it."""
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, connection).id if connection else None
            found = store.listed(conn, connection_id=connection_id, **wanted)
        return [self._shape(each["notice"], each["tellings"]) for each in found]

    def test(self) -> list[dict[str, Any]]:
        """Send a word through every channel now; how it went. Raises Misconfigured without any."""
        if not self.channels:
            raise Misconfigured(
                "no channel is set up: set notices.email or notices.chat_url, see docs/operate/notices.md"
            )
        text = f"Notices of this installation arrive here.\n{self._wires.settings.url}/"
        results = {name: send("This is a test", text, new_id()) for name, send in self.channels.items()}
        return [{"channel": name, "sent": error is None, "error": error} for name, error in results.items()]

    def _tell(self, telling: Telling) -> str | None:
        send = self.channels.get(telling.channel)
        if send is None:
            return "this channel is not set up any more"
        notice = telling.notice
        link = self._wires.settings.url + notice.path
        return send(notice.title, f"{notice.text}\n{link}", notice.id)

    def _settle(self, telling: Telling, error: str | None) -> None:
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            if error is None:
                store.told(conn, telling, now)
                return
            wait = min(FIRST_WAIT * 2 ** min(telling.attempts - 1, 10), LONGEST_WAIT)
            store.failed(conn, telling, error, now + wait if telling.attempts < TRIES else None)
        log.warning("notice not sent", channel=telling.channel, error=error, attempt=telling.attempts)

    def _mail(self, chosen: Email, title: str, text: str, id: str) -> str | None:
        once = "You hear of this once. What lasts: connector notices list"
        body = f"{text}\n\n{once}\n"
        subject = f"[Directory Connector] {title}"
        return Mailer(chosen=chosen).send(subject, body, id=id, at=self._wires.clock())

    def _chat(self, url: str, title: str, text: str, _id: str) -> str | None:
        from connector.posting import Poster

        poster = Poster(allow_private=self._wires.settings.webhooks.allow_private, timeout_s=CHAT_S)
        body = orjson.dumps({"text": f"{title}\n{text}"}).decode()
        with poster.line(url) as line:
            answer = line.post(body, {})
        if answer.accepted:
            return None
        # The address is a secret, and a refusal may repeat it.
        return (answer.error or "not accepted").replace(url, "the chat's address")

    def _shape(self, one: Notice, tellings: Any) -> dict[str, Any]:
        return {
            "id": one.id,
            "kind": one.kind.value,
            "title": one.title,
            "text": one.text,
            "link": self._wires.settings.url + one.path,
            "opened_at": shapes.at(one.opened_at),
            "ended_at": shapes.at(one.ended_at),
            "told": [
                {
                    "channel": row.channel,
                    "attempts": row.attempts,
                    "delivered_at": row.delivered_at,
                    "error": row.error,
                }
                for row in tellings
            ],
        }

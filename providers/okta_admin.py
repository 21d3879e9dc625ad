"""Rare calls on an admin's behalf, by Okta's own SDK: applications by name, and our event hook.

The SDK builds the requests and reads the answers; they travel over our own line, with its credential,
time budget, pace and errors. So nothing of the SDK that waits, retries or reads files and variables is used.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
from okta.api.application_api import ApplicationApi
from okta.api.event_hook_api import EventHookApi
from okta.models import (
    EventHook,
    EventHookChannel,
    EventHookChannelConfig,
    EventHookChannelConfigAuthScheme,
    EventSubscriptions,
)

from providers.answers import Answer
from providers.budget import Budget, Timeouts
from providers.failures import BadRequest
from providers.http import Ask, Wire
from providers.okta_hooks import REGISTERED
from providers.okta_line import OktaLine
from providers.okta_settings import Holder, OktaSettings, okta_settings
from providers.pages import PageGuard
from sync.model.administration import Application, Registration
from sync.model.errors import Incomplete

NAME: Final = "Directory Connector"
_MANAGE: Final = (
    "Making event hooks takes a role that may manage them, such as Super Administrator: "
    "have such an admin make the hook by hand, as docs/connect/okta.md says, or give the {who} that role."
)
_LIST: Final = (
    "Listing applications takes a role that may view them, such as Read-only Administrator. "
    "Without it, type the application's id: scope=app:ID."
)
_APPS: Final = "/api/v1/apps"
_ROWS: Final = 200
_JSON: Final = {"content-type": "application/json"}
_CONFIGURATION: Final = {"client": {"orgUrl": "https://okta", "token": "on our line"}}
"""Read by nothing that sends: addresses and credentials are the line's."""
_SCOPES_OF_APPS: Final = ("okta.apps.read",)
_SCOPES_OF_HOOKS: Final = ("okta.eventHooks.read", "okta.eventHooks.manage")


class OktaAdmin:
    """One Okta organisation, asked for an admin (a ``sync.model.administration.Administration``)."""

    def __init__(self, settings: Mapping[str, object], budget: Budget, *, timeouts: Timeouts) -> None:
        self._settings: OktaSettings = okta_settings(settings)
        self._budget, self._timeouts = budget, timeouts
        self._lines: list[OktaLine] = []

    def close(self) -> None:
        for line in self._lines:
            line.close()

    def applications(self) -> Sequence[Application]:
        wire = self._wire(_SCOPES_OF_APPS, _LIST)
        return sorted(_listed(wire), key=lambda each: (each.name.casefold(), each.id))

    def register(self, url: str, secret: str) -> Registration:
        """A hook that was made for this address before gets the new secret; further ones are ended."""
        hooks = self._hooks()
        wanted = _wanted(url, secret)
        known = _calling(hooks, url)
        call = hooks.replace_event_hook(known[0], wanted) if known else hooks.create_event_hook(wanted)
        kept = _result(call).id
        for each in known[1:]:
            _end(hooks, each)
        try:
            _result(hooks.verify_event_hook(kept))
        except BadRequest as refused:
            return Registration(
                id=kept,
                trouble=f"The hook is made, but Okta cannot verify {url}: it has to reach it from outside, "
                f"by https. {refused.message} Register again when it can.",
            )
        return Registration(id=kept)

    def unregister(self, url: str) -> None:
        hooks = self._hooks()
        for each in _calling(hooks, url):
            _end(hooks, each)

    def _hooks(self) -> EventHookApi:
        remedy = _MANAGE.format(who=self._settings.holder.noun)
        calls = EventHookApi(_CONFIGURATION)
        calls._request_executor = _Line(  # noqa: SLF001 - where the SDK's own client puts it
            self._wire(_SCOPES_OF_HOOKS, remedy), "event hooks"
        )
        return calls

    def _wire(self, scopes: Sequence[str], remedy: str) -> Wire:
        mine = self._settings.holder
        line = OktaLine(
            self._settings,
            self._budget,
            scopes=scopes,
            holder=Holder(noun=mine.noun, key=mine.key, remedy=remedy),
            timeouts=self._timeouts,
        )
        self._lines.append(line)
        return line.wire


# -- applications -------------------------------------------------------------------------------


class _Bare(msgspec.Struct):
    """What an application is called, where the SDK's models do not fit it."""

    id: str | None = None
    label: str | None = None
    status: str | None = None


class _Applications(ApplicationApi):  # type: ignore[misc] # the SDK's types are not followed
    """The SDK's calls on applications, where one odd application does not lose its page."""

    def deserialize(self, response_text: str, response_type: str) -> Any:
        if response_type != "List[Application]":
            return super().deserialize(response_text, response_type)
        return [self._row(bytes(row)) for row in msgspec.json.decode(response_text, type=list[msgspec.Raw])]

    def _row(self, row: bytes) -> Any:
        try:
            return super().deserialize(row.decode(), "Application")
        except ValueError:  # pydantic's own among them
            return msgspec.json.decode(row, type=_Bare)


def _listed(wire: Wire) -> Iterator[Application]:
    line = _Line(wire, "the applications")
    calls = _Applications(_CONFIGURATION)
    calls._request_executor = line  # noqa: SLF001 - where the SDK's own client puts it
    guard, after = PageGuard(wire.origin, f"{_APPS}?limit={_ROWS}", "applications"), None
    while True:
        for row in _result(calls.list_applications(limit=_ROWS, after=after)):
            if row.id and row.label:
                yield Application(id=row.id, name=row.label, is_active=row.status == "ACTIVE")
        following = guard.next(line.links)
        if following is None:
            return
        after = parse_qs(urlsplit(following).query).get("after", [""])[0]


# -- event hooks --------------------------------------------------------------------------------


def _wanted(url: str, secret: str) -> EventHook:
    scheme = EventHookChannelConfigAuthScheme(type="HEADER", key="Authorization", value=secret)
    config = EventHookChannelConfig(uri=url, auth_scheme=scheme)
    return EventHook(
        name=NAME,
        description="Tells Directory Connector whom to read again.",
        events=EventSubscriptions(type="EVENT_TYPE", items=list(REGISTERED)),
        channel=EventHookChannel(type="HTTP", version="1.0.0", config=config),
    )


def _calling(hooks: EventHookApi, url: str) -> list[str]:
    """The ids of the hooks that call this address."""
    return [each.id for each in _result(hooks.list_event_hooks()) if each.channel.config.uri == url]


def _end(hooks: EventHookApi, hook_id: str) -> None:
    _result(hooks.deactivate_event_hook(hook_id))
    _result(hooks.delete_event_hook(hook_id))


# -- the SDK on our line ------------------------------------------------------------------------


class _Reply(NamedTuple):
    """An answer in the shape that the SDK reads."""

    status: int
    reason: str
    headers: Mapping[str, str]


class _Line:
    """The request executor of the SDK: what it wants to send goes over our wire, which raises our errors."""

    def __init__(self, wire: Wire, what: str) -> None:
        self._wire, self._what = wire, what
        self.links: Sequence[str] = ()

    async def create_request(
        self, method: str, url: str, body: Any = None, *_: Any, **__: Any
    ) -> tuple[Ask, None]:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = None if body is None else msgspec.json.encode(body)
        ask = Ask(target, self._what, "admin", _JSON if sent else {}, body=sent, method=method)
        return ask, None

    async def execute(self, request: Ask, _response_type: Any = None) -> tuple[_Reply, str, None]:
        answer, text = self._wire.ask(request, _text)
        self.links = answer.links
        return _Reply(answer.status, "", answer.headers), text, None


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")


def _result(call: Coroutine[Any, Any, tuple[Any, ...]]) -> Any:
    """What a call of the SDK gives. It never waits for anything but our line, which does not yield."""
    try:
        call.send(None)
    except StopIteration as finished:
        return finished.value[0]
    except (ValueError, TypeError, AttributeError) as error:
        # pydantic's errors among them, which quote what they met
        raise Incomplete(
            "Okta answered with something that the package okta cannot read: is it up to date?"
        ) from error
    raise RuntimeError("a call of the SDK went elsewhere than over our line")

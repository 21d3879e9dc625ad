"""Okta's org authorization server: client assertions, scopes, access tokens of an hour, DPoP."""

from providers.simulator.clock import Clock
from providers.simulator.wire import JSON, Answer, Request


class Refused(Exception):
    """The credentials of this request are not good."""


class AuthorizationServer:
    """Issues and checks access tokens."""

    def __init__(self, *, clock: Clock, seed: int) -> None:
        self.clock, self.seed = clock, seed
        self.revoked = False

    def token_answer(self, _call: object) -> Answer:
        return Answer(
            status=400,
            body=b'{"error":"invalid_client","error_description":"no app is registered"}',
            headers=[JSON],
        )

    def check(self, scheme: str, token: str, request: Request, base_url: str) -> frozenset[str]:
        raise Refused

    def rotate_nonce(self) -> None: ...
    def forget(self, token: str) -> None: ...

    withheld: set[str] = set()

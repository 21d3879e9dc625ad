"""OneLogin's token endpoint and hourly quota: one token for all, handed out until it ends."""

import base64
import binascii
import random
from collections import deque

import orjson

from providers.simulator import onelogin_objects as objects
from providers.simulator.clock import Clock, iso
from providers.simulator.wire import JSON, Answer, Headers, Request

LIFE_S = 36_000
STORM = 50
HOUR_S = 3600


class Tokens:
    """Issues and checks the token of one credential."""

    def __init__(self, *, clock: Clock, seed: int) -> None:
        self.clock = clock
        self._rng = random.Random(f"onelogin {seed}")
        self.client_id, self.client_secret = self._hex(), self._hex()
        self.account_id = self._rng.randrange(100_000, 999_999)
        self.owner_deleted = False
        self.age_s = 0.0
        self._token = ""
        self._created_at = 0.0
        self._asked: deque[float] = deque(maxlen=STORM)

    def _hex(self) -> str:
        return f"{self._rng.getrandbits(256):064x}"

    def is_good(self, token: str) -> bool:
        """True for the token now in force."""
        return bool(token) and token == self._token and self.clock.now() < self._created_at + LIFE_S

    def revoke(self) -> None:
        """Let the token end now."""
        self._token = ""

    def answer(self, request: Request, *, is_v2: bool) -> Answer:
        """POST /auth/oauth2/v2/token, and its forerunner, which ends the token that was."""
        now = self.clock.now()
        if len(self._asked) == STORM and now - self._asked[0] < 1:
            return objects.haproxy_429()
        self._asked.append(now)
        if self.owner_deleted:
            return objects.v1_error(500, "Internal Server Error", "Internal Server Error")
        if self._credential(request) != (self.client_id, self.client_secret):
            return objects.v1_error(401, "Unauthorized", "Authentication Failure")
        if _grant(request) != "client_credentials":
            return objects.v1_error(400, "bad request", "grant_type is incorrect")
        if not is_v2 or not self.is_good(self._token):
            self._token, self._created_at = self._hex(), now - self.age_s
            self.age_s = 0.0
        told = {
            "access_token": self._token,
            "created_at": iso(self._created_at + self.clock.skew_s),
            "expires_in": LIFE_S,
            "refresh_token": self._hex(),
            "token_type": "bearer",
            "account_id": self.account_id,
        }
        if is_v2:
            return Answer(body=orjson.dumps(told), headers=[JSON])
        return objects.envelope([told], paged=False)

    @staticmethod
    def _credential(request: Request) -> tuple[str, str]:
        said = request.headers.get(b"authorization", b"").decode("latin-1")
        if said.lower().startswith("basic "):
            try:
                client_id, _, secret = base64.b64decode(said[6:], validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return "", ""
            return client_id, secret
        parts = dict(part.strip().partition(":")[::2] for part in said.split(","))
        return parts.get("client_id", ""), parts.get("client_secret", "")


def _grant(request: Request) -> str:
    if b"json" not in request.headers.get(b"content-type", b""):
        return request.form.get("grant_type", "")
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return ""
    return str(body.get("grant_type", "")) if isinstance(body, dict) else ""


class Quota:
    """Calls an hour that the whole account may make."""

    def __init__(self, *, limit: int, clock: Clock) -> None:
        self.limit, self._clock = limit, clock
        self._opened_at = clock.now()
        self._used = 0

    def take(self) -> bool:
        """Spend one call; False when the hour's are used up."""
        if self.reset_s <= 0:
            self._opened_at, self._used = self._clock.now(), 0
        self._used += 1
        return self._used <= self.limit

    @property
    def remaining(self) -> int:
        """Calls left in this hour."""
        return max(0, self.limit - self._used)

    @property
    def reset_s(self) -> int:
        """Seconds left of the hour."""
        return int(self._opened_at + HOUR_S - self._clock.now())

    def leave(self, remaining: int) -> None:
        """Let somebody else have used the rest."""
        self._used = self.limit - remaining

    def headers(self) -> Headers:
        """As API v1 tells them: seconds left, not a point in time."""
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % max(0, self.reset_s)),
        ]

    def answer(self) -> Answer:
        """GET /auth/rate_limit."""
        told = {
            "X-RateLimit-Limit": self.limit,
            "X-RateLimit-Remaining": self.remaining,
            "X-RateLimit-Reset": max(0, self.reset_s),
        }
        return objects.envelope(told, paged=False)

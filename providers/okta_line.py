"""The way to one Okta organisation: a line, and the credential that its requests show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from providers.budget import Budget, Timeouts
from providers.http import Auth, FixedAuth, RenewedAuth, Wire
from providers.okta_dialect import OktaDialect
from providers.okta_login import Login
from providers.okta_settings import Holder, OktaSettings
from sync.model.source import Effort


class OktaLine:
    """An API token, or a service app's tokens for ``scopes``, on a wire; ``holder`` is whose rights count."""

    def __init__(
        self,
        settings: OktaSettings,
        budget: Budget,
        *,
        scopes: Sequence[str],
        holder: Holder,
        timeouts: Timeouts,
        observer: Callable[[Effort], None] | None = None,
    ) -> None:
        self._settings = settings
        self._login: Login | None = None
        self.wire = Wire(
            settings.origin,
            self._auth(budget),
            OktaDialect(holder, self.withheld),
            budget,
            share=settings.rate_share,
            timeouts=timeouts,
            observer=observer,
            signs=self._proof,
        )
        if settings.app is not None:
            self._login = Login(
                settings.origin,
                settings.app,
                scopes,
                budget,
                timeouts=timeouts,
                beside=self.wire,
                is_bound=settings.is_bound,
            )

    def close(self) -> None:
        if self._login is not None:
            self._login.close()
        self.wire.close()

    def withheld(self) -> Collection[str]:
        """The scopes that were asked for and left out of the last token in silence."""
        return self._login.withheld if self._login else ()

    def _auth(self, budget: Budget) -> Auth:
        if self._settings.app is None:
            return FixedAuth({"authorization": f"SSWS {self._settings.api_token}"})
        return RenewedAuth(self._fetch, budget.monotonic)

    def _fetch(self) -> tuple[Mapping[str, str], float]:
        assert self._login is not None  # noqa: S101 - only a service app fetches
        return self._login.fetch()

    def _proof(self, credential: Mapping[str, str], method: str, target: str) -> Mapping[str, str]:
        return self._login.proof_of_token(credential, method, target) if self._login else {}

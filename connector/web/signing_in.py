"""The doors of the console: sign in, set up by a one-time link, through a provider, and sign out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from connector.acting import acting
from connector.app import App
from connector.oidc import ATTEMPT_S, Attempt
from connector.usecases.signing_in import Browser
from connector.web import sessions
from connector.web.callers import address_of
from connector.web.fields import fields_of
from connector.web.rendering import template
from connector.web.view import View, encoded_said, page, safe_path
from sync.model.errors import ConnectorError, Denied, Misconfigured

_SEALED_FOR = "openid attempt"
DONE = "/sign-in/openid/done"


def routes(app: App) -> list[Route]:
    door = Door(app)
    return [
        Route("/sign-in", door.show, methods=["GET"]),
        Route("/sign-in", door.sign_in, methods=["POST"]),
        Route("/link/{link}", door.show_link, methods=["GET"]),
        Route("/link/{link}", door.use_link, methods=["POST"]),
        Route("/sign-in/openid", door.to_provider, methods=["GET"]),
        Route(DONE, door.from_provider, methods=["GET"]),
        Route("/sign-out", door.sign_out, methods=["POST"]),
        page(app, "/account", own_account),
        Route("/account/sessions/{session}/end", door.end_own, methods=["POST"]),
        Route("/account/password", door.own_password, methods=["POST"]),
    ]


def own_account(view: View) -> Response:
    account = view.signed_in.account
    view.told("accounts.sessions", account=account.email)
    return view.render(
        "account.html",
        sessions=view.app.accounts.sessions(account.id),
        here=view.signed_in.session.id,
    )


class Door:
    """What somebody who is not signed in may ask for."""

    def __init__(self, app: App) -> None:
        self._app = app

    def show(self, request: Request) -> Response:
        sessions.require_safe(self._app, request)
        if sessions.signed_in(self._app, request) is not None:
            return RedirectResponse(safe_path(request.query_params.get("then", "/")), 303)
        return self._page(request, "sign_in.html", then=safe_path(request.query_params.get("then", "/")))

    async def sign_in(self, request: Request) -> Response:
        form = await self._form(request)
        return await run_in_threadpool(self._sign_in, request, form)

    def _sign_in(self, request: Request, form: dict[str, str]) -> Response:
        self._check(request, form)
        then = safe_path(form.get("then", "/"))
        try:
            session = self._app.signing_in.with_password(
                form.get("email", ""), form.get("password", ""), browser_of(request)
            )
        except ConnectorError as error:
            status = 401 if isinstance(error, Denied) else 429
            told = {"then": then, "email": form.get("email", ""), "error": error.message}
            return self._page(request, "sign_in.html", status, **told)
        return sessions.begin(self._app, RedirectResponse(then, 303), session)

    def show_link(self, request: Request) -> Response:
        sessions.require_safe(self._app, request)
        link = self._app.signing_in.link(request.path_params["link"])
        return self._page(request, "link.html", 200 if link else 410, link=link)

    async def use_link(self, request: Request) -> Response:
        form = await self._form(request)
        return await run_in_threadpool(self._use_link, request, form)

    def _use_link(self, request: Request, form: dict[str, str]) -> Response:
        self._check(request, form)
        text = request.path_params["link"]
        link = self._app.signing_in.link(text)
        try:
            if link is not None and link.account_id is None and not form.get("password"):
                raise Misconfigured("Choose a password.")
            session = self._app.signing_in.with_link(
                text,
                browser_of(request),
                email=form.get("email", ""),
                name=form.get("name", ""),
                password=form.get("password") or None,
            )
        except ConnectorError as error:
            told = {"link": link, "error": error.message, "email": form.get("email", "")}
            return self._page(request, "link.html", 422 if link else 410, **told)
        return sessions.begin(self._app, RedirectResponse("/", 303), session)

    def to_provider(self, request: Request) -> Response:
        """Off to the sign-in provider; what to remember goes sealed into the browser."""
        sessions.require_safe(self._app, request)
        if self._app.sign_in_provider is None:
            raise HTTPException(404)
        then = safe_path(request.query_params.get("then", "/"))
        try:
            address, attempt = self._app.sign_in_provider.begin(self._app.settings.url + DONE, then)
        except ConnectorError as error:
            return self._page(request, "sign_in.html", 502, then=then, error=error.message)
        response = RedirectResponse(address, 303)
        sealed = self._app.wires.keyring.seal(_SEALED_FOR, attempt.as_text())
        sessions.put(self._app, response, sessions.ATTEMPT, sealed, seconds=int(ATTEMPT_S))
        return response

    def from_provider(self, request: Request) -> Response:
        sessions.require_safe(self._app, request)
        try:
            session, then = self._vouched(request)
        except ConnectorError as error:
            response = self._page(request, "sign_in.html", 401, then="/", error=error.message)
        else:
            response = sessions.begin(self._app, RedirectResponse(then, 303), session)
        sessions.drop(self._app, response, sessions.ATTEMPT)
        return response

    def _vouched(self, request: Request) -> tuple[str, str]:
        provider, sealed = self._app.sign_in_provider, sessions.cookie(self._app, request, sessions.ATTEMPT)
        if provider is None or not sealed:
            raise Denied("This sign-in did not begin in this browser, or took too long. Begin again.")
        try:
            attempt = Attempt.of(self._app.wires.keyring.open(_SEALED_FOR, sealed))
        except (Misconfigured, ValueError, TypeError) as error:
            raise Denied("This sign-in did not begin in this browser. Begin again.") from error
        if request.query_params.get("error"):
            raise Denied("The sign-in provider did not let you in. Ask who looks after it.")
        who = provider.finish(
            attempt,
            state=request.query_params.get("state", ""),
            code=request.query_params.get("code", ""),
            redirect_uri=self._app.settings.url + DONE,
        )
        session = self._app.signing_in.with_identity(who, provider.role(who), browser_of(request))
        return session, safe_path(attempt.then)

    async def sign_out(self, request: Request) -> Response:
        form = await self._form(request)
        return await run_in_threadpool(self._sign_out, request, form)

    def _sign_out(self, request: Request, form: dict[str, str]) -> Response:
        signed_in = sessions.signed_in(self._app, request)
        response = RedirectResponse("/sign-in", 303)
        if signed_in is not None:
            sessions.must_be_ours(self._app, request, form.get("proof", ""))
            self._app.signing_in.sign_out(signed_in.session.id)
            sessions.drop(self._app, response, sessions.SESSION)
        return response

    async def end_own(self, request: Request) -> Response:
        form = await self._form(request)
        return await run_in_threadpool(self._end_own, request, form)

    def _end_own(self, request: Request, form: dict[str, str]) -> Response:
        signed_in = sessions.signed_in(self._app, request)
        sessions.must_be_ours(self._app, request, form.get("proof", ""))
        assert signed_in is not None  # noqa: S101 - there is no proof without a session
        mine = self._app.accounts.sessions(signed_in.account.id)
        if any(each["id"] == request.path_params["session"] for each in mine):
            with acting(signed_in.actor):
                self._app.accounts.end_session(request.path_params["session"], by=signed_in.actor.by)
        return RedirectResponse("/account", 303)

    async def own_password(self, request: Request) -> Response:
        form = await self._form(request)
        return await run_in_threadpool(self._own_password, request, form)

    def _own_password(self, request: Request, form: dict[str, str]) -> Response:
        signed_in = sessions.signed_in(self._app, request)
        sessions.must_be_ours(self._app, request, form.get("proof", ""))
        assert signed_in is not None  # noqa: S101 - there is no proof without a session
        account = signed_in.account
        try:
            if account.password_hash is not None:
                self._app.signing_in.with_password(
                    account.email, form.get("current", ""), browser_of(request)
                )
            with acting(signed_in.actor):
                self._app.accounts.set_password(account.id, form.get("password", ""), by=signed_in.actor.by)
        except ConnectorError as error:
            response: Response = RedirectResponse("/account", 303)
            sessions.put(self._app, response, sessions.SAID, encoded_said("bad", error.message))
            return response
        session = self._app.signing_in.with_password(account.email, form["password"], browser_of(request))
        return sessions.begin(self._app, RedirectResponse("/account", 303), session)

    async def _form(self, request: Request) -> dict[str, str]:
        return {name: values[-1][:2000] for name, values in (await fields_of(request)).items()}

    def _check(self, request: Request, form: dict[str, str]) -> None:
        """The form came from our own page: it holds the proof of the browser's cookie."""
        sessions.require_safe(self._app, request)
        secret = sessions.cookie(self._app, request, sessions.FORM)
        request.state.proof = sessions.proof(secret) if secret else ""
        sessions.must_be_ours(self._app, request, form.get("proof", ""))

    def _page(self, request: Request, name: str, status: int = 200, **told: Any) -> Response:
        secret = sessions.cookie(self._app, request, sessions.FORM) or sessions.new_form_secret()
        provider, then = self._app.settings.oidc, told.get("then", "/")
        shared = {
            "proof": sessions.proof(secret),
            "theme": request.cookies.get("connector-theme", ""),
            "needs_set_up": self._app.accounts.needs_set_up(),
            "openid": provider.label if provider else None,
            "openid_url": f"/sign-in/openid?{urlencode({'then': then})}",
            "error": None,
            "email": "",
        }
        response = HTMLResponse(template(name).render(shared | told), status)
        sessions.put(self._app, response, sessions.FORM, secret, seconds=86_400)
        return response


def browser_of(request: Request) -> Browser:
    return Browser(address=address_of(request), agent=request.headers.get("user-agent", ""))

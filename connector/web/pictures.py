"""Pictures of people, for whoever knows the address: it is the digest of what the picture holds."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.etags import known

_DAY_S: Final = 86_400
_CACHED: Final = f"private, max-age={_DAY_S}, immutable"
"""An address never shows another picture; after a day it is asked whether it still shows this one."""


def route(app: App) -> Route:
    def endpoint(request: Request) -> Response:
        digest = request.path_params["digest"]
        image = app.photos.find(digest)
        if image is None:
            raise HTTPException(404)
        own = f'"{digest}"'
        headers = {"ETag": own, "Cache-Control": _CACHED}
        if known(request.headers.get("if-none-match"), own):
            return Response(status_code=304, headers=headers)
        return Response(image.body, media_type=image.content_type, headers=headers)

    return Route("/pictures/{digest}", endpoint, methods=["GET"])

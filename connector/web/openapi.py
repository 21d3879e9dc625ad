"""The OpenAPI 3.1 document of the admin API, made from the table of operations."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any, Final

import orjson
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from connector.operations.operation import Operation
from connector.operations.table import MODULES, OPERATIONS
from connector.web.files import CSV

Document = dict[str, Any]

_TEMPLATE: Final = "#/components/schemas/{model}"
_PROBLEMS: Final = {
    "400": "An argument is wrong; `detail` names it.",
    "401": "No API key, or one that is not good.",
    "403": "The caller's role does not reach so far.",
    "404": "There is no such thing.",
    "409": "Somebody else was first, or a rule says no.",
    "412": "It was changed since it was read.",
    "413": "The request is too large.",
    "415": "The body is not application/json.",
    "422": "A setting or a record cannot be used.",
    "502": "The directory refused its credentials or a right, or did not answer with everything.",
    "503": "Try again later; Retry-After may say when.",
}
_CHANGES_ONLY: Final = frozenset({"412", "413", "415"})
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what to do."},
        "kind": {"type": "string", "description": "How to recover, in one word."},
    },
}

_PROBLEM_CONTENT: Final = {
    "application/problem+json": {"schema": {"$ref": _TEMPLATE.format(model="Problem")}}
}


def endpoint(_request: Request) -> Response:
    """The document; it holds nothing secret, so anybody may read it."""
    return Response(_encoded(), media_type="application/json", headers={"Cache-Control": "no-cache"})


@cache
def _encoded() -> bytes:
    return orjson.dumps(document())


def document() -> Document:
    schemas: Document = {"Problem": dict(_PROBLEM)}
    paths: dict[str, Document] = {}
    for operation in OPERATIONS:
        path = operation.path.replace(":path}", "}")
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Directory Connector",
            "version": version("directory-connector"),
            "summary": "Everything the command line and the console do.",
            "description": (
                "Errors are problem details (RFC 9457). Lists give `next` for the page behind; none means "
                "there is none; with `Accept: text/csv` a list comes whole. A write takes an "
                "`Idempotency-Key`. Reads carry an `ETag`."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "tags": [
            {"name": _tag(module.__name__), "description": (module.__doc__ or "").strip()}
            for module in MODULES
        ],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {
                status: {"description": says, "content": _PROBLEM_CONTENT}
                for status, says in _PROBLEMS.items()
            },
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key: connector keys add"}
            },
        },
    }


def _described(operation: Operation, schemas: Document) -> Document:
    arguments = _schema(operation.arguments, schemas)
    properties: Document = arguments.get("properties", {})
    required = set(arguments.get("required", ()))
    in_query = operation.method in {"GET", "DELETE"}
    found: Document = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"{operation.about}\n\nNeeds the role {operation.role.value}.",
        "tags": [_tag(operation.function.__module__)],
        "x-role": operation.role.value,
    }
    parameters = [_in_path(name, properties[name]) for name in operation.in_path]
    rest = {name: each for name, each in properties.items() if name not in operation.in_path}
    if in_query:
        parameters += [_in_query(name, each, required=name in required) for name, each in rest.items()]
    else:
        parameters.append(_idempotency_key())
        found["requestBody"] = _body(rest, sorted(required & rest.keys()))
    return found | {"parameters": parameters, "responses": _responses(operation, schemas)}


def _in_path(name: str, schema: Document) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(name: str, schema: Document, *, required: bool) -> Document:
    plain = _without_null({key: value for key, value in schema.items() if key != "description"})
    if plain.get("default", "") is None:
        del plain["default"]
    told: Document = {"name": name, "in": "query", "required": required, "schema": plain}
    if "description" in schema:
        told["description"] = schema["description"]
    return told


def _without_null(schema: Document) -> Document:
    """A query cannot say null; leaving the parameter out does."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) != 1 or len(choices) == len(schema.get("anyOf", ())):
        return schema
    found: Document = {key: value for key, value in schema.items() if key != "anyOf"}
    found.update(choices[0])
    return found


def _idempotency_key() -> Document:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "description": "Asked again with the same key within a day, the answer is the same.",
    }


def _body(properties: Document, required: list[str]) -> Document:
    schema: Document = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def _responses(operation: Operation, schemas: Document) -> Document:
    content: Document = {"application/json": {"schema": _schema(operation.answers, schemas)}}
    if operation.rows:
        content[CSV] = {"schema": {"type": "string", "description": "Every row behind the cursor."}}
    done: Document = {str(operation.status): {"description": "Done.", "content": content}}
    if operation.status == 202:
        done["200"] = {"description": "It was queued already.", "content": content}
    return done | {
        status: {"$ref": f"#/components/responses/{status}"}
        for status in _PROBLEMS
        if not (operation.reads and status in _CHANGES_ONLY)
    }


def _schema(kind: Any, schemas: Document) -> Document:
    """The type's schema; what it refers to goes to the document's own list."""
    found: Document = TypeAdapter(kind).json_schema(ref_template=_TEMPLATE, mode="validation")
    schemas.update(found.pop("$defs", {}))
    return dict(found)


def _tag(module: str) -> str:
    return module.rpartition(".")[2]

"""What a settings model says of its fields: the text below each, which no program needs while it runs."""

import ast
import inspect
import textwrap

from pydantic import BaseModel


def described(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field of the model and of those it builds on, by the field's name."""
    texts: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each.__module__.startswith("connector."):
            texts |= _own(each)
    return texts


def _own(model: type[BaseModel]) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            told = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and text.value.value
            if isinstance(told, str):
                found[field.target.id] = told
    return found

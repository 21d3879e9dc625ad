"""Operations on the configuration: what the file and the environment say."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, Limit
from connector.operations.lists import page_of
from connector.operations.operation import Call, operation
from sync.model.access import Role

Name = Annotated[str | None, Field(max_length=200, description="The last name seen.")]
Part = Annotated[str | None, Field(max_length=200, description="Part of a setting's name or of its value.")]
IsSet = Annotated[
    bool | None, Field(description="Whether it is other than what it would be without a word about it.")
]


@operation("GET", "/configuration", Role.ADMIN, answers.ShownSettings, rows="settings", cli="settings")
def list_(
    call: Call, *, search: Part = None, is_set: IsSet = None, after: Name = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """List the program's settings by name, such as `seats.limit`; secrets are masked."""
    found, following = page_of(
        call.app.listed_settings(),
        key="name",
        after=after,
        limit=limit,
        search=search,
        within=("name", "value"),
        is_set=is_set,
    )
    return {"settings": found, "next": following}

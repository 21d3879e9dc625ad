"""Operations on plans: read, approve, apply, reject."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, After, Limit, OfConnection, Ref, Search, Sequence, Text
from connector.operations.operation import Call, operation
from connector.usecases import shapes
from connector.usecases.plans import Word
from sync.model.access import Role
from sync.model.change import Action
from sync.model.run import ItemState, PlanState

Hash = Annotated[
    str | None,
    Field(max_length=64, description="The hash that was looked at; another plan is refused with 409."),
]
Excluded = Annotated[list[Ref], Field(max_length=50_000, description="Ids of items to leave out.")]


@operation("GET", "/plans", Role.VIEWER, answers.Plans, rows="plans", cursor="before", cli="plans list")
def list_(
    call: Call,
    *,
    connection: OfConnection = None,
    state: list[PlanState] | None = None,
    before: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List plans, newest first, without their items."""
    found = call.app.plans.listed(connection, states=state or (), limit=limit, before=before)
    return {"plans": found, "next": found[-1]["plan_id"] if len(found) == limit else None}


@operation("GET", "/plans/{plan}", Role.VIEWER, answers.Plan, cli="plans show {plan}")
def show(call: Call, *, plan: Ref, search: Search = None, items: bool = True) -> dict[str, Any]:
    """Show a plan with its items, or those whose subject holds `search`; `items` false leaves them out."""
    return call.app.plans.show(plan, search=search) if items else call.app.plans.summary(plan)


@operation(
    "GET", "/plans/{plan}/items", Role.VIEWER, answers.PlanItems, rows="items", cli="plans items {plan}"
)
def items(
    call: Call,
    *,
    plan: Ref,
    search: Search = None,
    action: Action | None = None,
    state: ItemState | None = None,
    after: Sequence | None = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List a plan's items in order, page by page."""
    return call.app.plans.page(plan, search=search, action=action, state=state, after=after, limit=limit)


@operation("GET", "/plans/{plan}/text", Role.VIEWER, answers.AsText, cli="plans show {plan}")
def text(
    call: Call, *, plan: Ref, search: Search = None, every: bool = False, markdown: bool = False
) -> dict[str, Any]:
    """Show a plan as a person reads it: text, or Markdown; `every` item instead of the first of each kind."""
    if markdown:
        return {"text": call.app.plans.markdown(plan, search=search)}
    return {"text": call.app.plans.text(plan, search=search, every=every)}


@operation("GET", "/plans/{plan}/file", Role.VIEWER, answers.AsText, cli="plan NAME --out FILE")
def file(call: Call, *, plan: Ref) -> dict[str, Any]:
    """Give a plan as the file that `apply_file` takes."""
    return {"text": call.app.plans.document(plan).decode()}


@operation(
    "POST", "/plans/{plan}/approve", Role.OPERATOR, answers.Run, status=202, cli="plans approve {plan}"
)
def approve(
    call: Call,
    *,
    plan: Ref,
    expect_hash: Hash = None,
    exclude: Excluded | None = None,
    comment: Text | None = None,
) -> dict[str, Any]:
    """Let a held plan go, but for the excluded items; answers the run that applies it."""
    run = call.app.plans.approve(
        plan, by=call.by, expect_hash=expect_hash, exclude=exclude or (), comment=comment
    )
    return shapes.run(run)


@operation("POST", "/plans/{plan}/apply", Role.OPERATOR, answers.Run, status=202, cli="apply {plan}")
def apply(
    call: Call,
    *,
    plan: Ref,
    expect_hash: Hash = None,
    exclude: Excluded | None = None,
    yes: bool = False,
) -> dict[str, Any]:
    """Carry out a previewed or held plan; what a safeguard holds needs `yes` or the hash."""
    word = Word(expect_hash=expect_hash, exclude=exclude or (), yes=yes)
    return shapes.run(call.app.plans.apply(plan, by=call.by, word=word))


@operation("POST", "/plans/apply-file", Role.OPERATOR, answers.Run, status=202, cli="apply FILE")
def apply_file(
    call: Call,
    *,
    document: str,
    expect_hash: Hash = None,
    exclude: Excluded | None = None,
    yes: bool = False,
) -> dict[str, Any]:
    """Carry out the plan in a file, as long as it is still true."""
    word = Word(expect_hash=expect_hash, exclude=exclude or (), yes=yes)
    return shapes.run(call.app.plans.apply_document(document.encode(), by=call.by, word=word))


@operation("POST", "/plans/{plan}/reject", Role.OPERATOR, answers.Plan, cli="plans reject {plan}")
def reject(call: Call, *, plan: Ref, comment: Text | None = None) -> dict[str, Any]:
    """Throw a held plan away; the same set does not ask again."""
    return call.app.plans.reject(plan, by=call.by, comment=comment)


@operation("GET", "/exclusions", Role.VIEWER, answers.Excluded, rows="excluded", cli="plans excluded")
def excluded(
    call: Call,
    *,
    search: Search = None,
    action: Action | None = None,
    connection: OfConnection = None,
    after: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List the changes that were left out; they stay out until included or wanting something else."""
    return call.app.plans.excluded(connection, search=search, action=action, after=after, limit=limit)


@operation("POST", "/exclusions/include", Role.OPERATOR, answers.Included, cli="plans include {items}")
def include(
    call: Call, *, items: Annotated[list[Ref], Field(min_length=1, max_length=1000)]
) -> dict[str, Any]:
    """Let changes that were left out be planned again, from the next full run on."""
    return {"included": call.app.plans.include(items, by=call.by)}

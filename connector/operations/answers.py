"""The shapes of answers, for the OpenAPI document; times are ISO 8601 in UTC. More keys may come."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict


class Trouble(TypedDict):
    quarantined: bool
    failures: int
    since: str
    error: str
    error_kind: str
    remedy: str
    retry_at: str


class Connection(TypedDict):
    id: str
    name: str
    type: str
    mode: str
    state: str
    from_file: bool
    settings: dict[str, Any]
    sealed: list[str]
    tenant: str | None
    first_run_approved: bool
    last_complete_at: str | None
    next_full_at: str | None
    next_delta_at: str | None
    next_run_at: str | None
    trouble: Trouble | None
    created_at: str
    revision: str
    scim_base_url: str
    directory_users: int
    groups: int


class Connections(TypedDict):
    connections: list[Connection]
    next: str | None


class NewConnection(TypedDict):
    id: str
    name: str
    type: str
    scim_base_url: str
    token: str


class Right(TypedDict):
    name: str
    state: str
    detail: str


class Tested(TypedDict):
    connection: str
    ready: bool
    tenant: str | None
    rights: list[Right]
    error: str | None


class Application(TypedDict):
    id: str
    name: str
    active: bool
    scope: str


class Applications(TypedDict):
    connection: str
    applications: list[Application]


class SampledPerson(TypedDict):
    external_id: str
    status: str
    status_text: str
    said: dict[str, str | None]
    becomes: dict[str, str | None]
    attributes: dict[str, Any]


class SampledGroup(TypedDict):
    external_id: str
    name: str
    counts: bool
    why: str | None
    tag: str | None


class Sample(TypedDict):
    connection: str
    people: list[SampledPerson]
    people_met: int
    everybody_met: bool
    groups: list[SampledGroup]
    groups_met: int
    groups_that_count: int


class Request(TypedDict):
    seq: int
    at: str
    method: str
    path: str
    status: int
    ms: float
    detail: str | None
    quirks: list[str]
    client: str | None
    request_body: str | None
    answer_body: str | None


class Requests(TypedDict):
    requests: list[Request]
    next: int | None


class Token(TypedDict):
    id: str
    last_four: str
    live: bool
    created_at: str
    last_used_at: str | None
    expires_at: str | None


class Tokens(TypedDict):
    tokens: list[Token]
    next: str | None


class NewToken(TypedDict):
    id: str
    connection: str
    scim_base_url: str
    token: str
    old_token_ends_at: str | None


class Hook(TypedDict):
    connection: str
    url: str
    available: bool
    on: bool
    old_secret_ends_at: str | None
    last_at: str | None
    refused_at: str | None
    registers: bool
    registered: bool
    subscribes: bool
    subscribed_until: str | None
    subscription_trouble: str | None


class NewHook(Hook):
    secret: str


class Run(TypedDict):
    run_id: str
    connection: str
    trigger: str
    mode: str
    state: str
    phase: str | None
    dry_run: bool
    complete: bool | None
    reasons: list[str]
    plan_id: str | None
    counts: dict[str, int]
    pages: int
    requests: int
    throttled_s: float
    duration_s: float | None
    error: str | None
    error_kind: str | None
    requested_by: str
    requested_at: str
    started_at: str | None
    ended_at: str | None
    new: NotRequired[bool]
    changes: NotRequired[list[dict[str, Any]]]


class Runs(TypedDict):
    runs: list[Run]
    next: NotRequired[str | None]


class Changes(TypedDict):
    changes: list[dict[str, Any]]
    next: int | None


class PlanItem(TypedDict):
    id: str
    action: str
    subject: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]
    state: NotRequired[str]
    count: NotRequired[int]
    place: NotRequired[int]


class Plan(TypedDict):
    plan_id: str
    connection: str
    mode: str
    complete: bool
    verdict: str
    reasons: list[str]
    hash: str
    counts: dict[str, int]
    items: NotRequired[list[PlanItem]]
    state: NotRequired[str]
    run_id: NotRequired[str]
    created_at: NotRequired[str]
    decided_by: NotRequired[str | None]
    decided_at: NotRequired[str | None]
    comment: NotRequired[str | None]


class Plans(TypedDict):
    plans: list[Plan]
    next: NotRequired[str | None]


class PlanItems(TypedDict):
    items: list[PlanItem]
    next: int | None


class AsText(TypedDict):
    text: str


class User(TypedDict):
    id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    picture_url: str | None
    active: bool
    managed: bool
    tags: list[str]
    connections: list[str]


class Users(TypedDict):
    users: list[User]
    total: int
    next: str | None


class Added(TypedDict):
    added: int
    ids: list[str]


class Explained(TypedDict):
    user: dict[str, Any] | None
    state: str
    because: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    text: str


class Group(TypedDict):
    id: str
    name: str
    tag: str | None
    connection: str
    connection_id: str
    external_id: str | None
    members: int
    kinds: NotRequired[dict[str, int]]
    namesakes: NotRequired[list[dict[str, Any]]]
    within: NotRequired[list[dict[str, Any]]]
    member_list: NotRequired[list[dict[str, Any]]]


class Member(TypedDict):
    id: str
    kind: str
    label: str
    user_id: str | None
    active: bool | None
    added_at: str


class Members(TypedDict):
    members: list[Member]
    next: str | None


class Groups(TypedDict):
    groups: list[Group]
    total: int
    next: str | None


class Questions(TypedDict):
    attention: list[dict[str, Any]]
    kinds: dict[str, int]
    total: int
    next: str | None


class Unanswered(TypedDict):
    id: str
    why: str


class Answered(TypedDict):
    resolved: list[dict[str, Any]]
    refused: list[Unanswered]
    well: bool
    summary: str


class Freeze(TypedDict):
    connection: str | None
    until: str | None
    since: str
    by: str
    reason: str


class Freezes(TypedDict):
    freezes: list[Freeze]


class Thawed(TypedDict):
    ended: bool


class Told(TypedDict):
    channel: str
    attempts: int
    delivered_at: str | None
    error: str | None


class Notice(TypedDict):
    id: str
    kind: str
    title: str
    text: str
    link: str
    opened_at: str
    ended_at: str | None
    told: list[Told]


class Notices(TypedDict):
    notices: list[Notice]
    next: str | None


class SentThrough(TypedDict):
    channel: str
    sent: bool
    error: str | None


class Sent(TypedDict):
    channels: list[SentThrough]


class Seats(TypedDict):
    limit: int | None
    used: int
    waiting: int
    by_connection: dict[str, int]
    waiting_people: list[str]


class Waiting(TypedDict):
    label: str
    connection: str
    action: str


class WaitingPeople(TypedDict):
    waiting: list[Waiting]
    next: str | None


class Events(TypedDict):
    events: list[dict[str, Any]]
    next: int


class NewestEvents(TypedDict):
    events: list[dict[str, Any]]
    next: int | None


class Webhooks(TypedDict):
    webhooks: list[dict[str, Any]]
    next: NotRequired[str | None]


class Deliveries(TypedDict):
    deliveries: list[dict[str, Any]]
    next: int | None


class AuditRow(TypedDict):
    seq: int
    at: str
    action: str
    by: str
    via: str
    address: str
    kind: str
    subject_id: str
    label: str
    connection_id: str | None
    connection: str | None
    before: dict[str, Any]
    after: dict[str, Any]


class AuditRows(TypedDict):
    audit: list[AuditRow]
    next: int | None


class Setting(TypedDict):
    name: str
    value: Any
    is_set: bool


class ShownSettings(TypedDict):
    settings: list[Setting]
    next: str | None


class Account(TypedDict):
    id: str
    email: str
    name: str
    role: str
    disabled: bool
    signs_in_by: list[str]
    created_at: str
    created_by: str
    last_sign_in_at: str | None
    link: NotRequired[str]


class Accounts(TypedDict):
    accounts: list[Account]
    next: str | None


class Session(TypedDict):
    id: str
    account: str
    how: str
    address: str
    agent: str
    created_at: str
    last_seen_at: str
    expires_at: str


class Sessions(TypedDict):
    sessions: list[Session]
    next: str | None


class NewLink(TypedDict):
    account: str | None
    expires_at: str
    link: str


class Key(TypedDict):
    id: str
    name: str
    prefix: str
    last_four: str
    role: str
    live: bool
    created_at: str
    created_by: str
    expires_at: str | None
    last_used_at: str | None
    key: NotRequired[str]


class Keys(TypedDict):
    keys: list[Key]
    next: str | None


class Excluded(TypedDict):
    excluded: list[dict[str, Any]]
    next: str | None


class Included(TypedDict):
    included: list[dict[str, Any]]


class Gone(TypedDict):
    id: str
    name: str
    removed: bool
    users: str
    people: int
    suspended: int
    handed_over: int


Anything = dict[str, Any]

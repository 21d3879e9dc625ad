"""The faults that exist: every switch with its defaults, every catalogue row with the spec that shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """When a fault acts: once as it is set, in place of an answer, on an answer leaving, on a hook's call."""

    SET = "set"
    ANSWER = "answer"
    SHAPE = "shape"
    HOOK = "hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One kind of misbehaviour: its name, when it acts, what holds by default."""

    name: str
    kind: Kind
    default: str
    selectors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the catalogue; `applies_to` holds okta, azure, onelogin, jumpcloud and scim."""

    id: str
    spec: str
    summary: str
    applies_to: frozenset[str]

    @property
    def name(self) -> str:
        """The name of the switch that shows it."""
        return self.spec.split("(")[0].split("@")[0]

    @property
    def is_of_hooks(self) -> bool:
        """True for what happens to calls of event hooks, and to no read."""
        return SWITCHES[self.name].kind is Kind.HOOK


def _switch(kind: Kind, default: str, **selectors: str) -> Switch:
    return Switch(name=default.split("(", maxsplit=1)[0], kind=kind, default=default, selectors=selectors)


_USERS, _MEMBERS = {"op": "users.list"}, {"op": "members"}
_EVER = {"times": "always"}

SWITCHES: Mapping[str, Switch] = {
    switch.name: switch
    for switch in (
        _switch(Kind.ANSWER, "throttle(wait=8)"),
        _switch(Kind.ANSWER, "slow_if_limit_over(200)", **_EVER),
        _switch(Kind.ANSWER, "error(E0000009)"),
        _switch(Kind.ANSWER, "haproxy_429"),
        _switch(Kind.ANSWER, "burst_fail(over=4)", **_EVER),
        _switch(Kind.SET, "quota(remaining=0)"),
        _switch(Kind.SET, "neighbour(rpm=200)"),
        _switch(Kind.ANSWER, "expire_token"),
        _switch(Kind.ANSWER, "revoke_token"),
        _switch(Kind.ANSWER, "revoke_key"),
        _switch(Kind.ANSWER, "deny(401)"),
        _switch(Kind.ANSWER, "drop_permission(groups)"),
        _switch(Kind.SET, "scope(read_users)"),
        _switch(Kind.SET, "token_age(35900)"),
        _switch(Kind.SET, "owner_deleted"),
        _switch(Kind.SET, "org_header(missing)"),
        _switch(Kind.SET, "revoke_secret(1)"),
        _switch(Kind.ANSWER, "ip_blocked", **_EVER),
        _switch(Kind.SET, "events_denied"),
        _switch(Kind.SET, "no_admin_role"),
        _switch(Kind.SET, "scoped_role(3)"),
        _switch(Kind.SET, "dpop_nonce(rotate)"),
        _switch(Kind.SET, "scopes(minus=okta.groups.read)"),
        _switch(Kind.SET, "other_org"),
        _switch(Kind.ANSWER, "fail(503)"),
        _switch(Kind.ANSWER, "login_page"),
        _switch(Kind.ANSWER, "body(empty)"),
        _switch(Kind.SHAPE, "content_type(text/plain)"),
        _switch(Kind.SHAPE, "gzip(broken)"),
        _switch(Kind.SHAPE, "truncate(length=right)"),
        _switch(Kind.SHAPE, "reset(before)"),
        _switch(Kind.ANSWER, "hang"),
        _switch(Kind.SHAPE, "drip"),
        _switch(Kind.ANSWER, "redirect(other_host)"),
        _switch(Kind.SHAPE, "page_rows(100000)", **_USERS),
        _switch(Kind.SHAPE, "next(self)", **_EVER),
        _switch(Kind.SHAPE, "page(empty)", **_USERS),
        _switch(Kind.ANSWER, "cursor(expired)"),
        _switch(Kind.SHAPE, "link(form=merged)", **_EVER),
        _switch(Kind.SHAPE, "items_per_page(wrong)", **_EVER),
        _switch(Kind.SET, "past_end(error)"),
        _switch(Kind.SET, "count_zero(all)"),
        _switch(Kind.SET, "mode(cursor_only)"),
        _switch(Kind.SET, "config(404)"),
        _switch(Kind.ANSWER, "drop_key"),
        _switch(Kind.ANSWER, "key_type(string)"),
        _switch(Kind.SHAPE, "rows_without_id(1)", **_USERS),
        _switch(Kind.SHAPE, "null_rows(1)", **_USERS),
        _switch(Kind.ANSWER, "offset(ignored)", **_USERS, **_EVER),
        _switch(Kind.SHAPE, "count(missing)", **_USERS, **_EVER),
        _switch(Kind.SET, "fields(ignored)"),
        _switch(Kind.ANSWER, "filter(refused)", **_EVER),
        _switch(Kind.SET, "retention(90)"),
        _switch(Kind.SET, "late_event(300)"),
        _switch(Kind.SHAPE, "double(1)", page="2", **_USERS),
        _switch(Kind.ANSWER, "delete_between", page="2", **_USERS),
        _switch(Kind.ANSWER, "swap_between", page="2", **_USERS),
        _switch(Kind.SET, "hide(user)"),
        _switch(Kind.SET, "half(0.5)"),
        _switch(Kind.HOOK, "hook(duplicate)"),
        _switch(Kind.SET, "lag(membership=6)"),
        _switch(Kind.SET, "clock(skew=7200)"),
        _switch(Kind.SHAPE, "dates(odd)", **_USERS, **_EVER),
        _switch(Kind.SET, "empty_users"),
        _switch(Kind.SET, "shrink_scope(0.4)"),
        _switch(Kind.SHAPE, "flap(user)", **_USERS, **_EVER),
        _switch(Kind.SET, "email(none)"),
        _switch(Kind.SET, "rename_user"),
        _switch(Kind.SET, "swap_emails"),
        _switch(Kind.SET, "names(hard)"),
        _switch(Kind.SET, "null_fields"),
        _switch(Kind.SET, "types(odd)"),
        _switch(Kind.SHAPE, "bad_row(1)", **_USERS),
        _switch(Kind.SET, "emails(string)"),
        _switch(Kind.SHAPE, "case(upper)", **_EVER),
        _switch(Kind.SET, "status(unknown)"),
        _switch(Kind.SET, "ids(text)"),
        _switch(Kind.SET, "username(none)"),
        _switch(Kind.SET, "groups(v1_only)"),
        _switch(Kind.SET, "roles(with_users)"),
        _switch(Kind.SET, "group_name(duplicate)"),
        _switch(Kind.SET, "rename_group"),
        _switch(Kind.SET, "recreate_group"),
        _switch(Kind.SET, "members(unknown_user)"),
        _switch(Kind.ANSWER, "delete_group_between", **_MEMBERS),
        _switch(Kind.SET, "excluded(ignored)"),
        _switch(Kind.SET, "picture(odd)"),
        _switch(Kind.ANSWER, "aadsts(7000215)", op="token"),
        _switch(Kind.ANSWER, "unknown_tenant", op="discovery", **_EVER),
        _switch(Kind.ANSWER, "discovery_down", op="discovery"),
        _switch(Kind.ANSWER, "batch_item(status=503)"),
        _switch(Kind.SHAPE, "fewer_properties", page="2", **_USERS),
        _switch(Kind.ANSWER, "delta_expired(400)", op="delta"),
        _switch(Kind.SET, "replay"),
        _switch(Kind.SET, "split_members(1000)"),
        _switch(Kind.SET, "soft_delete"),
        _switch(Kind.SET, "hard_delete"),
        _switch(Kind.SET, "restore"),
        _switch(Kind.SET, "omit_member_removal"),
        _switch(Kind.SET, "absent_fields"),
        _switch(Kind.SET, "no_delta(501)"),
        _switch(Kind.SET, "guests(10)"),
        _switch(Kind.SET, "rooms(5)"),
        _switch(Kind.SET, "nested(depth=3)"),
        _switch(Kind.SET, "top(200)"),
        _switch(Kind.SET, "photo(404)"),
    )
}

_CODES = {"OK": "okta", "AZ": "azure", "OL": "onelogin", "JC": "jumpcloud", "SC": "scim"}


def _row(row_id: str, who: str, spec: str, summary: str) -> Fault:
    whose = _CODES.values() if who == "all" else [_CODES[code] for code in who.split()]
    return Fault(id=row_id, spec=spec, summary=summary, applies_to=frozenset(whose))


CATALOGUE: tuple[Fault, ...] = (
    _row("T01", "all", "throttle(wait=8)", "429 that says how long to wait"),
    _row("T02", "all", "throttle(header=none)", "429 without any hint"),
    _row("T03", "OK AZ", "throttle(wait=-30)", "429 whose reset lies in the past"),
    _row("T04", "all", "throttle(wait=7200)", "429 whose reset is two hours ahead"),
    _row(
        "T05", "OK", "throttle(kind=concurrency)", "429 for too many calls at once: limit and remaining are 0"
    ),
    _row("T06", "AZ", "batch_item(status=429)", "429 for one item of a batch only"),
    _row("T07", "all", "throttle@op=token", "429 at the token endpoint"),
    _row("T08", "OL", "haproxy_429", "429 as a page of the balancer, without any hint"),
    _row("T09", "OL", "quota(remaining=0)", "the hour's calls are used up"),
    _row("T10", "OL", "burst_fail(over=4)@times=always", "502 under parallel load"),
    _row("T11", "OK", "slow_if_limit_over(200)", "a big page is never answered"),
    _row("T12", "OK", "error(E0000239)", "423, policies are being reconciled"),
    _row("T13", "OK AZ", "neighbour(rpm=200)", "another app spends from the same bucket"),
    _row("A01", "OK AZ OL JC", "expire_token@page=3", "an access token dies in the middle of a walk"),
    _row("A02", "all", "deny(401,times=always)@page=3", "401, and 401 again after a refresh"),
    _row("A03", "OK JC SC", "revoke_key@page=3", "a static key is revoked in the middle of a walk"),
    _row("A04", "OK", "error(E0000015)", "401 that means a feature is not enabled"),
    _row("A05", "OL", "scope(read_users)", "401 that means the scope is too small for roles"),
    _row("A06", "OK AZ JC SC", "drop_permission(groups)", "a right is taken away during the run"),
    _row("A07", "OK", "no_admin_role", "scopes without an admin role: users 200 and [], the rest 403"),
    _row("A08", "OK", "scoped_role(3)", "a role that sees some groups only"),
    _row("A09", "OL", "token_age(35900)", "a token is handed out near its end"),
    _row("A10", "OL", "owner_deleted", "the token endpoint answers 500 for ever"),
    _row("A11", "AZ", "fail(503)@op=token", "the token endpoint is down for a moment"),
    _row("A12", "AZ", "discovery_down", "the discovery document cannot be had for a moment"),
    _row("A13", "AZ", "aadsts(7000222)", "the client secret has expired"),
    _row("A14", "OK", "dpop_nonce(rotate)", "the token endpoint asks for a new DPoP nonce"),
    _row("A15", "OK", "scopes(minus=okta.groups.read)", "a scope that was not granted is dropped in silence"),
    _row("A16", "JC", "org_header(missing)", "the organisation is not chosen, or not the right way"),
    _row("A17", "JC", "revoke_secret(1)", "the first of two secrets is revoked, and the token ends"),
    _row("A18", "JC", "ip_blocked", "this machine's address is blocked"),
    _row("A19", "SC", "deny(401,body=html)@times=always", "a 401 that is a web page"),
    _row("A20", "all", "other_org", "another tenant answers: every id is new"),
    _row("A21", "JC OL", "events_denied", "the event feed is forbidden"),
    _row("B01", "all", "fail(503)", "a server error"),
    _row("B02", "OK", "error(E0000010)", "503, read-only mode"),
    _row("B03", "all", "fail(502,body=html)", "an error page in HTML"),
    _row("B04", "all", "login_page", "200 with a login page"),
    _row("B05", "all", "body(empty)", "200 with nothing in it"),
    _row("B06", "all", "body({})", "200 with the wrong type on top"),
    _row("B07", "all", "content_type(text/plain)", "JSON that calls itself plain text"),
    _row("B08", "all", "gzip(broken)", "a body that does not decompress"),
    _row("B09", "all", "truncate(length=right)", "JSON that is cut off"),
    _row("B10", "all", "reset(mid)", "the connection is reset"),
    _row("B11", "all", "hang", "no answer comes"),
    _row("B14", "all", "redirect(other_host)", "a redirect to another host"),
    _row("B15", "all", "page_rows(100000)", "one answer with 100,000 rows"),
    _row("B16", "OK", "error(plain_404)", "an error in another layer's shape"),
    _row("B17", "OL", "error(shape=1)", "an error in one of five shapes"),
    _row("P01", "OK AZ", "next(self)", "the next link is the page itself"),
    _row("P02", "AZ SC OL", "next(loop=3)", "the chain of pages never ends"),
    _row("P03", "OL SC", "cursor(repeat)@op=users.list,times=always", "the same cursor again"),
    _row("P04", "OL SC", "offset(ignored)", "the first page again, whatever is asked for"),
    _row("P05", "OK AZ JC", "next(host=evil.test)", "the next link names another host"),
    _row("P06", "AZ SC OK", "page(empty)@page=2", "an empty page that has a next one"),
    _row("P07", "JC", "null_rows(3)@op=members", "null rows and short pages in the middle of a list"),
    _row("P08", "AZ SC OK", "cursor(expired)@page=3", "the page cursor expires during the walk"),
    _row("P13", "OK", "link(form=merged)", "a Link header in an unusual but legal form"),
    _row("P15", "OL JC SC", "count(missing)", "the stated count is missing, or grows"),
    _row("P16", "SC", "count(low)", "the stated count is wrong"),
    _row("P17", "SC", "items_per_page(wrong)", "the stated page size is wrong"),
    _row("P18", "AZ SC JC", "drop_key", "the list is missing from the answer"),
    _row("P19", "all", "rows_without_id(1)", "rows without an id"),
    _row("P20", "SC", "mode(cursor_only)", "pages by cursor, without having been asked"),
    _row("P21", "all", "fail(500)@page=2,times=always", "an error on the second of n pages"),
    _row("P22", "AZ", "fewer_properties@page=2", "later pages carry fewer properties"),
    _row("P24", "OL", "fields(ignored)", "rows without role_ids"),
    _row("P26", "OK SC", "filter(refused)", "the filter is refused"),
    _row("P30", "all", "half(0.5)", "200 with half the rows, and a legal end"),
    _row("C01", "all", "double(1)", "a row comes twice, equal"),
    _row("C02", "all", "double(changed)", "a row comes twice, the second time as an older copy"),
    _row("C03", "OL JC SC", "delete_between(page=2)", "somebody is deleted between two pages"),
    _row("C04", "OL JC SC", "swap_between(page=2)", "one is deleted and one created between two pages"),
    _row("C05", "all", "hide(user)", "a living person is missing from the list"),
    _row("C06", "OK SC AZ", "lag(index=10)", "the search index is behind the truth"),
    _row("C07", "OK", "lag(membership=6)", "lastMembershipUpdated comes late"),
    _row("C08", "OL", "lag(roles=90)", "a role is granted and shows late"),
    _row("C09", "all", "clock(skew=7200)", "the server's clock is two hours ahead"),
    _row("C10", "all", "dates(odd)", "dates in odd forms"),
    _row("C11", "all", "empty_users", "the whole directory reads as empty"),
    _row("C12", "all", "shrink_scope(0.4)", "a change of scope takes 40 % of the people out of sight"),
    _row("C13", "all", "flap(user)", "somebody is suspended on one page and active again on the last"),
    _row("D01", "AZ", "delta_expired(400)", "the delta token is not known any more"),
    _row("D02", "AZ", "delta_expired(410)", "the delta token is refused with the address of a new round"),
    _row("D03", "AZ", "delta_expired(inner)", "a refused delta token whose code lies in the inner error"),
    _row("D04", "AZ", "delta_expired(404)", "a page of a delta round is lost"),
    _row("D05", "AZ", "next(loop=0)@op=delta", "a delta round that never ends"),
    _row("D06", "AZ", "replay", "the change feed repeats itself"),
    _row("D07", "AZ", "split_members(20)", "a group's member changes come in many pieces"),
    _row("D08", "AZ", "soft_delete", "a deleted person, restorable for a while"),
    _row("D09", "AZ", "omit_member_removal", "a deleted person's memberships are not told as removed"),
    _row("D11", "AZ", "absent_fields", "selected properties are missing from a person"),
    _row("D12", "AZ", "no_delta(501)", "there is no change feed here"),
    _row("D13", "AZ", "lag(delta=60)", "changes show in the feed a minute late"),
    _row("D14", "OK JC", "retention(90)", "the log does not reach back that far"),
    _row("D15", "OK JC", "late_event(300)", "events arrive late"),
    _row("U01", "all", "email(none)", "a person without e-mail"),
    _row("U02", "all", "email(invalid)", "e-mails that are none"),
    _row("U03", "all", "email(duplicate)", "two people with one e-mail"),
    _row("U04", "all", "email(reused)", "the e-mail of a deleted person belongs to a new one"),
    _row("U05", "all", "rename_user", "login and e-mail of a person change"),
    _row("U06", "all", "swap_emails", "two people swap their e-mails"),
    _row("U07", "all", "names(hard)", "hard names"),
    _row("U08", "all", "null_fields", "profile fields that are null or absent"),
    _row("U09", "OK", "types(odd)", "attributes of any JSON type"),
    _row("U10", "all", "bad_row(1)", "one bad row in a page"),
    _row("U11", "OL SC", "ids(text)", "ids that are numbers here and texts there"),
    _row("U12", "OL", "username(none)", "a username that is null or empty"),
    _row("U13", "SC", "emails(string)", "an e-mail where a list of them is due"),
    _row("U15", "AZ", "guests(10)", "guests among the people"),
    _row("S01", "all", "status(unknown)", "a status nobody has heard of"),
    _row("S02", "OL", "status(matrix)", "every status beside every state"),
    _row("S03", "JC", "status(matrix)", "state, suspended, activated and account_locked in every mixture"),
    _row("S04", "AZ", "status(null)", "accountEnabled is null"),
    _row("S05", "SC", "status(strings)", "texts where a truth value is due"),
    _row("S06", "OK OL JC", "status(staged)", "an active person is staged again"),
    _row("S07", "OK OL", "status(locked)", "trouble with passwords"),
    _row("G01", "all", "group_name(duplicate)", "two groups with one name"),
    _row("G02", "all", "rename_group", "a group is renamed"),
    _row("G03", "all", "recreate_group", "a group is deleted and made again with the same name"),
    _row("G04", "all", "group_name(hard)", "hard group names"),
    _row("G05", "all", "members(100000)", "a group of 100,000"),
    _row("G06", "OK AZ OL JC SC", "delete_group_between", "a group is deleted before its members are read"),
    _row("G07", "all", "fail(403)@op=members,nth=2", "the members of one group cannot be read"),
    _row("G08", "AZ SC", "members(hidden)", "a group that hides its members"),
    _row("G09", "AZ SC", "nested(depth=3)", "groups in groups"),
    _row("G10", "AZ SC", "members(mixed)", "devices, contacts and applications among the members"),
    _row("G11", "all", "members(unknown_user)", "a member nobody knows"),
    _row("G12", "OL", "groups(v1_only)", "groups are to be had on v1 alone"),
    _row("G13", "OL", "roles(with_users)", "the list of roles names users"),
    _row("G14", "AZ", "batch_item(status=503)", "one item of a batch fails"),
    _row("G15", "AZ", "members(soft_deleted)", "a deleted member breaks the reading of a group"),
    _row("G16", "SC", "excluded(ignored)", "excludedAttributes does nothing"),
    _row("G18", "SC", "groups(on_users)", "no /Groups: people say which groups they are in"),
    _row("F01", "AZ", "photo(404)", "nobody has a photo"),
    _row("F02", "AZ", "photo(no_mailbox)", "photos need a mailbox that is not there"),
    _row("F03", "AZ", "throttle@op=photo", "429 on photos"),
    _row("F04", "AZ", "photo(4MB)", "photos of four megabytes"),
    _row("F05", "OK OL JC", "picture(odd)", "pictures that are no https URL"),
    _row("N01", "OK AZ", "hook(verify)", "a hook's address is asked to prove itself again"),
    _row("N02", "OK AZ OL JC", "hook(forged)", "a hook's call with another secret"),
    _row(
        "N03", "OK AZ OL JC", "hook(duplicate)", "a hook's call comes twice; also hook(late) and hook(flood)"
    ),
    _row("N04", "AZ", "hook(reauthorize)", "a subscription is about to end; also hook(removed)"),
)
"""One entry per row; the row's own spec is used when a fault is asked for by its id."""

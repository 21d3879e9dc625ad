"""Which of the IdP's attributes become which fields of a user: one rule a field, applied to a record.

Fields are those of the profile, the userName, and further ones, which stand under ``extra``. A
rule that finds nothing takes its default, else it clears the field. The IdP's id, the status and
everything that is ours are not to be mapped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sync import expression
from sync.expression import BadRule, Tree
from sync.model.connection import AttributeRule, Policy
from sync.model.resources import DirectoryUser, UserRecord

PROFILE: Final = frozenset({"email", "first_name", "last_name", "picture_url", "user_name"})
"""The fields that a record has of its own; every other one is a further field."""

EXTERNAL: Final = "scim_external_id"
"""Not an admin's to map: the value the IdP sends as SCIM ``externalId`` (matching.external_id)."""

TAKEN: Final = frozenset(
    {"id", "external_id", EXTERNAL, "active", "status", "status_text", "managed", "tags", "connections"}
    | {"version", "created_at", "updated_at", "extra", "protected", "admin", "origin", "groups", "source"}
)
"""Names that mean something else of ours."""

FIELDS_MAX: Final = 50
"""Fields that one connection may map."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SCIM: Final = frozenset(
    {"externalId", "userName", "name", "displayName", "nickName", "profileUrl", "title", "userType"}
    | {"preferredLanguage", "locale", "timezone", "active", "emails", "phoneNumbers", "ims", "photos"}
    | {"addresses", "entitlements", "roles", "x509Certificates"}
)
"""What a SCIM User may hold (RFC 7643 section 4.1); extensions begin with ``urn:``."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field's rule, parsed."""

    field: str
    tree: Tree
    default: str | None

    def value(self, raw: Mapping[str, Any]) -> str | None:
        """What the field gets from the raw attributes; None clears it."""
        found = expression.value(self.tree, raw)
        if found is not None and self.field == "picture_url" and not found.startswith("https://"):
            found = None
        return found if found is not None and found.strip() else self.default

    @property
    def speaks_scim(self) -> bool:
        """Whether a pushed document can answer it: a constant, or a path that may begin there."""
        firsts = [str(path.steps[0]) for path in expression.paths(self.tree)]
        return not firsts or any(first in _SCIM or first.startswith("urn:") for first in firsts)


@dataclass(frozen=True, slots=True)
class FieldMap:
    """All rules of a connection."""

    rules: tuple[FieldRule, ...]

    @property
    def wanted(self) -> frozenset[tuple[str, ...]]:
        """The key paths that a provider has to give as raw attributes: ``("profile", "nickName")``."""
        return frozenset(path.keys for rule in self.rules for path in expression.paths(rule.tree))

    def record(self, record: UserRecord, raw: Mapping[str, Any]) -> UserRecord:
        """The record as the rules make it of the raw attributes."""
        return _filled(record, {rule.field: rule.value(raw) for rule in self.rules})

    def pushed(
        self, record: UserRecord, document: Mapping[str, Any], row: DirectoryUser | None
    ) -> UserRecord:
        """The record as the rules make it of a SCIM document.

        A field whose rule only the IdP's own API can answer keeps what the last pull made of it;
        a push would otherwise undo the pull, and the next pull the push.
        """
        values: dict[str, str | None] = {}
        for rule in self.rules:
            if rule.field == EXTERNAL:
                continue
            if rule.speaks_scim:
                values[rule.field] = rule.value(document)
            elif row is not None:
                known = getattr(row, rule.field) if rule.field in PROFILE else row.extra.get(rule.field)
                values[rule.field] = known
        return _filled(record, values)


def map_of(policy: Policy) -> FieldMap | None:
    """The policy's rules, parsed once; None when nothing is mapped. Raises BadRule."""
    return _parsed(policy.mapping) if policy.mapping else None


def check_fields(fields: Collection[str]) -> None:
    """Raise BadRule for a field that no admin may map, naming it."""
    for field in fields:
        if field in TAKEN or not _NAME.fullmatch(field):
            known = ", ".join(sorted(PROFILE))
            raise BadRule(
                f"{field} is no field to map: use {known}, "
                "or a name of your own in small letters, digits and _"
            )
    if len(fields) > FIELDS_MAX:
        raise BadRule(f"{len(fields)} fields are mapped; {FIELDS_MAX} is the most")


@lru_cache(maxsize=64)
def _parsed(mapping: tuple[AttributeRule, ...]) -> FieldMap:
    return FieldMap(
        tuple(FieldRule(each.field, expression.parse(each.rule), each.default) for each in mapping)
    )


def _filled(record: UserRecord, values: Mapping[str, str | None]) -> UserRecord:
    """The record with these fields; the further ones sorted, those without a value left out."""
    own: dict[str, Any] = {
        name: value for name, value in values.items() if name in PROFILE or name == EXTERNAL
    }
    if "user_name" in own:
        own["user_name"] = own["user_name"] or ""
    further = sorted((name, value) for name, value in values.items() if value and name not in own)
    return record._replace(**own, extra=tuple(further))

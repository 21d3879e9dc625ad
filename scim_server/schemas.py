"""The schemas we keep, as data: core User and Group and the enterprise extension (RFC 7643 §4, §8.7).

Only what is stored is announced. Departures from the RFC's listing, each by its own text: Group
``displayName`` is required (§4.2), ``members.display`` exists (§2.4), the manager's ``value`` and
``$ref`` are not required, ``password`` is absent because it is discarded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast, get_args

import orjson

from scim_server.attributes import Attribute, AttributeType, ResourceType, Schema
from sync.model.errors import Misconfigured
from sync.model.session import Kind

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

A = Attribute

COMMON = (
    A(
        name="id",
        description="The server's own identifier, never reused.",
        case_exact=True,
        mutability="readOnly",
        returned="always",
        uniqueness="server",
    ),
    A(name="externalId", description="The client's identifier of the resource.", case_exact=True),
    A(
        name="schemas",
        description="The URNs of the schemas the resource uses.",
        type="reference",
        multi_valued=True,
        mutability="readOnly",
        returned="always",
    ),
    A(
        name="meta",
        description="What the server says about the resource.",
        type="complex",
        mutability="readOnly",
        sub=(
            A(name="resourceType", description="User or Group.", case_exact=True, mutability="readOnly"),
            A(name="created", description="When it was created.", type="dateTime", mutability="readOnly"),
            A(
                name="lastModified",
                description="When it last changed.",
                type="dateTime",
                mutability="readOnly",
            ),
            A(
                name="location",
                description="Its absolute address.",
                type="reference",
                case_exact=True,
                mutability="readOnly",
            ),
            A(name="version", description="Its entity tag.", case_exact=True, mutability="readOnly"),
        ),
    ),
)


def _plural(
    name: str, what: str, types: tuple[str, ...] = (), value_type: AttributeType = "string", **value: Any
) -> Attribute:
    """A multi-valued attribute of the usual shape (RFC 7643 §2.4)."""
    return A(
        name=name,
        description=f"{what} of the user.",
        type="complex",
        multi_valued=True,
        sub=(
            A(name="value", description=f"The value: {what.lower()}.", type=value_type, **value),
            A(name="display", description="A text to show."),
            A(name="type", description="What it is used for.", canonical_values=types),
            A(
                name="primary",
                description="Whether it is the preferred one; true at most once.",
                type="boolean",
            ),
        ),
    )


USER_SCHEMA = Schema(
    urn=CORE,
    name="User",
    description="User Account",
    attributes=(
        A(
            name="userName",
            description="The unique name the person signs in with.",
            required=True,
            uniqueness="server",
        ),
        A(
            name="name",
            description="The parts of the person's name.",
            type="complex",
            sub=(
                A(name="formatted", description="The full name, ready to show."),
                A(name="familyName", description="The family name."),
                A(name="givenName", description="The given name."),
                A(name="middleName", description="The middle names."),
                A(name="honorificPrefix", description="The title before the name."),
                A(name="honorificSuffix", description="The suffix after the name."),
            ),
        ),
        A(name="displayName", description="The name to show."),
        A(name="nickName", description="The casual name."),
        A(
            name="profileUrl",
            description="The address of an online profile.",
            type="reference",
            reference_types=("external",),
            case_exact=True,
        ),
        A(name="title", description="The job title."),
        A(name="userType", description="The relation to the organisation."),
        A(name="preferredLanguage", description="The preferred written or spoken language."),
        A(name="locale", description="The locale for dates, numbers and currency."),
        A(name="timezone", description="The time zone by its IANA name."),
        A(name="active", description="Whether the person has access.", type="boolean"),
        _plural("emails", "E-mail addresses", ("work", "home", "other")),
        _plural("phoneNumbers", "Phone numbers", ("work", "home", "mobile", "fax", "pager", "other")),
        _plural("ims", "Instant messaging addresses"),
        _plural(
            "photos",
            "Pictures",
            ("photo", "thumbnail"),
            "reference",
            reference_types=("external",),
            case_exact=True,
        ),
        A(
            name="addresses",
            description="Postal addresses of the user.",
            type="complex",
            multi_valued=True,
            sub=(
                A(name="formatted", description="The whole address, ready to show."),
                A(name="streetAddress", description="Street and house."),
                A(name="locality", description="City."),
                A(name="region", description="State or region."),
                A(name="postalCode", description="Postal code."),
                A(name="country", description="Country, ISO 3166-1 alpha-2."),
                A(
                    name="type",
                    description="What it is used for.",
                    canonical_values=("work", "home", "other"),
                ),
                A(name="primary", description="Whether it is the preferred one.", type="boolean"),
            ),
        ),
        A(
            name="groups",
            description="The groups the user is in, directly or through another group.",
            type="complex",
            multi_valued=True,
            mutability="readOnly",
            sub=(
                A(name="value", description="The group's id.", mutability="readOnly", case_exact=True),
                A(
                    name="$ref",
                    description="The group's address.",
                    type="reference",
                    mutability="readOnly",
                    case_exact=True,
                    reference_types=("Group",),
                ),
                A(name="display", description="The group's name.", mutability="readOnly"),
                A(
                    name="type",
                    description="How the user came to be in it.",
                    mutability="readOnly",
                    canonical_values=("direct", "indirect"),
                ),
            ),
        ),
        _plural("entitlements", "Entitlements"),
        _plural("roles", "Roles"),
        _plural("x509Certificates", "Certificates", (), "binary", case_exact=True),
    ),
)

GROUP_SCHEMA = Schema(
    urn=GROUP,
    name="Group",
    description="Group",
    attributes=(
        A(name="displayName", description="The group's name.", required=True),
        A(
            name="members",
            description="Who is in the group.",
            type="complex",
            multi_valued=True,
            sub=(
                A(name="value", description="The member's id.", mutability="immutable", case_exact=True),
                A(
                    name="$ref",
                    description="The member's address.",
                    type="reference",
                    mutability="immutable",
                    case_exact=True,
                    reference_types=("User", "Group"),
                ),
                A(
                    name="type",
                    description="What the member is.",
                    mutability="immutable",
                    canonical_values=("User", "Group"),
                ),
                A(name="display", description="A text to show.", mutability="immutable"),
            ),
        ),
    ),
)

ENTERPRISE_SCHEMA = Schema(
    urn=ENTERPRISE,
    name="EnterpriseUser",
    description="Enterprise User",
    attributes=(
        A(name="employeeNumber", description="The number the organisation gave the person."),
        A(name="costCenter", description="The cost centre."),
        A(name="organization", description="The organisation."),
        A(name="division", description="The division."),
        A(name="department", description="The department."),
        A(
            name="manager",
            description="The person's manager.",
            type="complex",
            sub=(
                A(name="value", description="The manager's id.", case_exact=True),
                A(
                    name="$ref",
                    description="The manager's address.",
                    type="reference",
                    case_exact=True,
                    reference_types=("User",),
                ),
                A(name="displayName", description="The manager's name.", mutability="readOnly"),
            ),
        ),
    ),
)

LEGACY_USER = {
    "urn:scim:schemas:core:1.0": CORE,
    "urn:scim:schemas:core:2.0": CORE,
    "urn:scim:schemas:core:2.0:user": CORE,
    "urn:scim:schemas:extension:enterprise:1.0": ENTERPRISE,
    "urn:scim:schemas:extension:enterprise:2.0": ENTERPRISE,
    "urn:scim:schemas:extension:enterprise:1.0:user": ENTERPRISE,
    "urn:scim:schemas:extension:enterprise:2.0:user": ENTERPRISE,
}
LEGACY_GROUP = {
    "urn:scim:schemas:core:1.0": GROUP,
    "urn:scim:schemas:core:2.0": GROUP,
    "urn:scim:schemas:core:2.0:group": GROUP,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Catalogue:
    """The resource types a connection speaks, with the extensions its settings add."""

    user: ResourceType
    group: ResourceType

    def of(self, kind: Kind) -> ResourceType:
        return self.user if kind is Kind.USER else self.group

    @property
    def types(self) -> tuple[ResourceType, ...]:
        return (self.user, self.group)

    @property
    def schemas(self) -> tuple[Schema, ...]:
        return tuple(schema for each in self.types for schema in (each.schema, *each.extensions))


def _catalogue(
    user_extensions: tuple[Schema, ...] = (), group_extensions: tuple[Schema, ...] = ()
) -> Catalogue:
    return Catalogue(
        user=ResourceType(
            kind=Kind.USER,
            endpoint="/Users",
            description="User Account",
            schema=USER_SCHEMA,
            common=COMMON,
            extensions=(ENTERPRISE_SCHEMA, *user_extensions),
            legacy=LEGACY_USER,
        ),
        group=ResourceType(
            kind=Kind.GROUP,
            endpoint="/Groups",
            description="Group",
            schema=GROUP_SCHEMA,
            common=COMMON,
            extensions=group_extensions,
            legacy=LEGACY_GROUP,
        ),
    )


STANDARD = _catalogue()


def catalogue_of(settings: Mapping[str, Any]) -> Catalogue:
    """The catalogue of a connection: the standard one and the extensions of its setting ``extensions``.

    Raises Misconfigured when they are no schemas.

    The setting is ``{"User": [schema, …], "Group": [schema, …]}``, each schema in the form of RFC 7643 §7.
    """
    extensions = settings.get("extensions")
    return _configured(orjson.dumps(extensions)) if extensions else STANDARD


_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9:._-]{1,200}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,100}")


@lru_cache(maxsize=64)
def _configured(text: bytes) -> Catalogue:
    given = orjson.loads(text)
    return _catalogue(_schemas(given.get("User", [])), _schemas(given.get("Group", [])))


def _schemas(definitions: Any) -> tuple[Schema, ...]:
    if not isinstance(definitions, list):
        raise Misconfigured("Schema extensions are lists of schemas, under User and under Group.")
    return tuple(_schema(given) for given in definitions)


def _schema(given: Any) -> Schema:
    urn = given.get("id") if isinstance(given, dict) else None
    if not isinstance(urn, str) or _URN.fullmatch(urn) is None:
        raise Misconfigured('A schema extension needs an "id" such as urn:example:scim:extension:User.')
    if urn.lower() in {known.lower() for known in (CORE, GROUP, ENTERPRISE)}:
        raise Misconfigured(f"The schema {urn} is there already; an extension has a URN of its own.")
    attributes = given.get("attributes")
    if not isinstance(attributes, list) or not attributes:
        raise Misconfigured(f'The schema {urn} needs its "attributes", in the form of RFC 7643 section 7.')
    return Schema(
        urn=urn,
        name=str(given.get("name", urn)),
        description=str(given.get("description", "")),
        attributes=tuple(_attribute(each) for each in attributes),
    )


def _attribute(given: Any) -> Attribute:
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise Misconfigured(f"A schema attribute needs a name of letters, digits, - and _, not {name!r}.")
    if not isinstance(given.get("subAttributes", []), list):
        raise Misconfigured(f"The subAttributes of {name} must be a list.")
    kind = given.get("type", "string")
    if kind not in get_args(AttributeType):
        raise Misconfigured(f"The schema attribute {given.get('name')!r} has the unknown type {kind!r}.")
    return A(
        name=given["name"],
        description=given.get("description", ""),
        type=cast("AttributeType", kind),
        multi_valued=given.get("multiValued", False),
        case_exact=given.get("caseExact", False),
        mutability=given.get("mutability", "readWrite"),
        returned=given.get("returned", "default"),
        canonical_values=tuple(given.get("canonicalValues", ())),
        reference_types=tuple(given.get("referenceTypes", ())),
        sub=tuple(_attribute(each) for each in given.get("subAttributes", ())),
    )

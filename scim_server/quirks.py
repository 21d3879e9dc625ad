"""Every leniency by name: whose it is, what the client does, where that is known from, which knob changes it.

The names are used by tests, counters, settings and the console, and never change their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """What happens without it: a real IdP breaks, somebody is bothered, nobody notices."""

    MUST = "must"
    SHOULD = "should"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """One way in which a client differs from the RFCs, or leans on what they leave open.

    ``source`` is the vendor's documentation or a public report of what happens otherwise; ``knob`` the
    setting that changes our answer, None where there is no choice.
    """

    name: str
    idp: str
    symptom: str
    source: str
    weight: Weight
    knob: str | None = None


_DOCUMENTATION: Mapping[str, str] = {
    "okta": "Okta developer documentation, SCIM protocol and its test suite",
    "entra": "Microsoft Learn, developing a SCIM endpoint and known issues",
    "onelogin": "OneLogin developer documentation, SCIM provisioning",
    "jumpcloud": "JumpCloud support documentation, custom SCIM connectors",
    "google": "Google Workspace administrator documentation, user provisioning",
    "rippling": "Rippling developer documentation, SCIM",
    "ping": "Ping Identity documentation, SCIM outbound provisioning",
    "generic": "RFC 7643 and RFC 7644, as clients read them",
}


def _row(
    name: str, symptom: str, weight: Weight = Weight.MUST, *, source: str = "", knob: str | None = None
) -> Quirk:
    idp = name.partition("_")[0]
    return Quirk(
        name=name, idp=idp, symptom=symptom, source=source or _DOCUMENTATION[idp], weight=weight, knob=knob
    )


QUIRKS: tuple[Quirk, ...] = (
    _row(
        "okta_test_credentials",
        "The connection test reads pages of users and groups and wants numbers, not texts",
    ),
    _row(
        "okta_lookup_username",
        "Looks up userName before every create; anybody absent must be an empty list, never 404",
    ),
    _row("okta_create", "Creates with externalId, a placeholder password and an empty groups list"),
    _row("okta_duplicate", "Creates again what exists and links to what its look-up finds after a 409"),
    _row("okta_put_merged", "Sends our own answer back with new values, id, meta, groups and $ref inside"),
    _row("okta_deactivate_patch", "Deactivates by a replace without path"),
    _row("okta_deactivate_put", "Deactivates and reactivates by PUT"),
    _row("okta_reactivate", "Looks for the inactive row first, then sets it active"),
    _row(
        "okta_reprovision_post",
        "Creates again somebody inactive: the same row comes back active",
        source="better-auth/better-auth#11111",
        knob="reactivate_on_post",
    ),
    _row("okta_password_sync", "Sends passwords, which are thrown away", source="langfuse/langfuse#16027"),
    _row("okta_no_delete", "Sends no DELETE for users; silence means nothing"),
    _row("okta_import_pages", "Imports page by page in a stable order and reads past the end"),
    _row("okta_photo", "Sends a picture and changes it by a value path"),
    _row("okta_group_lookup", "Looks up a group by displayName before it pushes it"),
    _row("okta_group_create", "Creates groups with an empty member list and no externalId"),
    _row("okta_member_without_type", "Sends members without type", source="Captain-P-Goldfish/SCIM-SDK#419"),
    _row("okta_push_membership", "Removes and adds members in one PATCH; all others stay"),
    _row("okta_push_now", "Replaces the whole member list"),
    _row(
        "okta_empty_group",
        "Empties a group by replacing members with [], with or without a path",
        source="jelhub/scimgateway#113",
    ),
    _row(
        "okta_group_rename",
        "Renames by a replace without path that repeats the id",
        source="langwatch/langwatch#7131",
    ),
    _row("okta_group_put", "Sends a whole group back under its own name", source="lightdash/lightdash#15035"),
    _row("okta_member_add_twice", "Adds a member who is there already", source="Infisical/infisical#2138"),
    _row("okta_member_remove_absent", "Removes somebody who is no member"),
    _row(
        "okta_unknown_member",
        "Sends an id among the members that nobody has yet",
        Weight.SHOULD,
        source="fleetdm/fleet#52600",
        knob="unknown_members",
    ),
    _row("okta_group_delete", "Deletes a group, perhaps twice"),
    _row(
        "okta_odd_display_names", "Filters by names with quotation marks, backslashes, brackets and accents"
    ),
    _row("okta_user_groups", "Shows the groups of a user", Weight.SHOULD),
    _row("okta_error_bodies", "Shows the detail of our errors to its admin"),
    _row("okta_no_content_type", "Posts without Content-Type", Weight.SHOULD),
    _row("okta_bad_filter", "A single bare word is no filter"),
    _row("entra_test_connection", "The connection test looks up random names and wants empty lists"),
    _row("entra_content_type", "Sends a charset with the content type"),
    _row("entra_create", "Lists the enterprise schema without data, sends meta and empty roles"),
    _row("entra_null_attributes", "Sends null for whatever is empty"),
    _row(
        "entra_string_booleans", "Sends booleans as the texts True and False", source="ssoready/ssoready#155"
    ),
    _row("entra_op_casing", "Writes Add, Replace and Remove", source="langwatch/langwatch#7121"),
    _row(
        "entra_value_path_creates",
        "Writes to the work e-mail of somebody without one",
        source="Metatavu/keycloak-scim-server#40",
        knob="unmatched_value_path",
    ),
    _row("entra_value_path_primary", "Makes an entry primary by a value path, as a text"),
    _row("entra_path_casing", "Writes sub-attributes in capitals in paths"),
    _row("entra_body_casing", "Writes attribute names in capitals in bodies"),
    _row("entra_roles_primary_string", "Selects the role whose primary equals the text True"),
    _row("entra_pathless_keys", "Uses dotted, bracketed and URN keys in a value without path"),
    _row("entra_pathless_extension", "Writes the extension as an object without path, null to clear"),
    _row("entra_flag_query", "Adds its feature flag to the query"),
    _row("entra_manager_string", "Sets the manager to a bare id"),
    _row("entra_manager_shapes", "Sets the manager as a list of one or without $ref", Weight.SHOULD),
    _row("entra_manager_remove", "Removes the manager by remove or by an empty text"),
    _row("entra_group_create", "Lists a schema of its own on groups"),
    _row("entra_member_null_ref", "Adds members whose $ref is null"),
    _row(
        "entra_remove_value_list",
        "Removes members by value: only those named may go",
        source="simpleidserver/SimpleIdServer#164",
        knob="remove_value_list",
    ),
    _row("entra_exclude_members", "Reads groups without members, which must not be loaded either"),
    _row("entra_reference_check", "Asks whether one user is in one group, or has one manager", Weight.SHOULD),
    _row("entra_filter_work_email", "Matches by work e-mail, externalId or displayName in any case"),
    _row(
        "entra_unquoted_literals",
        "Leaves out the quotation marks in filters",
        Weight.SHOULD,
        knob="unquoted_literals",
    ),
    _row("entra_soft_delete", "Sets active false and still reads the user"),
    _row("entra_hard_delete", "Deletes a user later, who leaves every group"),
    _row(
        "entra_duplicate_group", "Creates a second group of one name", Weight.SHOULD, knob="group_name_unique"
    ),
    _row("entra_patch_group_ids", "Replaces externalId and displayName of a group together"),
    _row("entra_patch_sequence", "Removes, adds and replaces one attribute in one PATCH"),
    _row(
        "entra_empty_operations",
        "Sends no operations at all when it validates",
        Weight.SHOULD,
        source="scimmyjs/scimmy#59",
    ),
    _row("entra_patch_envelope", "Leaves out schemas and adds names of its own in a PATCH", Weight.SHOULD),
    _row("entra_remove_with_value", "Gives a value to the removal of a single attribute"),
    _row("entra_unknown_attribute", "Sends attributes nobody knows", knob="unknown_attributes"),
    _row("entra_attributes_with_filter", "Asks for attributes by a value path", Weight.SHOULD),
    _row("entra_schemas_read", "Reads the schemas and wants no null in them", Weight.SHOULD),
    _row("entra_lowercase_route", "Writes the collection in lower case", Weight.SHOULD),
    _row(
        "entra_display_not_invented",
        "Rejects answers with sub-attributes it did not send",
        Weight.SHOULD,
        source="sourcegraph/sourcegraph-public-snapshot#62185",
    ),
    _row(
        "entra_addresses_list",
        "Wants addresses as a list, or pushes them again for ever",
        source="grokability/snipe-it#19183",
    ),
    _row("entra_roles_json_string", "Sends a JSON document as the text of a role", Weight.OPTIONAL),
    _row(
        "entra_never_500", "Repeats a request that got a 500 without end", source="lightdash/lightdash#24458"
    ),
    _row("onelogin_trailing_query", "Leaves stray & and ? at the end of addresses"),
    _row("onelogin_legacy_urns", "Uses the schema URNs of SCIM 1.1 and of drafts"),
    _row(
        "onelogin_template_strings",
        "Sends what the admin's template holds: texts, nulls, unlisted extensions",
    ),
    _row("onelogin_numeric_booleans", "Sends booleans as 0 and 1", Weight.SHOULD),
    _row("onelogin_empty_strings", "Sends empty texts for what is unset", Weight.SHOULD, knob="empty_string"),
    _row("onelogin_suspend_delete", "Suspends by PUT or PATCH, or deletes, as its app says"),
    _row(
        "onelogin_role_groups",
        "Makes groups of roles and changes them by PATCH",
        source="goauthentik/authentik#11249",
    ),
    _row("jumpcloud_test_connection", "The Activate button walks through a whole life of a user and a group"),
    _row("jumpcloud_recreate", "Creates a deleted user again and wants a new id"),
    _row("jumpcloud_repeat_add", "Adds the same member again and again", source="Infisical/infisical#2138"),
    _row("jumpcloud_groups_put", "Updates groups by PUT or PATCH", knob="put_absent_members"),
    _row(
        "google_json_content_type", "Sends application/json and accepts anything", source="pond/scimitar#142"
    ),
    _row("google_inactive_create", "Creates people who are not active yet", source="getprobo/probo#711"),
    _row("google_mixed_urns", "Lists old and new schema URNs together", source="grokability/snipe-it#12642"),
    _row("rippling_spc_first", "Reads ServiceProviderConfig as its connection test"),
    _row(
        "rippling_retried_post",
        "Posts again after a timeout, with one externalId",
        Weight.SHOULD,
        knob="external_id_unique",
    ),
    _row("ping_operator_case", "Writes filter operators in capitals"),
    _row("ping_complex_without_sub", "Compares emails without .value"),
    _row("generic_core_wrapped", "Wraps the core attributes in an object under their URN", Weight.SHOULD),
    _row("generic_lowercase_operations", "Writes operations in lower case", Weight.SHOULD),
    _row("generic_core_urn_path", "Puts the core URN before a path", Weight.SHOULD),
    _row("generic_trailing_slash", "Ends addresses with a slash", Weight.SHOULD),
    _row(
        "generic_nested_members",
        "Wraps the members in another members object",
        Weight.SHOULD,
        source="Salesforce",
    ),
    _row("generic_pathless_members", "Adds members without a path, which appends", source="WSO2"),
    _row(
        "generic_bare_string_member", "Sends a bare text where an object with a value is meant", Weight.SHOULD
    ),
    _row(
        "generic_single_object", "Sends one object for a list, or a list of one for an object", Weight.SHOULD
    ),
    _row("generic_extra_json", "Repeats keys, or says text/json", Weight.SHOULD),
    _row("generic_number_and_text", "Sends numbers for texts, or texts for numbers", Weight.SHOULD),
    _row(
        "generic_member_without_value", "Sends members nobody can identify: they are left out", Weight.SHOULD
    ),
    _row(
        "generic_unreadable_members",
        "Sends a member list of which nothing can be read: nobody is removed",
        Weight.SHOULD,
    ),
    _row("generic_null_members", "Sends members null beside other values: membership stays", Weight.SHOULD),
    _row("generic_read_only_path", "Writes to what only the server sets: it is passed over", Weight.SHOULD),
    _row(
        "generic_replacement_unknown",
        "Replaces all members by ids nobody has: nobody is removed",
        Weight.SHOULD,
        source="Metatavu/keycloak-scim-server#107",
    ),
)

BY_NAME: Mapping[str, Quirk] = {quirk.name: quirk for quirk in QUIRKS}

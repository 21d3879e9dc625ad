"""Words of the console: what was done and what would be, and mistakes in the words of the form."""

from connector.web.field_mistakes import in_labels
from connector.web.setting_fields import fields_of
from connector.web.words import outcome

COUNTS = {"member_remove": 10, "suspend": 1, "create": 0}


def test_what_waits_is_not_told_as_done() -> None:
    """A run that is held or only looked says what it would do; one that ended says what it did."""
    ended = {"dry_run": False, "state": "succeeded", "counts": COUNTS}
    assert outcome(ended) == "1 suspended, 10 memberships removed"
    would = "1 person to suspend, 10 memberships to remove"
    assert outcome(ended | {"state": "held"}) == outcome(ended | {"dry_run": True}) == would
    assert outcome(ended | {"dry_run": True, "counts": {}}) == "nothing to do"


def test_a_mistake_calls_settings_as_the_form_does() -> None:
    """Who fills in a form reads its labels, not names of settings, and not which connection it is."""
    told = in_labels(
        "connection acme: a pull from azure needs tenant_id and client_id; or set mode=push",
        fields_of("credentials", "azure"),
    )
    assert told == (
        "A pull from azure needs “Directory (tenant) ID” and “Application (client) ID”; or let it only push"
    )

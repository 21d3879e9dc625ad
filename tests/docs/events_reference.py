"""The reference of events: what each type tells, with the example that the engine itself told."""

from __future__ import annotations

from pathlib import Path

from sync import event

GOLDEN = Path(__file__).parents[1] / "golden" / "events"

_HEAD = """\
# Events

Every event a webhook brings or the feed shows, with one true example each. [Webhooks](webhooks.md) and [the feed](feed.md) tell the same events with the same sequence numbers.

All of them have `id` (the same in every retry and replay), `type`, `sequence` (its place in the feed), `occurred_at`, `connection` (its `id` and `name`), `run` (the pull it came with, `null` for a push or somebody's hand) and `actor` (who did it). Those about a user or group have further:

| field | is |
|---|---|
| `subject` | whom it is about: `id` is the user's (or group's) id here, as in the view `app_users`; `directory_id` that of the record at the connection; `external_id` the identity provider's own; `label` for people |
| `reason` | why, in a few words |
| `changes` | `before` and `after`, with only the fields that differ |
| `snapshot` | the state after the change; of changes of members, who came or left |

In `snapshot.members` each member has `kind`: `user` (then `user_id` is the account's id, `null` while the person has no account), `group` for a nested group, or `pending` for somebody whom the directory has only named so far, who is told again as added once known.

New fields and new types may be added; none is taken away or changes its meaning. Pass over what you do not know.

| type | tells |
|---|---|
"""


def page() -> str:
    """The whole page as Markdown."""
    rows = [f"| [`{each}`](#{_anchor(each)}) | {event.ABOUT[each]} |" for each in event.ALL_TYPES]
    return _HEAD + "\n".join(rows) + "\n\n" + "\n".join(map(_section, event.ALL_TYPES))


def _section(type: str) -> str:
    example = (GOLDEN / f"{type}.json").read_text(encoding="utf-8")
    return f"## {type}\n\n{event.ABOUT[type]}\n\n```json\n{example}```\n"


def _anchor(type: str) -> str:
    """The heading's anchor, as GitHub and MkDocs make it."""
    return type.replace(".", "")

"""The support table of the SCIM endpoint, written from the named quirks."""

from __future__ import annotations

from scim_server.quirks import QUIRKS, Quirk

_HEAD = """\
# What SCIM clients do, and what is made of it

Each row is a way in which a client differs from RFC 7643 and RFC 7644, or leans on what they leave open. Each has a name, which tests, counters and settings use, and a test of that name. *must*: without it a real identity provider breaks; *should*: somebody is bothered; *optional*: hardly anybody would notice. Where a setting is named, it changes the answer: `connector connections set NAME scim.KEY=VALUE`.

How the endpoint works: [SCIM](../build/scim.md).
"""
_NAMES = {"okta": "Okta", "entra": "Microsoft Entra ID", "onelogin": "OneLogin", "jumpcloud": "JumpCloud"}
_NAMES |= {
    "google": "Google Workspace",
    "rippling": "Rippling",
    "ping": "Ping Identity",
    "generic": "Any client",
}


def page() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD]
    for idp in dict.fromkeys(each.idp for each in QUIRKS):
        rows = [_row(each) for each in QUIRKS if each.idp == idp]
        head = f"## {_NAMES.get(idp, idp)}\n\n| name | what the client does | weight | setting |\n|---|---|---|---|\n"
        parts.append(head + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(quirk: Quirk) -> str:
    knob = f"`scim.{quirk.knob}`" if quirk.knob else "–"
    symptom = quirk.symptom.replace("|", "\\|")
    return f"| `{quirk.name}` | {symptom} | {quirk.weight} | {knob} |"

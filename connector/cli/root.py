"""The root of the command line: every verb by name, each loaded when it is used."""

from __future__ import annotations

import click

from connector.cli.lazy import LazyGroup

_VERBS = {
    "demo": ("connector.cli.demo:demo", "Show the product at work on a simulated directory."),
    "simulate": ("connector.cli.simulate:simulate", "Run a simulated IdP on loopback."),
    "init": ("connector.cli.setup:init", "Make config.yaml and a key, and say what to do next."),
    "serve": ("connector.cli.serve:serve", "Run the daemon: schedule, SCIM endpoint, page."),
    "db": ("connector.cli.setup:db", "Upgrade, check or back up the database."),
    "doctor": ("connector.cli.setup:doctor", "Look for what could be wrong, and say what to do about it."),
    "connections": ("connector.cli.connections:connections", "Add, change, test and pause connections."),
    "discover": ("connector.cli.pulls:discover", "Before the first run: who would be linked or made."),
    "tokens": ("connector.cli.tokens:tokens", "List, rotate and revoke SCIM tokens."),
    "plan": ("connector.cli.pulls:plan", "Read the directory and show what would change."),
    "apply": ("connector.cli.pulls:apply", "Approve a held plan and apply it."),
    "sync": ("connector.cli.pulls:sync", "Pull now."),
    "plans": ("connector.cli.plans:plans", "List, show, approve and reject plans."),
    "runs": ("connector.cli.runs:runs", "List, show and take back runs."),
    "users": ("connector.cli.users:users", "List, show, explain, add and protect users."),
    "groups": ("connector.cli.groups:groups", "List and show groups."),
    "attention": ("connector.cli.attention:attention", "List and answer questions about who is who."),
    "freeze": ("connector.cli.attention:freeze", "Switch removals off and on."),
    "notices": ("connector.cli.notices:notices", "What wants a person, and whether it is told."),
    "seats": ("connector.cli.groups:seats", "Show how many seats are used."),
    "audit": ("connector.cli.audit:audit", "List and export who changed what."),
    "accounts": ("connector.cli.accounts:accounts", "Who may sign in to the console."),
    "admin": ("connector.cli.accounts:admin", "Make a link for whoever cannot sign in."),
    "keys": ("connector.cli.accounts:keys", "Make, list and revoke keys of the API."),
    "settings": ("connector.cli.configuration:settings", "List what the configuration says."),
    "status": ("connector.cli.status:status", "Everything on one screen."),
    "export": ("connector.cli.configuration:export", "Write connections and webhooks into a file."),
    "import": ("connector.cli.configuration:import_", "Bring them up to a file, or show the drift."),
    "bundle": ("connector.cli.setup:bundle", "Pack what a helper needs to know, without names or secrets."),
    "completion": ("connector.cli.completion:completion", "Print the completion of verbs for a shell."),
    "events": ("connector.cli.events:events", "List, follow and send again what was told to the outside."),
    "hooks": ("connector.cli.hooks:hooks", "Hear from an IdP at once that something changed."),
    "webhooks": ("connector.cli.webhooks:webhooks", "Call addresses with every event."),
}


@click.group(cls=LazyGroup, lazy=_VERBS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="directory-connector", prog_name="connector")
def root() -> None:
    """Keeps an application's users and group tags equal to the company's directory.

    Start with:  connector demo
    """

"""A directory before and after a day's changes, the same in every process."""

from dataclasses import dataclass

from sync.model.connection import Limit, Policy, Safeguards
from tests.engine.ledger import Ledger

NEWCOMERS = 520
"""More than the engine writes in one transaction."""


@dataclass
class Story:
    ledger: Ledger
    policy: Policy


def before_the_churn() -> Story:
    """Twelve people and three groups."""
    ledger = Ledger(page_size=200, cursor="one")
    for number in range(12):
        ledger.add(f"A{number:03}")
    ids = list(ledger.people)
    ledger.team("G1", "Sales", *ids[:6])
    ledger.team("G2", "Support", *ids[4:9])
    ledger.team("G3", "Gone soon", *ids[:2])
    return Story(ledger, Policy(safeguards=Safeguards(creations=Limit(floor=9999, share=0))))


def after_the_churn() -> Story:
    """Leavers of each kind, joiners, movers, a rename, a group gone and a group new."""
    story = before_the_churn()
    ledger = story.ledger
    ledger.cursor = "two"
    for number in range(NEWCOMERS):
        ledger.add(f"N{number:03}")
    ledger.remove("A000")
    ledger.suspend("A001")
    ledger.change("A002", last_name="Renamed", email="new.a002@example.com")
    ledger.groups["G1"].name = "Revenue"
    ledger.groups["G1"].members ^= {"A003", "N001", "N002"}
    del ledger.groups["G3"]
    ledger.team("G4", "New", "A004", *[f"N{number:03}" for number in range(0, NEWCOMERS, 3)])
    ledger.add("X", email="", user_name="x")
    return story

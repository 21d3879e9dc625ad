"""Fill a directory from its seed, and churn it: the same seed and the same calls give the same people."""

from collections.abc import Sequence
from typing import Any

from providers.simulator import people as names
from providers.simulator.clock import SEED_TIME_S
from providers.simulator.directory import App, Directory, Group, Person, Status

SPRINKLE = (
    (0.015, Status.PROVISIONED),
    (0.005, Status.RECOVERY),
    (0.01, Status.PASSWORD_EXPIRED),
    (0.01, Status.LOCKED),
    (0.015, Status.STAGED),
    (0.015, Status.SUSPENDED),
)
YEARS_S = 6 * 365 * 86_400
LARGEST_SHARE = 0.3


def _status(draw: float) -> Status:
    for share, status in SPRINKLE:
        if draw < share:
            return status
        draw -= share
    return Status.ACTIVE


class Identities:
    """Logins nobody has yet: a second ada.jones becomes ada.jones2."""

    def __init__(self, taken: Sequence[str] = ()) -> None:
        self._seen: dict[str, int] = {}
        self._taken = set(taken)

    def fresh(self, local: str, domain: str) -> str:
        """A login on this domain that was not given out before."""
        while True:
            count = self._seen.get(local, 0) + 1
            self._seen[local] = count
            login = f"{local}{count if count > 1 else ''}@{domain}"
            if login not in self._taken:
                self._taken.add(login)
                return login


def invent(directory: Directory, identities: Identities) -> dict[str, Any]:
    """The fields of a plausible person, in the order of draws that the seed fixes."""
    rng = directory.rng
    first, last, local = names.draw(rng)
    usual, other = directory.domains
    login = identities.fresh(local, other if rng.random() < 0.12 else usual)
    picture = f"https://pictures.example.com/{login.split('@')[0]}.jpg" if rng.random() < 0.3 else None
    return {
        "login": login,
        "email": login,
        "first_name": first,
        "last_name": last,
        "picture_url": picture,
        "department": names.DEPARTMENTS[int(rng.random() * len(names.DEPARTMENTS))],
        "title": names.TITLES[int(rng.random() * len(names.TITLES))],
    }


def _people(directory: Directory, count: int) -> None:
    rng, identities = directory.rng, Identities()
    for _ in range(count):
        created = SEED_TIME_S - int(rng.random() * YEARS_S)
        updated = created + int(rng.random() * (SEED_TIME_S - created))
        fields = invent(directory, identities)
        person = Person(
            id=directory.ids.person(rng),
            status=_status(rng.random()),
            created_at=created,
            updated_at=updated,
            status_changed_at=created,
            **fields,
        )
        directory.people[person.id] = person


def group_sizes(groups: int, users: int, memberships: int | None) -> list[int]:
    """Sizes from 0 to about 30 % of the people, falling as real ones do; they add up to `memberships`."""
    if groups <= 0:
        return []
    cap = max(1, int(users * LARGEST_SHARE))
    if memberships is None:
        return [int(cap * (1 - n / groups) ** 3) if n < groups - 1 else 0 for n in range(groups)]
    if not 0 <= memberships <= groups * users:
        raise ValueError(
            f"{memberships + users} memberships do not fit {groups + 1} groups of {users} people: "
            f"between {users} (Everyone alone) and {(groups + 1) * users} do"
        )
    cap = max(cap, -(-memberships // groups))
    weights = [1 / (n + 1) ** 0.8 for n in range(groups)]
    scale = memberships / sum(weights)
    sizes = [min(cap, int(weight * scale)) for weight in weights]
    missing = memberships - sum(sizes)
    while missing > 0:
        for n in range(groups):
            room = min(cap - sizes[n], max(1, missing // groups), missing)
            sizes[n] += room
            missing -= room
    return sizes


def _groups(directory: Directory, count: int, memberships: int | None) -> None:
    if count <= 0:
        return
    rng, everybody = directory.rng, list(directory.people)
    rest = None if memberships is None else memberships - len(everybody)
    sizes = group_sizes(count - 1, len(everybody), rest)
    everyone = Group(
        id=directory.ids.group(rng),
        name="Everyone",
        kind="built_in",
        members=set(everybody),
        description="All users in your organization",
    )
    directory.groups[everyone.id] = everyone
    for number, size in enumerate(sizes):
        created = SEED_TIME_S - int(rng.random() * YEARS_S)
        name = names.group_name(number)
        group = Group(
            id=directory.ids.group(rng),
            name=name,
            description=f"{name} staff",
            created_at=created,
            updated_at=created,
            members=set(rng.sample(everybody, size)),
            kind="app" if number % 10 == 9 else "ordinary",
        )
        directory.groups[group.id] = group


def _apps(directory: Directory) -> None:
    rng = directory.rng
    ordinary = [group.id for group in directory.groups.values() if group.kind != "built_in" and group.members]
    everybody = list(directory.people)
    for name, label in (("oidc_client", "Directory Connector"), ("bookmark", "Wiki")):
        app = App(id=directory.ids.app(rng), name=name, label=label)
        app.groups.update(rng.sample(ordinary, min(3, len(ordinary))))
        app.people.update(rng.sample(everybody, min(10, len(everybody))))
        directory.apps[app.id] = app


def fill(
    directory: Directory, *, users: int, groups: int, memberships: int | None, scenario: str | None
) -> None:
    """Seed an empty directory; `memberships` counts Everyone's too; ValueError when they cannot be."""
    if scenario not in (None, "demo", "subsidiary"):
        raise ValueError(f"unknown scenario {scenario!r}: leave it out, or use 'demo' or 'subsidiary'")
    if scenario == "subsidiary":
        directory.domains = ("example.net", "example.net")
    _people(directory, users)
    _groups(directory, groups, memberships)
    _apps(directory)
    if scenario == "demo" and directory.people:
        someone = next(p for p in directory.people.values() if p.status is Status.ACTIVE)
        someone.login, someone.email = someone.login.partition("@")[0], None


def churn(
    directory: Directory, *, joiners: int = 0, leavers: int = 0, movers: int = 0, renames: int = 0
) -> dict[str, list[str]]:
    """Let people come, go, change groups and marry; answers who did what, by id.

    Leavers go three ways in turn: the account is closed, deleted, suspended.
    """
    rng = directory.rng
    pool = [person.id for person in directory.people.values() if person.active]
    wanted = leavers + movers + renames
    if wanted > len(pool):
        raise ValueError(f"churn asks for {wanted} people and only {len(pool)} are active")
    chosen = rng.sample(pool, wanted)
    going, moving, renaming = chosen[:leavers], chosen[leavers : leavers + movers], chosen[leavers + movers :]
    for number, person_id in enumerate(going):
        _leave(directory, person_id, number)
    for person_id in moving:
        _move(directory, person_id)
    identities = Identities([person.login for person in directory.people.values()])
    for person_id in renaming:
        _rename(directory, person_id, identities)
    coming = [_join(directory, identities) for _ in range(joiners)]
    return {"joiners": coming, "leavers": going, "movers": moving, "renames": renaming}


def _leave(directory: Directory, person_id: str, number: int) -> None:
    if number % 3 == 1:
        directory.remove_person(person_id)
    else:
        directory.change_person(person_id, status=Status.GONE if number % 3 == 0 else Status.SUSPENDED)


def _move(directory: Directory, person_id: str) -> None:
    ordinary = [group for group in directory.groups.values() if group.kind == "ordinary"]
    inside = [group.id for group in ordinary if person_id in group.members]
    outside = [group.id for group in ordinary if person_id not in group.members]
    if inside:
        directory.remove_member(directory.rng.choice(inside), person_id)
    if outside:
        directory.add_member(directory.rng.choice(outside), person_id)


def _rename(directory: Directory, person_id: str, identities: Identities) -> None:
    person = directory.people[person_id]
    last, local = directory.rng.choice(names.LAST_NAMES)
    was_local, at, domain = person.login.partition("@")
    first_local = was_local.split(".")[0]
    login = identities.fresh(f"{first_local}.{local}", domain)
    if not at:
        login = login.removesuffix("@")
    email = login if person.email is not None else None
    directory.change_person(person_id, last_name=last, login=login, email=email)


def _join(directory: Directory, identities: Identities) -> str:
    person = directory.add_person(**invent(directory, identities))
    ordinary = [group.id for group in directory.groups.values() if group.kind == "ordinary"]
    for group_id in directory.rng.sample(ordinary, min(2, len(ordinary))):
        directory.add_member(group_id, person.id)
    return person.id


def stranger(directory: Directory, identities: Identities) -> Person:
    """Somebody who is not in the directory, for a group that names them all the same."""
    return Person(id=directory.ids.person(directory.rng), **invent(directory, identities))

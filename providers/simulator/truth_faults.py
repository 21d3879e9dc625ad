"""Faults that lie in the directory itself: odd people and groups, shown by any vendor as they are."""

from collections.abc import Callable

from providers.simulator import seeding
from providers.simulator.directory import Directory, Group, Person, Status
from providers.simulator.faults import Armed, BadFault

HARD_NAMES = (
    ("Zoe\u0308", "Mu\u0308ller"),
    ("\U0001d4d0\U0001d4ed\U0001d4ea", "\U00020bb7野"),
    ("\u202eנועה\u202c", "الحسن"),  # noqa: RUF001
    ("Nul\x00l", "Byte"),
    ("A" * 60, "B" * 60),
    ("C" * 10_000, "Long"),
    ("<script>alert(1)</script>", "<b>&amp;"),
    ("\u3000山田\u3000", "太\u200d郎"),
    (" ", "\t"),
    ("Robert'); DROP TABLE users;--", "O'Brien"),
)
HARD_GROUP_NAMES = (
    "Group:inner",
    "a,b;c",
    "path/to/team",
    "two\nlines",
    "\u202eقسم\u202c",
    "🚀 Launch",
    "x" * 300,
    "  outer spaces  ",
)
ODD_PICTURES = ("not a url", "http://pictures.example.com/plain.jpg", "javascript:alert(1)", "", 12345)
ABSENT = "\0absent"


def somebody(directory: Directory, armed: Armed, count: int = 1) -> list[Person]:
    """People a fault may use: the one it names, else active ones still in order, drawn from the seed."""
    if armed.id is not None:
        if armed.id not in directory.people:
            raise BadFault(f"{armed.spec}: nobody has the id {armed.id}")
        return [directory.people[armed.id]]
    pool = [directory.people[i] for i in sorted(directory.people)]
    pool = [
        p
        for p in pool
        if p.status is Status.ACTIVE and p.email and not p.wire and p.id not in directory.touched
    ]
    if len(pool) < count:
        raise BadFault(f"{armed.spec} needs {count} active people and there are {len(pool)}")
    chosen = directory.rng.sample(pool, count)
    armed.memory.setdefault("touched", []).extend(person.id for person in chosen)
    directory.touched.update(person.id for person in chosen)
    return chosen


def some_groups(directory: Directory, armed: Armed, count: int = 1) -> list[Group]:
    """Ordinary groups a fault may use: the one it names, else those with most members first."""
    if armed.id is not None:
        if armed.id not in directory.groups:
            raise BadFault(f"{armed.spec}: no group has the id {armed.id}")
        return [directory.groups[armed.id]]
    pool = [group for group in directory.groups.values() if group.kind == "ordinary"]
    pool.sort(key=lambda group: (-len(group.members), group.id))
    if len(pool) < count:
        raise BadFault(f"{armed.spec} needs {count} ordinary groups and there are {len(pool)}")
    armed.memory.setdefault("touched", []).extend(group.id for group in pool[:count])
    return pool[:count]


def _email(directory: Directory, armed: Armed) -> None:
    {"none": _email_none, "invalid": _email_invalid, "duplicate": _email_duplicate, "reused": _email_reused}[
        _choice(armed, "none", "invalid", "duplicate", "reused")
    ](directory, armed)


def _choice(armed: Armed, *allowed: str) -> str:
    chosen = armed.arg(allowed[0])
    if chosen not in allowed:
        raise BadFault(f"{armed.spec}: choose one of {', '.join(allowed)}")
    return chosen


def _email_none(directory: Directory, armed: Armed) -> None:
    person = somebody(directory, armed)[0]
    form = armed.named.get("form", "null")
    if form == "absent":
        person.wire["profile"] = {"email": ABSENT}
    directory.change_person(person.id, email="" if form == "empty" else None)


def _email_invalid(directory: Directory, armed: Armed) -> None:
    odd = ("not an address", "guest_example.org#EXT#@tenant.example.com", "someone@münchen.example")
    for person, email in zip(somebody(directory, armed, 1 if armed.id else 3), odd, strict=False):
        directory.change_person(person.id, email=email)


def _email_duplicate(directory: Directory, armed: Armed) -> None:
    first, second = somebody(directory, armed, 2)
    directory.change_person(second.id, email=str(first.email).upper())


def _email_reused(directory: Directory, armed: Armed) -> None:
    person = somebody(directory, armed)[0]
    directory.remove_person(person.id)
    values = seeding.invent(directory, seeding.Identities())
    new = directory.add_person(**values | {"login": person.login, "email": person.email})
    armed.memory["touched"] = [person.id, new.id]


def _rename_user(directory: Directory, armed: Armed) -> None:
    person = somebody(directory, armed)[0]
    login = f"renamed.{person.login}"
    directory.change_person(person.id, login=login, email=login)


def _swap_emails(directory: Directory, armed: Armed) -> None:
    one, other = somebody(directory, armed, 2)
    emails = one.email, other.email
    directory.change_person(one.id, email=emails[1])
    directory.change_person(other.id, email=emails[0])


def _hard_names(directory: Directory, armed: Armed) -> None:
    people = somebody(directory, armed, 1 if armed.id else len(HARD_NAMES))
    for person, (first, last) in zip(people, HARD_NAMES, strict=False):
        directory.change_person(person.id, first_name=first, last_name=last)


def _null_fields(directory: Directory, armed: Armed) -> None:
    nulls, *absent = somebody(directory, armed, 1 if armed.id else 2)
    nothing = dict.fromkeys(("first_name", "last_name", "department", "title", "picture_url"))
    directory.change_person(nulls.id, **nothing)
    for person in absent:
        gone = dict.fromkeys(
            ("firstName", "lastName", "displayName", "department", "title", "picture"), ABSENT
        )
        person.wire["profile"] = gone
        directory.change_person(person.id, **nothing)


def _odd_types(directory: Directory, armed: Armed) -> None:
    odd = {
        "employeeNumber": 12345,
        "badges": [1, "two", None],
        "flags": {"remote": True, "level": 1.5},
        "manager": False,
    }
    for person in somebody(directory, armed, 1 if armed.id else 3):
        directory.change_person(person.id, attributes={**person.attributes, **odd})


def _status(directory: Directory, armed: Armed) -> None:
    kind = _choice(armed, "unknown", "staged", "locked", "null")
    if kind == "null":
        person = somebody(directory, armed)[0]
        person.wire["status"] = None
        directory.change_person(person.id)
    elif kind == "unknown":
        person = somebody(directory, armed)[0]
        person.wire["status"] = "ACTIVATING"
        directory.change_person(person.id)
    elif kind == "staged":
        directory.change_person(somebody(directory, armed)[0].id, status=Status.STAGED)
    else:
        trouble = (Status.LOCKED, Status.PASSWORD_EXPIRED, Status.RECOVERY)
        for person, status in zip(somebody(directory, armed, 1 if armed.id else 3), trouble, strict=False):
            directory.change_person(person.id, status=status)


def _pictures(directory: Directory, armed: Armed) -> None:
    for person, picture in zip(somebody(directory, armed, len(ODD_PICTURES)), ODD_PICTURES, strict=True):
        directory.change_person(person.id, picture_url=picture)


def _group_name(directory: Directory, armed: Armed) -> None:
    if _choice(armed, "duplicate", "hard") == "duplicate":
        first, second = some_groups(directory, armed, 2)
        directory.change_group(second.id, name=first.name)
        return
    for group, name in zip(
        some_groups(directory, armed, len(HARD_GROUP_NAMES)), HARD_GROUP_NAMES, strict=False
    ):
        directory.change_group(group.id, name=name)


def _rename_group(directory: Directory, armed: Armed) -> None:
    group = some_groups(directory, armed)[0]
    directory.change_group(group.id, name=f"{group.name} (renamed)")


def _recreate_group(directory: Directory, armed: Armed) -> None:
    group = some_groups(directory, armed)[0]
    directory.remove_group(group.id)
    new = directory.add_group(group.name, members=sorted(group.members), description=group.description)
    armed.memory["touched"] = [group.id, new.id]


def fill_group(directory: Directory, armed: Armed, size: int) -> None:
    """Give one group this many members, inventing the people who are missing."""
    group = some_groups(directory, armed)[0]
    spare = [i for i in sorted(directory.people) if directory.people[i].status is not Status.GONE]
    identities = seeding.Identities([person.login for person in directory.people.values()])
    while len(spare) < size:
        spare.append(directory.add_person(**seeding.invent(directory, identities)).id)
    for person_id in spare[:size]:
        directory.add_member(group.id, person_id)


TRUTH: dict[str, Callable[[Directory, Armed], None]] = {
    "email": _email,
    "rename_user": _rename_user,
    "swap_emails": _swap_emails,
    "names": _hard_names,
    "null_fields": _null_fields,
    "types": _odd_types,
    "status": _status,
    "picture": _pictures,
    "group_name": _group_name,
    "rename_group": _rename_group,
    "recreate_group": _recreate_group,
}
"""How each of these changes the directory; `armed.memory["touched"]` names the ids afterwards."""

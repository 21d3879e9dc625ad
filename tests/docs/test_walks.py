"""The pages that tell a reader what to type are true: each is typed, word for word."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.walks import Walk, free_port, walk


@contextmanager
def _reading(folder: Path, database_url: str) -> Iterator[Walk]:
    """Somebody in an empty folder, with ports of their own, who copies ids from what lists show."""
    idp, own = str(free_port()), str(free_port())
    surroundings = {"CONNECTOR_DATABASE_URL": database_url, "CONNECTOR_LISTEN": f"127.0.0.1:{own}"}
    with walk(folder, **surroundings) as reader:
        reader.words |= {
            "9001": lambda: idp,
            "PLAN-ID": lambda: _newest(reader, "plans list --state held", "plans", "plan_id"),
            "HASH": lambda: _newest(reader, "plans list --state held", "plans", "hash"),
            "RUN-ID": lambda: _newest(reader, "runs list", "runs", "run_id"),
        }
        yield reader


def _newest(reader: Walk, verb: str, rows: str, key: str) -> str:
    return str(json.loads(reader.run(f"connector {verb} --json"))[rows][0][key])


def _active(reader: Walk) -> set[str]:
    listed = json.loads(reader.run("connector users list --active --json"))
    return {user["email"] for user in listed["users"]}


def test_the_first_hour(tmp_path: Path, new_sqlite_url: str) -> None:
    """From an empty folder to a served directory: every command of the tutorial ends as it says."""
    with _reading(tmp_path, new_sqlite_url) as reader:
        reader.through("tutorial.md")
        adopted = json.loads(reader.run("connector users show lucas.weber@example.org --json"))
        assert "scim" in adopted["tags"]
        assert "robin@example.net" in _active(reader)


def test_the_bad_night(tmp_path: Path, new_postgres_url: str) -> None:
    """After a mass suspension that somebody approved, the page gives everybody back what they had."""
    with _reading(tmp_path, new_postgres_url) as reader:
        line = reader.start("connector simulate --type okta --users 60 --groups 4 --port 9001")
        reader.run(line.replace("add okta", "add CONNECTION"))
        reader.run("connector sync now CONNECTION --wait --yes")
        before = _active(reader)
        reader.run("curl -fsS -X POST http://127.0.0.1:9001/_sim/churn -d '{\"leavers\": 30}'")
        reader.run("connector sync now CONNECTION --wait || test $? = 3")
        reader.run("connector plans approve PLAN-ID")
        lost = sorted(before - _active(reader))
        assert len(lost) == 30
        reader.words["PERSON"] = lambda: lost[0]
        reader.through("operate/mass-suspension.md")
        assert _active(reader) == before

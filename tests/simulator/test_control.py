"""The control plane: the truth, and the ways to change it by hand."""

import signal
import subprocess
import sys

import httpx
import pytest

from providers.simulator.server import build, start
from tests.simulator.calls import connect, ids, rows


def test_the_same_seed_gives_the_same_bytes(okta, client):
    """Two simulators of one seed agree in state, in lists and, after the same churn, again."""
    with start("okta", users=500, groups=12, seed=7) as twin, connect(twin) as other:
        assert twin.state() == okta.state()
        assert twin.credentials == okta.credentials
        bodies = [
            c.get("/api/v1/groups").text.replace(str(c.base_url).rstrip("/"), "") for c in (client, other)
        ]
        assert bodies[0] == bodies[1]
        counts = {"joiners": 5, "leavers": 6, "movers": 7, "renames": 8}
        assert twin.churn(**counts) == okta.churn(**counts)
        assert twin.state() == okta.state()


def test_another_seed_gives_other_people(okta):
    """No id is shared with the directory of another seed."""
    with start("okta", users=500, groups=12, seed=8) as other:
        mine, theirs = ({user["id"] for user in simulator.state()["users"]} for simulator in (okta, other))
        assert not mine & theirs


def test_sizes_are_what_was_asked_for():
    """Users, groups and memberships come in the numbers given, no ordinary group above 30 %."""
    state = build("okta", users=1000, groups=50, memberships=6000).control.state()
    sizes = [len(group["members"]) for group in state["groups"]]
    assert (len(state["users"]), len(sizes), sum(sizes)) == (1000, 50, 6000)
    *others, everyone = sorted(sizes)
    assert everyone == 1000
    assert others[-1] <= 300


def test_default_groups_reach_from_nobody_to_a_third():
    """Some group is empty, and the largest holds about 30 %."""
    sizes = sorted(len(group["members"]) for group in build("okta").control.state()["groups"])
    assert sizes[0] == 0
    assert 250 <= sizes[-2] <= 300


def test_impossible_memberships_are_refused():
    """More memberships than people and groups allow is an error that says so."""
    with pytest.raises(ValueError, match="do not fit"):
        build("okta", users=10, groups=2, memberships=1000)


def test_the_demo_has_exactly_one_person_without_email():
    """1,000 people, 40 groups, one e-mail missing."""
    state = build("okta", scenario="demo").control.state()
    assert (len(state["users"]), len(state["groups"])) == (1000, 40)
    assert [user["active"] for user in state["users"] if user["email"] is None] == [True]


@pytest.mark.parametrize(
    ("status", "active"),
    [
        ("ACTIVE", True),
        ("PROVISIONED", True),
        ("RECOVERY", True),
        ("PASSWORD_EXPIRED", True),
        ("LOCKED_OUT", True),
        ("STAGED", False),
        ("SUSPENDED", False),
        ("DEPROVISIONED", False),
    ],
)
def test_the_state_says_who_has_access(okta, client, status, active):
    """Trouble with a password keeps access; staged, suspended and deprovisioned do not have it."""
    person = okta.state()["users"][0]["id"]
    changed = client.patch(f"/_sim/users/{person}", json={"status": status}).json()
    assert (changed["status"], changed["active"]) == (status, active)


def test_people_groups_and_members_can_be_made_changed_and_removed(okta, client, walk):
    """What the control plane changes, the API shows at once."""
    ada = client.post("/_sim/users", json={"email": "ada@example.com", "first_name": "Ada"}).json()
    group = client.post("/_sim/groups", json={"name": "Pilots"}).json()["id"]
    client.post("/_sim/members", json={"group": group, "user": ada["id"]})
    assert ids(walk(f"/api/v1/groups/{group}/users")) == [ada["id"]]
    client.patch(f"/_sim/users/{ada['id']}", json={"last_name": "Byron", "active": False})
    shown = client.get(f"/api/v1/users/{ada['id']}").json()
    assert (shown["profile"]["lastName"], shown["status"]) == ("Byron", "SUSPENDED")
    client.delete(f"/_sim/members/{group}/{ada['id']}")
    assert walk(f"/api/v1/groups/{group}/users") == []
    client.delete(f"/_sim/users/{ada['id']}")
    assert client.get(f"/api/v1/users/{ada['id']}").status_code == 404
    client.delete(f"/_sim/groups/{group}")
    assert client.get(f"/api/v1/groups/{group}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/_sim/users/nobody", {"email": "x@example.com"}, 404),
        ("POST", "/_sim/users", {"mail": "x"}, 400),
        ("POST", "/_sim/users", {"status": "HAPPY"}, 400),
        ("POST", "/_sim/groups", {}, 400),
        ("POST", "/_sim/members", {"group": "g"}, 400),
        ("POST", "/_sim/churn", {"leaver": 1}, 400),
        ("POST", "/_sim/churn", {"leavers": 10_000}, 400),
        ("GET", "/_sim/nothing", None, 404),
        ("POST", "/_sim/clock", {"forward": 1}, 400),
    ],
)
def test_bad_control_requests_get_a_sentence(client, method, path, body, status):
    """A wrong id is 404, a wrong key 400, both with an error that says what is wrong."""
    response = client.request(method, path, json=body)
    assert response.status_code == status
    assert len(response.json()["error"]) > 10


def test_churn_does_what_it_says(okta, walk):
    """Joiners appear, leavers lose access three ways, movers change groups, renames keep the id."""
    before = {user["id"]: user for user in okta.state()["users"]}
    done = okta.churn(joiners=4, leavers=3, movers=2, renames=2)
    after = {user["id"]: user for user in okta.state()["users"]}
    assert set(after) - set(before) == set(done["joiners"])
    closed, deleted, suspended = done["leavers"]
    assert (after[closed]["status"], after[suspended]["status"]) == ("DEPROVISIONED", "SUSPENDED")
    assert deleted not in after
    for person in done["renames"]:
        assert after[person]["login"] != before[person]["login"]
        assert after[person]["email"] == after[person]["login"]
    assert set(ids(walk("/api/v1/users"))) == set(after) - {closed}


def test_requests_are_counted_by_operation(okta, client, walk):
    """Each call to the API counts, control calls do not, and the counts can be reset."""
    walk("/api/v1/users", limit=100)
    client.get("/api/v1/groups")
    assert client.get("/_sim/requests").json() == {"total": 6, "by_op": {"users.list": 5, "groups.list": 1}}
    assert client.delete("/_sim/requests").json()["total"] == 0


def test_the_clock_moves_on_request(okta, client):
    """Time can be set, frozen and advanced; changes are stamped with it."""
    client.post("/_sim/clock", json={"frozen": True, "set": "2030-05-06T07:08:09Z"})
    assert client.post("/_sim/clock", json={"advance": 51}).json()["iso"] == "2030-05-06T07:09:00.000Z"
    person = client.post("/_sim/users", json={}).json()["id"]
    response = client.get(f"/api/v1/users/{person}")
    assert response.json()["created"] == "2030-05-06T07:09:00.000Z"
    assert response.headers["date"] == "Mon, 06 May 2030 07:09:00 GMT"


def test_the_add_command_names_address_and_credentials(okta):
    """The line to paste is complete."""
    token = okta.credentials["api_token"]
    assert okta.add_command("corp") == (
        f"connector connections add corp --type okta --set base_url={okta.base_url} --set api_token={token}"
    )


def test_unknown_types_and_faults_are_refused_before_anything_listens():
    """Start raises with what there is to choose from."""
    with pytest.raises(ValueError, match="okta"):
        start("acme")
    with pytest.raises(ValueError, match="throttle"):
        start("okta", users=3, faults=["throtle"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_prints_one_line_and_ends_on_a_signal(number):
    """The line on stdout is the command that connects, and an asked-for end is exit code 0."""
    code = "from providers.simulator.server import run; run('okta', users=3, groups=1, name='corp')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        base_url = line.partition("base_url=")[2].split()[0]
        assert line.startswith("connector connections add corp --type okta --set base_url=http://127.0.0.1:")
        answer = httpx.get(f"{base_url}/_sim/state", trust_env=False)
        assert len(answer.json()["users"]) == 3
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""


def test_stopping_frees_the_port():
    """A stopped simulator answers nobody, and another may take its place at once."""
    first = start("okta", users=3, groups=1)
    port = int(first.base_url.rpartition(":")[2])
    first.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.base_url, trust_env=False)
    with start("okta", users=3, groups=1, port=port) as second, connect(second) as client:
        assert len(list(rows(client, "/api/v1/users"))) == 3

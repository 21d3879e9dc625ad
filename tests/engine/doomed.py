"""Replicas that die at their n-th commit: the crash tests run this as a program and tell it what to do.

Each line on standard input is a database URL, a connection id, n (0: live), "before" or "after", and
"anew" or "on" (whether the directory lets a read go on), with tabs between. For each a child process is
forked that claims what waits and carries it on; told to die, it ends at once, like a process that was
killed. The answer is its exit code: 0 when it came to the run's end, 137 when it died.
"""

import os
import sys
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection as Conn
from sqlalchemy import event
from sqlalchemy.engine import Engine

from sync.model.run import RunState
from sync.pull import NOTE_EVERY
from sync.store import connections
from tests.engine.house import House
from tests.engine.stories import after_the_churn

KILLED = 137
WRITING = ("INSERT", "UPDATE", "DELETE")
LATER = timedelta(hours=1)
"""The run is asked for when what it compares with is no longer new: a push since would win over it."""


class Doom:
    """Ends this process before, or just after, the commit of its n-th transaction that wrote."""

    def __init__(self, number: int, moment: str) -> None:
        self._number, self._moment = number, moment
        self._commits = 0
        event.listen(Engine, "before_cursor_execute", self._executes)
        event.listen(Engine, "commit", self._commits_now)
        event.listen(Engine, "begin", self._begins)

    def _executes(self, conn: Conn, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(WRITING):
            conn.info["wrote"] = True

    def _commits_now(self, conn: Conn) -> None:
        if conn.info.pop("wrote", False):
            self._commits += 1
            if self._commits == self._number and self._moment == "before":
                os._exit(KILLED)

    def _begins(self, _conn: Conn) -> None:
        if self._commits == self._number and self._moment == "after":
            os._exit(KILLED)


def live(url: str, connection_id: str, number: int, moment: str, reads: str) -> bool:
    """Carry on whatever run waits; True when it succeeded, or read the rest of what another had begun."""
    story = after_the_churn()
    story.ledger.resumes = reads == "on"
    house = House.at(url)

    def every_page_is_kept() -> bool:
        house.now += NOTE_EVERY if story.ledger.resumes else timedelta(0)
        return False

    house.now += LATER * len(house.rows("run"))
    house.policies[connection_id] = story.policy
    with house.database.read() as conn:
        connection = connections.get(conn, connection_id)
    claimed = house.claim(connection, lease_s=0)
    if number:
        Doom(number, moment)
    state = house.execute(claimed, story.ledger.source, every_page_is_kept).state
    return state is RunState.SUCCEEDED or (state is RunState.PARTIAL and story.ledger.resumes)


def main() -> None:
    for line in sys.stdin:
        url, connection_id, number, moment, reads = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            code = 2
            try:
                code = 0 if live(url, connection_id, int(number), moment, reads) else 1
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

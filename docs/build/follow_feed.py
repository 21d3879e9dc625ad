"""Follows the connector's feed and keeps a table of who has access, in a SQLite file.

CONNECTOR_URL=http://127.0.0.1:8080 CONNECTOR_API_KEY=... python follow_feed.py access.db
"""

import json
import os
import sqlite3
import sys
import time
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

TABLES = """
    CREATE TABLE IF NOT EXISTS access (user_id TEXT PRIMARY KEY, email TEXT, active INTEGER);
    CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), after INTEGER);
    INSERT OR IGNORE INTO cursor VALUES (1, 0);
"""


def page(after: int) -> dict:
    """Events behind ``after``; waits for the next one when there is none yet."""
    query = urlencode({"after": after, "types": "user.*", "limit": 500, "wait": 30})
    request = Request(f"{os.environ['CONNECTOR_URL']}/api/v1/events?{query}")
    request.add_header("Authorization", f"Bearer {os.environ['CONNECTOR_API_KEY']}")
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def handle(database: sqlite3.Connection, event: dict) -> None:
    """What the application does with an event: here, remember who has access."""
    user = event["snapshot"]
    row = (event["subject"]["id"], user.get("email"), bool(user.get("active")))
    database.execute("INSERT OR REPLACE INTO access VALUES (?, ?, ?)", row)
    print(event["sequence"], event["type"], user.get("email"), flush=True)


def follow(database: sqlite3.Connection) -> None:
    """Until it is ended: a page, what it means here and the new cursor in one transaction, the next page."""
    database.executescript(TABLES)
    while True:
        (after,) = database.execute("SELECT after FROM cursor").fetchone()
        try:
            found = page(after)
        except HTTPError as error:
            if error.code < 500:
                sys.exit(f"the connector answers {error.code}: {error.read().decode()}")
            time.sleep(5)
            continue
        except (URLError, TimeoutError):
            time.sleep(5)
            continue
        with database:
            for event in found["events"]:
                handle(database, event)
            database.execute("UPDATE cursor SET after = ?", [found["next"]])


if __name__ == "__main__":
    follow(sqlite3.connect(sys.argv[1]))

"""Prints the active users who carry a tag, from the views that the connector keeps stable.

python read_views.py connector.db Group:Engineering
python read_views.py postgresql://app@db.example.com/connector Group:Engineering
"""

import sqlite3
import sys
from contextlib import closing

WITH_TAG = """
    SELECT DISTINCT u.email, u.first_name, u.last_name
    FROM app_users u JOIN app_user_tags t ON t.user_id = u.id
    WHERE u.active AND t.tag = {mark}
    ORDER BY u.email
"""


def with_tag(database: str, tag: str) -> list[tuple]:
    """E-mail, first and last name of everybody active who carries the tag."""
    if database.startswith("postgresql:"):
        import psycopg

        with psycopg.connect(database) as connection:
            return connection.execute(WITH_TAG.format(mark="%s"), [tag]).fetchall()
    # Read only: an application that merely looks can never lock or damage the file.
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(WITH_TAG.format(mark="?"), [tag]).fetchall()


if __name__ == "__main__":
    for email, first_name, last_name in with_tag(sys.argv[1], sys.argv[2]):
        print(email, first_name or "-", last_name or "-")

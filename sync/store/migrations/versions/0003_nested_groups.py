"""Tags reach the people of groups within groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_APP_USER_TAGS = """
    WITH RECURSIVE up (below, above) AS (
        SELECT m.value, m.group_id
        FROM member m JOIN directory_group g ON g.id = m.value
        WHERE m.kind = 'group' AND g.deleted_at IS NULL
        UNION
        SELECT up.below, m.group_id
        FROM up JOIN member m ON m.value = up.above JOIN directory_group g ON g.id = m.value
        WHERE m.kind = 'group' AND g.deleted_at IS NULL
    )
    SELECT t.user_id AS user_id, t.tag AS tag, 'by hand' AS source FROM user_tag t
    UNION
    SELECT l.user_id, c.managed_tag, 'connection:' || c.name
    FROM link l JOIN directory_user d ON d.id = l.directory_user_id
                JOIN connection c ON c.id = d.connection_id
    WHERE d.deleted_at IS NULL
    UNION
    SELECT l.user_id, g.tag, 'group:' || g.id
    FROM member m JOIN link l ON l.directory_user_id = m.value
                  JOIN directory_group g ON g.id = m.group_id
    WHERE m.kind = 'user' AND g.deleted_at IS NULL AND g.tag IS NOT NULL
    UNION
    SELECT l.user_id, g.tag, 'group:' || g.id
    FROM up JOIN member m ON m.group_id = up.below
            JOIN link l ON l.directory_user_id = m.value
            JOIN directory_group g ON g.id = up.above
    WHERE m.kind = 'user' AND g.deleted_at IS NULL AND g.tag IS NOT NULL
"""


def upgrade() -> None:
    op.create_index(
        "ix_member_nested",
        "member",
        ["value", "group_id"],
        sqlite_where=sa.text("kind = 'group'"),
        postgresql_where=sa.text("kind = 'group'"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Replaced in place: what an application was granted on the view stays granted.
        op.execute(f"CREATE OR REPLACE VIEW app_user_tags AS {_APP_USER_TAGS}")
    else:
        op.execute("DROP VIEW app_user_tags")
        op.execute(f"CREATE VIEW app_user_tags AS {_APP_USER_TAGS}")

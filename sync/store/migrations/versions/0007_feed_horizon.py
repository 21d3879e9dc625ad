"""Writers of the outbox say, by a lock, below which number they add nothing: see sync.store.outbox.

A trigger does it rather than the program, so that replicas of the older version, which go on
writing while this one starts, do it too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_SAY = """
CREATE FUNCTION outbox_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Once per transaction: as the lock does, the setting ends with it, and with a savepoint rolled back.
    IF current_setting('connector.outbox_open', true) IS DISTINCT FROM 'yes' THEN
        PERFORM pg_advisory_xact_lock_shared(
            (25699::bigint << 48) | CASE WHEN is_called THEN last_value ELSE last_value - 1 END
        ) FROM outbox_seq_seq;
        PERFORM set_config('connector.outbox_open', 'yes', true);
    END IF;
    RETURN NULL;
END $$
"""
_FIRST = (
    "CREATE TRIGGER outbox_open BEFORE INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_open()"
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(sa.text("ALTER TABLE outbox ALTER COLUMN seq SET CACHE 1"))
    op.execute(sa.text(_SAY))
    op.execute(sa.text(_FIRST))

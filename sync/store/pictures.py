"""Pictures kept as bytes, each once, under the digest of what it holds; and whose photo is which."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.resources import Status
from sync.model.source import Image, Photo
from sync.store.schema import directory_user, link, photo, picture, users
from sync.store.text import chunks
from sync.store.times import to_text

PATH = "/pictures/"
"""Where pictures are served, below the program's own address."""

_LIVE = (directory_user.c.deleted_at.is_(None), directory_user.c.status == Status.ACTIVE.value)

_KEEP = sa.text(
    "INSERT INTO picture (digest, content_type, body, kept_at) "
    "VALUES (:digest, :content_type, :body, :kept_at) ON CONFLICT (digest) DO NOTHING"
)
_TELL = sa.text(
    "INSERT INTO photo (connection_id, external_id, version, digest) VALUES (:of, :who, :version, :digest) "
    "ON CONFLICT (connection_id, external_id) DO UPDATE SET version = :version, digest = :digest"
)


def find(conn: Conn, digest: str) -> Image | None:
    """The picture of this digest."""
    row = conn.execute(sa.select(picture).where(picture.c.digest == digest)).first()
    return None if row is None else Image(content_type=row.content_type, body=bytes(row.body))


def digests(conn: Conn, connection_id: str) -> dict[str, str]:
    """By external id, the digest of the photo that is kept of each person of the connection."""
    mine = (photo.c.connection_id == connection_id, photo.c.digest.is_not(None))
    found = conn.execute(sa.select(photo.c.external_id, photo.c.digest).where(*mine))
    return {row.external_id: row.digest for row in found}


def known(conn: Conn, connection_id: str, *, after: str, limit: int, only_new: bool) -> dict[str, str | None]:
    """People with an account and access, behind ``after``, and the version known of each one's photo."""
    theirs = sa.and_(
        photo.c.connection_id == directory_user.c.connection_id,
        photo.c.external_id == directory_user.c.external_id,
    )
    wanted = [directory_user.c.connection_id == connection_id, directory_user.c.external_id > after, *_LIVE]
    if only_new:
        wanted.append(photo.c.version.is_(None))
    query = (
        sa.select(directory_user.c.external_id, photo.c.version)
        .join(link, link.c.directory_user_id == directory_user.c.id)
        .outerjoin(photo, theirs)
        .where(*wanted)
        .order_by(directory_user.c.external_id)
        .limit(limit)
    )
    return {row.external_id: row.version for row in conn.execute(query)}


def keep(conn: Conn, connection_id: str, photos: Sequence[Photo], now: datetime) -> list[str]:
    """Keep these photos; the external ids of the people whose picture is another than before."""
    if not photos:
        return []
    mine = (
        photo.c.connection_id == connection_id,
        photo.c.external_id.in_([each.external_id for each in photos]),
    )
    rows = conn.execute(sa.select(photo.c.external_id, photo.c.digest).where(*mine))
    before = {row.external_id: row.digest for row in rows}
    _keep_images(conn, [each.image for each in photos if each.image], now)
    digests = {each.external_id: _digest(each.image) if each.image else None for each in photos}
    told = [
        {
            "of": connection_id,
            "who": each.external_id,
            "version": each.version,
            "digest": digests[each.external_id],
        }
        for each in photos
    ]
    conn.execute(_TELL, told)
    return [who for who, digest in digests.items() if before.get(who) != digest]


def _keep_images(conn: Conn, images: Sequence[Image], now: datetime) -> None:
    rows = [
        {
            "digest": _digest(each),
            "content_type": each.content_type,
            "body": each.body,
            "kept_at": to_text(now),
        }
        for each in images
    ]
    if rows:
        conn.execute(_KEEP, rows)


def _digest(image: Image) -> str:
    return hashlib.sha256(image.body).hexdigest()


def forget(conn: Conn, connection_id: str, *, all_of_them: bool) -> None:
    """Forget the photos of the connection's people who have no access any more, or all of them."""
    mine = photo.c.connection_id == connection_id
    there = sa.select(directory_user.c.external_id).where(
        directory_user.c.connection_id == connection_id, directory_user.c.external_id.is_not(None), *_LIVE
    )
    conn.execute(
        sa.delete(photo).where(mine, sa.true() if all_of_them else photo.c.external_id.not_in(there))
    )


def sweep(conn: Conn) -> int:
    """Throw away the pictures that are nobody's photo and no account's picture; how many."""
    ours = sa.select(users.c.picture_url).where(users.c.picture_url.like(f"%{PATH}%"))
    orphans = sa.select(picture.c.digest).where(~sa.exists().where(photo.c.digest == picture.c.digest))
    unused = {digest for (digest,) in conn.execute(orphans)}
    if unused:
        unused -= {url.rpartition("/")[2] for (url,) in conn.execute(ours)}
    for part in chunks(unused):
        conn.execute(sa.delete(picture).where(picture.c.digest.in_(part)))
    return len(unused)

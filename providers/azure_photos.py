"""Photos of people in Graph: versions twenty at a time, and the bytes of those that changed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from providers.answers import Answer
from providers.azure_batch import MOST, Batches, Item, Outcome
from providers.failures import ENDS_THE_READ, Absent, BadRequest
from providers.rows import inside, text_of, tolerant_json
from sync.model.errors import ConnectorError
from sync.model.source import Image, Photo

MOST_BYTES: Final = 1024 * 1024
"""The largest photo that is kept; Graph is asked for one of 240 by 240 dots, which is far smaller."""

_AT_ONCE: Final = 5
"""Photos asked for at a time: each comes in base64, and the largest there are have four megabytes."""

_SMALL: Final = "photos/240x240/$value"
_AS_IT_IS: Final = "photo/$value"
_NOT_THERE: Final = (Absent, BadRequest)
"""How Graph says that somebody has no photo, or no mailbox that could hold one."""

_BEGINNINGS: Final[Mapping[str, bytes]] = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/gif": b"GIF8",
}
"""The types of picture that are kept, and what each begins with."""


class Photos:
    """Reads photos by batches."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def changed(self, known: Mapping[str, str | None]) -> Iterator[Photo]:
        """The photos of these people that have another version than the known one."""
        people = list(known)
        for start in range(0, len(people), MOST):
            versions = self._versions(people[start : start + MOST])
            other = {who: version for who, version in versions.items() if version != known[who]}
            yield from (Photo(external_id=who, version="") for who, version in other.items() if not version)
            yield from self._read({who: version for who, version in other.items() if version})

    def _versions(self, people: Sequence[str]) -> dict[str, str]:
        """By person, the version of the photo, "" for none; who could not be read is left out."""
        items = [Item(who, f"/users/{who}/photo", f"the photo of user {who}") for who in people]
        told: dict[str, str] = {}
        for who, outcome in self._batches.each(items, _version):
            if isinstance(outcome, ENDS_THE_READ):
                raise outcome
            if isinstance(outcome, _NOT_THERE):
                told[who] = ""
            elif isinstance(outcome, str):
                told[who] = outcome
        return told

    def _read(self, versions: Mapping[str, str]) -> Iterator[Photo]:
        people = list(versions)
        for start in range(0, len(people), _AT_ONCE):
            chunk = people[start : start + _AT_ONCE]
            found = self._ask(chunk, _SMALL)
            elsewhere = [who for who, outcome in found.items() if isinstance(outcome, _NOT_THERE)]
            found |= self._ask(elsewhere, _AS_IT_IS)
            for who, outcome in found.items():
                if not isinstance(outcome, ConnectorError):
                    yield Photo(external_id=who, version=versions[who], image=_image(outcome))

    def _ask(self, people: Sequence[str], path: str) -> dict[str, Outcome]:
        items = [Item(who, f"/users/{who}/{path}", f"the photo of user {who}") for who in people]
        found = self._batches.ask(items) if items else {}
        for outcome in found.values():
            if isinstance(outcome, ENDS_THE_READ):
                raise outcome
        return found


def _version(answer: Answer) -> str:
    """The photo's etag; a picture of one dot stands for none."""
    body: Any = tolerant_json(answer.body)
    size = (inside(body, "width"), inside(body, "height"))
    return "" if size == (1, 1) else text_of(inside(body, "@odata.mediaEtag")) or ""


def _image(answer: Answer) -> Image | None:
    """The picture of a batch's item, which is base64; None for anything that is no picture we keep."""
    content_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    beginning = _BEGINNINGS.get(content_type)
    try:
        body = base64.b64decode(msgspec.json.decode(answer.body, type=str), validate=True)
    except (msgspec.DecodeError, binascii.Error, UnicodeDecodeError):
        return None
    if beginning is None or not body.startswith(beginning) or len(body) > MOST_BYTES:
        return None
    return Image(content_type=content_type, body=body)

"""Photos in Entra: told where they changed, and kept only where they are pictures."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from providers.answers import Answer
from providers.azure_photos import _image
from providers.simulator.server import Simulator
from tests.providers.azure_tenant import tenant
from tests.providers.reading import PATIENT, opened


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A tenant of its own."""
    with tenant() as running:
        yield running


@pytest.fixture
def reader(simulator: Simulator) -> Iterator[Any]:
    """The tenant opened as a source."""
    source = opened(simulator, timeouts=PATIENT)
    yield source
    source.close()


def _with_photo(simulator: Simulator) -> set[str]:
    return {user["id"] for user in simulator.state()["users"] if user["picture_url"]}


def test_photos_are_told_where_they_are_another_than_the_known_one(simulator: Simulator, reader: Any) -> None:
    """Everybody is told once; then only who has another version, without any bytes fetched for the rest."""
    people = [user["id"] for user in simulator.state()["users"]][:60]
    told = {photo.external_id: photo for photo in reader.photos(dict.fromkeys(people))}
    assert told.keys() == set(people)
    assert {who for who, photo in told.items() if photo.image} == _with_photo(simulator) & set(people)
    fetched = simulator.requests()["by_op"]["photo.bytes"]
    known = {who: photo.version for who, photo in told.items()}
    assert not list(reader.photos(known))
    assert simulator.requests()["by_op"]["photo.bytes"] == fetched
    simulator.fault("photo(same_bytes)")
    again = {photo.external_id: photo for photo in reader.photos(known)}
    assert again.keys() == _with_photo(simulator) & set(people)
    assert all(photo.image == told[who].image and photo.version != known[who] for who, photo in again.items())


@pytest.mark.parametrize(
    ("fault", "is_none"), [("404", True), ("1x1", True), ("no_mailbox", True), ("4MB", False)]
)
def test_a_photo_that_is_none_or_too_large_is_no_image(
    simulator: Simulator, reader: Any, fault: str, is_none: bool
) -> None:
    """No photo, a dot that stands for none, no mailbox and four megabytes end without an image or error."""
    simulator.fault(f"photo({fault})")
    people = sorted(_with_photo(simulator))[:3]
    told = list(reader.photos(dict.fromkeys(people)))
    assert [photo.external_id for photo in told] == people
    assert not any(photo.image for photo in told)
    assert all((photo.version == "") is is_none for photo in told)


def test_a_photo_that_cannot_be_read_is_not_spoken_of(simulator: Simulator, reader: Any) -> None:
    """Where Graph refuses one photo, the others are told, and nothing is concluded of that one."""
    people = sorted(_with_photo(simulator))[:4]
    simulator.fault("fail(403)@op=photo,nth=2")
    told = [photo.external_id for photo in reader.photos(dict.fromkeys(people))]
    assert len(told) == 3
    assert set(told) < set(people)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", b"\xff\xd8\xff"), ("image/svg+xml", b"<svg/>"), ("image/png", b"\xff\xd8\xff")],
)
def test_what_is_no_picture_is_not_kept(content_type: str, body: bytes) -> None:
    """The type must be one that browsers show as a picture, and the bytes must begin like it."""
    answer = Answer(
        status=200,
        headers={"content-type": content_type},
        links=(),
        body=json.dumps(base64.b64encode(body).decode()).encode(),
    )
    assert _image(answer) is None

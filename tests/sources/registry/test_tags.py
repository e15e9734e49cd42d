"""The tags of a repository: their order, lookup and picker."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from layerscope.errors import ImageNotFoundError, LayerscopeError
from layerscope.layers.store import Store
from layerscope.progress import NullProgress
from layerscope.sources import Request
from layerscope.sources.registry import tags as registry_tags
from layerscope.sources.registry.repository import Reference, whole_repository
from layerscope.sources.registry.tags import Tags
from layerscope.tui.picker import PickerApp
from tests.images import file, layer_tar, oci_files
from tests.sources.registry.server import Handler, Registry
from tests.tui.explorer import screen_text
from tests.tui.test_picker import all_listed

IMAGES = {
    tag: oci_files([layer_tar([file("a", b"1" * number)])])
    for number, tag in enumerate(("1.9", "1.10", "1.10-slim", "latest", "nightly"), 1)
}


def listed(registry: Registry, **more: object) -> Tags:
    """The tags of the repository `app`."""
    return Tags(Request(**{"reference": "", **more}), Reference.parse(f"{registry.host}/app"))  # type: ignore[arg-type]


def push(registry: Registry) -> None:
    """Push an image per tag."""
    for tag, files in IMAGES.items():
        registry.repository().push(files, tag)


def test_numbers_count_as_numbers(registry: Registry, tmp_path: Path) -> None:
    """`latest` comes first; date, size and platform take a request for the manifest and one for the config."""
    push(registry)
    tags = listed(registry)
    assert [image.tags[0].rpartition(":")[2] for image in tags.images()] == [
        "latest", "1.10-slim", "1.10", "1.9", "nightly",
    ]  # fmt: skip
    assert len(registry.asked) == 1
    request = Request("", cache=Store(tmp_path / "cache"))
    found = [tags.look_up(request, image) for image in tags.images()]
    assert len(registry.asked) == 1 + 2 * len(IMAGES)
    for image in found:
        assert image.reference.startswith("registry://")
        assert image.created is not None
        assert image.size
        assert str(image.platform) == "linux/amd64"
    assert len({image.id for image in found}) == len(IMAGES)


def test_looking_up_needs_one_token(registry: Registry) -> None:
    """The token of the listing is used."""
    push(registry)
    registry.token_seconds = 300
    tags = listed(registry)
    for image in tags.images():
        tags.look_up(Request(""), image)
    assert sum("/token" in line for line in registry.asked) == 1
    assert len(registry.asked) == 3 + 2 * len(IMAGES)


def test_all_pages_are_read(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    push(registry)
    monkeypatch.setattr(registry_tags, "_PAGE", 2)
    assert len(listed(registry).images()) == len(IMAGES)
    assert len(registry.asked) == 3


def test_an_endless_list_is_cut(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated page ends it, and so does the maximum number of tags."""
    link = '</v2/app/tags/list?last=x>; rel="next"'

    def same(handler: Handler) -> bool:
        handler.reply(200, json.dumps({"tags": ["a", "b"]}).encode(), {"Link": link})
        return True

    registry.misbehave = same
    assert len(listed(registry).images()) == 2
    assert len(registry.asked) == 2
    monkeypatch.setattr(registry_tags, "MAX_TAGS", 50)

    def more(handler: Handler) -> bool:
        new = [f"{len(handler.server.asked)}-{number}" for number in range(20)]
        handler.reply(200, json.dumps({"tags": new}).encode(), {"Link": link})
        return True

    registry.misbehave = more
    assert len(listed(registry).images()) == 50


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"tags": null}', b'{"tags": [1, "a b", "\\u001b[2J", "../x", ""]}']
)
def test_an_invalid_list_of_tags_is_an_error(registry: Registry, body: bytes) -> None:
    def misbehave(handler: Handler) -> bool:
        handler.reply(200, body)
        return True

    registry.misbehave = misbehave
    with pytest.raises(LayerscopeError):
        listed(registry)


def test_a_missing_repository_is_an_error(registry: Registry) -> None:
    with pytest.raises(ImageNotFoundError, match=f"{registry.host} has no list of tags in app"):
        listed(registry)


def test_a_reference_may_name_a_repository() -> None:
    """With its scheme, and without a tag or digest."""
    assert whole_repository("registry://ghcr.io/org/app") == Reference("ghcr.io", "org/app")
    for other in (
        "registry://ghcr.io/org/app:1",
        "ghcr.io/org/app",
        "registry://a@sha256:" + "0" * 64,
    ):
        assert whole_repository(other) is None


MANY = 100


def push_many(registry: Registry) -> None:
    """Push an image with many tags."""
    repository = registry.repository()
    repository.push(IMAGES["latest"], "0")
    for number in range(MANY):
        repository.manifests[f"1.{number}"] = repository.manifests["0"]


def requested_tags(registry: Registry) -> set[str]:
    """The tags whose manifest was requested."""
    return {line.rpartition("/")[2] for line in registry.asked if "/manifests/" in line}


def rows(app: PickerApp) -> list[str]:
    """Names of the visible tags."""
    top, height = app.images.scroll_offset.y, app.images.size.height
    return [row.name for row in app.model.rows[top : top + height]]


async def test_the_picker_looks_up_what_is_visible(registry: Registry) -> None:
    """The highest versions first; others once scrolling stops, without those in between."""
    push_many(registry)
    app = PickerApp(Request(""), tags=listed(registry))
    async with app.run_test(size=(100, 16)) as pilot:
        await all_listed(pilot)
        first = rows(app)
        assert first[:2] == ["1.99", "1.98"]
        assert requested_tags(registry) == set(first)
        await pilot.press("end")
        await pilot.pause(0.3)
        await all_listed(pilot)
        assert rows(app)[-1] == "0"
        assert requested_tags(registry) == {*first, *rows(app)}
        assert all(
            row.image.created for row in app.model.rows if row.name in requested_tags(registry)
        )
        await pilot.press("slash", *"1.5")
        await pilot.pause(0.3)
        await all_listed(pilot)
        assert {"1.5", "1.59"} < requested_tags(registry)
        asked = len(registry.asked)
        await pilot.press("escape", "escape", "home")
        await pilot.pause(0.3)
        await all_listed(pilot)
        assert len(registry.asked) == asked


async def test_leaving_the_picker_stops_lookups(registry: Registry) -> None:
    """Several run at the same time, and no request follows."""
    push_many(registry)
    tags = listed(registry)
    active, peak, resume = 0, 0, threading.Event()

    def wait(handler: Handler) -> bool:
        nonlocal active, peak
        if "/manifests/" in handler.path:
            active += 1
            peak = max(peak, active)
            resume.wait(10)
            active -= 1
        return False

    registry.misbehave = wait
    app = PickerApp(Request(""), tags=tags)
    async with app.run_test(size=(100, 16)) as pilot:
        for _ in range(200):
            await pilot.pause(0.05)
            if peak == registry_tags.WORKERS:
                break
        await pilot.pause(0.2)
        await pilot.press("escape")
    resume.set()
    for _ in range(200):
        time.sleep(0.05)
        if not active:
            break
    assert peak == registry_tags.WORKERS
    assert len(requested_tags(registry)) == registry_tags.WORKERS


async def test_a_rate_limit_stops_lookups(registry: Registry) -> None:
    """A message says so, and tags can still be selected."""
    push_many(registry)
    tags = listed(registry)

    def limit(handler: Handler) -> bool:
        handler.refuse(429, "TOOMANYREQUESTS", "slow down", {"Retry-After": "900"})
        return True

    registry.misbehave = limit
    app = PickerApp(Request(""), tags=tags)
    async with app.run_test(size=(100, 16)) as pilot:
        await all_listed(pilot)
        await pilot.pause(0.3)
        assert "rate limit reached" in "\n".join(screen_text(app))
        assert len(requested_tags(registry)) <= registry_tags.WORKERS
        registry.misbehave = None
        await pilot.press("r")
        await all_listed(pilot)
        assert "rate limit" not in "\n".join(screen_text(app))
        assert requested_tags(registry) >= set(rows(app))
        await pilot.press("enter")
    assert app.return_value is not None


async def test_the_picker_lists_tags(registry: Registry, tmp_path: Path) -> None:
    """With size and platform; a damaged image is listed by its name."""
    push(registry)
    registry.repository().manifests["odd"] = ("text/plain", b"?")
    request = Request("", cache=Store(tmp_path / "cache"), progress=NullProgress())
    app = PickerApp(request, tags=listed(registry))
    async with app.run_test(size=(100, 20)) as pilot:
        await all_listed(pilot)
        shown = "\n".join(screen_text(app))
        assert f"Tags of {registry.host}/app" in shown
        assert "6 tags" in shown
        assert " [ ] odd " in shown
        assert "amd64" in shown
        await pilot.press("enter")
    assert app.return_value is not None
    assert app.return_value[0].reference.startswith(f"registry://{registry.host}/app:")

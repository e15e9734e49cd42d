"""The tags of a repository, to choose from."""

from __future__ import annotations

import json
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
from tests.tui.test_picker import looked

IMAGES = {
    tag: oci_files([layer_tar([file("a", b"1" * number)])])
    for number, tag in enumerate(("1.9", "1.10", "1.10-slim", "latest", "nightly"), 1)
}


def listed(registry: Registry, **more: object) -> Tags:
    """The tags of the repository `app`."""
    return Tags(Request(**{"reference": "", **more}), Reference.parse(f"{registry.host}/app"))  # type: ignore[arg-type]


def push(registry: Registry) -> None:
    """Push an image a tag."""
    for tag, files in IMAGES.items():
        registry.repository().push(files, tag)


def test_numbers_count_as_numbers(registry: Registry, tmp_path: Path) -> None:
    """`latest` first; date, size and platform by a question for the manifest and one for the config."""
    push(registry)
    tags = listed(registry)
    assert [image.tags[0].rpartition(":")[2] for image in tags.images()] == [
        "latest", "1.10-slim", "1.10", "1.9", "nightly",
    ]  # fmt: skip
    assert len(registry.asked) == 1
    request = Request("", cache=Store(tmp_path / "cache"))
    found = list(tags.looked_up(request))
    assert len(registry.asked) == 1 + 2 * len(IMAGES)
    for image in found:
        assert image.reference.startswith("registry://")
        assert image.created is not None
        assert image.size
        assert str(image.platform) == "linux/amd64"
    assert len({image.id for image in found}) == len(IMAGES)


def test_pages(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are."""
    push(registry)
    monkeypatch.setattr(registry_tags, "_PAGE", 2)
    assert len(listed(registry).images()) == len(IMAGES)
    assert len(registry.asked) == 3


def test_a_list_without_end(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same page again ends it, and so do very many pages."""
    link = '</v2/app/tags/list?last=x>; rel="next"'

    def same(handler: Handler) -> bool:
        handler.reply(200, json.dumps({"tags": ["a", "b"]}).encode(), {"Link": link})
        return True

    registry.misbehave = same
    assert len(listed(registry).images()) == 2
    assert len(registry.asked) == 2
    monkeypatch.setattr(registry_tags, "MOST", 50)

    def more(handler: Handler) -> bool:
        new = [f"{len(handler.server.asked)}-{number}" for number in range(20)]
        handler.reply(200, json.dumps({"tags": new}).encode(), {"Link": link})
        return True

    registry.misbehave = more
    assert len(listed(registry).images()) == 50


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"tags": null}', b'{"tags": [1, "a b", "\\u001b[2J", "../x", ""]}']
)
def test_what_is_no_list_of_tags(registry: Registry, body: bytes) -> None:
    """An error, not an empty list."""

    def misbehave(handler: Handler) -> bool:
        handler.reply(200, body)
        return True

    registry.misbehave = misbehave
    with pytest.raises(LayerscopeError):
        listed(registry)


def test_no_repository(registry: Registry) -> None:
    """It is not found."""
    with pytest.raises(ImageNotFoundError, match=f"{registry.host} has no list of tags in app"):
        listed(registry)


def test_what_names_a_repository() -> None:
    """Without a tag and a digest, by its scheme."""
    assert whole_repository("registry://ghcr.io/org/app") == Reference("ghcr.io", "org/app")
    for other in (
        "registry://ghcr.io/org/app:1",
        "ghcr.io/org/app",
        "registry://a@sha256:" + "0" * 64,
    ):
        assert whole_repository(other) is None


async def test_the_picker_lists_them(registry: Registry, tmp_path: Path) -> None:
    """With size, and marked ones compared; a damaged one is listed by its name."""
    push(registry)
    registry.repository().manifests["odd"] = ("text/plain", b"?")
    request = Request("", cache=Store(tmp_path / "cache"), progress=NullProgress())
    app = PickerApp(request, tags=listed(registry))
    async with app.run_test(size=(100, 20)) as pilot:
        await looked(pilot)
        shown = "\n".join(screen_text(app))
        assert f"Tags of {registry.host}/app" in shown
        assert "6 tags" in shown
        assert " [ ] odd " in shown
        assert "amd64" in shown
        await pilot.press("enter")
    assert app.return_value is not None
    assert app.return_value[0].reference.startswith(f"registry://{registry.host}/app:")

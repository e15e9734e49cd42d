"""Reports for people show the place of a secret, never its value."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from layerscope.opening.open import Options, open_image
from layerscope.report import FORMATS, ReportOptions, writer_of
from layerscope.sources import Request
from tests.images import docker_archive, file, layer_tar, write

SECRETS = ("Zq9f8ePw71kq", "hunter22secret", "s3cr3tTok3nValue", "Ab12Cd34Ef56Gh78")
WITHOUT_FINDINGS = {"csv"}
"""Formats that list no findings."""
HISTORY: list[dict[str, object]] = [
    {"created_by": f"ENV DB_PASSWORD={SECRETS[0]} MODE=fast", "empty_layer": True},
    {"created_by": f"RUN |1 NPM_TOKEN={SECRETS[2]} /bin/sh -c npm ci # buildkit"},
    {
        "created_by": f"RUN /bin/sh -c export API_KEY={SECRETS[3]} && apt-get update && curl -u me:{SECRETS[1]} https://x # buildkit"
    },
]
CONFIG = {"config": {"Env": [f"DB_PASSWORD={SECRETS[0]}"], "Labels": {"api.token": SECRETS[3]}}}


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "json"])
def test_no_format_for_people_shows_a_secret(name: str, tmp_path: Path) -> None:
    """This holds for tables of steps and for fixes that quote the instruction; other text stays."""
    lists = layer_tar([file("var/lib/apt/lists/x", b"x" * 3_000_000)])
    image = write(
        tmp_path / "image.tar",
        docker_archive([layer_tar([file("a", b"a")]), lists], history=HISTORY, config=CONFIG),
    )
    opened = open_image(Request(str(image)), Options(rules={}))
    stream = io.BytesIO()
    writer_of(name)(opened, stream, ReportOptions(width=400))
    said = stream.getvalue().decode()
    assert not [secret for secret in SECRETS if secret in said]
    assert ("apt-lists" in said) == (name not in WITHOUT_FINDINGS)
    if name in ("text", "markdown", "html", "csv"):
        assert "DB_PASSWORD" in said
        assert "MODE=fast" in said


def test_json_keeps_the_texts_of_the_image(tmp_path: Path) -> None:
    """JSON has the history unchanged."""
    image = write(
        tmp_path / "image.tar",
        docker_archive([layer_tar([file("a", b"a")])] * 2, history=HISTORY, config=CONFIG),
    )
    stream = io.BytesIO()
    writer_of("json")(open_image(Request(str(image))), stream, ReportOptions())
    assert SECRETS[0] in json.loads(stream.getvalue())["steps"][0]["createdBy"]

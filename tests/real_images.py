"""Real images that are beside the project on some machines."""

from __future__ import annotations

from pathlib import Path

import pytest

FLASK = (
    Path(__file__).resolve().parents[2] / "shared" / "acceptance" / "images" / "flask.oci-zstd.tar"
)
"""A real image of a Python program, as an OCI archive with zstd layers."""

needs_flask = pytest.mark.skipif(
    not FLASK.exists(), reason="the acceptance images are not beside the project"
)

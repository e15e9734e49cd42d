"""The progress bar on stderr."""

from __future__ import annotations

import pytest

from layerscope.cli import bar


def test_the_bar_appears_while_work_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An engine may be silent for a long time and only ask whether to stop."""
    monkeypatch.setattr(bar, "is_terminal", lambda _: True)
    monkeypatch.setattr(bar, "PATIENCE", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with bar.progress_bar() as progress:
        monkeypatch.setattr(bar, "PATIENCE", 3600.0)
        progress.stage("Exporting from docker")
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(bar, "PATIENCE", 0.0)
        assert not progress.cancelled()
        assert "Exporting from docker" in capsys.readouterr().err

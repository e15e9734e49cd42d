"""Wheel and sdist are the same bytes wherever they are built, and hold what they should."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import layerscope
from layerscope.site import SITE
from tests.docs.page import ROOT
from tests.release.building import RELEASE_TIME, build, copy_tracked, run

pytestmark = pytest.mark.release


def _digests(dist: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in dist.iterdir()}


def test_two_builds_are_the_same_bytes(
    dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another directory, at another time, with another umask, time zone and locale."""
    copy_tracked(tmp_path / "elsewhere")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("LC_ALL", "C")
    build(tmp_path / "elsewhere", tmp_path / "dist", umask=0o077)
    assert _digests(tmp_path / "dist") == _digests(dist)


def test_twine_accepts_both(dist: Path) -> None:
    """What PyPI would refuse, or could not show."""
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(dist.iterdir()))


def test_all_times_are_those_of_the_release(wheel: Path, sdist: Path) -> None:
    """None of the machine that built it; ZIP stores even seconds since 1980."""
    with zipfile.ZipFile(wheel) as archive:
        assert len({entry.date_time for entry in archive.infolist()}) == 1
    with tarfile.open(sdist) as tar:
        members = tar.getmembers()
    assert {member.mtime for member in members} == {int(RELEASE_TIME)}
    assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "")}


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    """Every file of the package and the manual, none of the tests."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "layerscope").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    information = f"layerscope-{layerscope.__version__}.dist-info/"
    manual = f"layerscope-{layerscope.__version__}.data/data/share/man/man1/"
    package |= {manual + path.name for path in (ROOT / "man").iterdir()}
    assert {name for name in names if not name.startswith(information)} == package
    assert information + "licenses/LICENSE" in names


def test_links_of_the_readme_lead_somewhere_on_pypi(wheel: Path) -> None:
    """None is relative, and each page of the site has a file here."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        readme = message_from_bytes(archive.read(name)).get_payload()
    targets = re.findall(r"\]\(([^)\s]+)\)", str(readme))
    assert len(targets) > 20
    for target in targets:
        assert target.startswith("https://"), target
        if target.startswith(SITE):
            page = target.removeprefix(SITE).partition("#")[0].rstrip("/")
            places = (f"docs/{page}", f"docs/{page}.md", f"{page}.md", f"{page}/README.md", page)
            assert any((ROOT / place).is_file() for place in places), target


def test_the_sdist_can_run_the_tests(sdist: Path, tmp_path: Path) -> None:
    """All files that tests read are in it: every module is collected, and the tests of files pass."""
    with tarfile.open(sdist) as tar:
        tar.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**quiet, "PYTHONDONTWRITEBYTECODE": "1"}
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain")
    command = (sys.executable, "-m", "pytest", *options)
    where = "import layerscope; print(layerscope.__file__)"
    found = run(sys.executable, "-c", where, folder=source, environment=environment)
    assert Path(found.strip()).is_relative_to(source)
    run(*command, "-k", "test_pages or test_demo", folder=source, environment=environment)

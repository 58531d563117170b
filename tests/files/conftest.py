"""Where the files of a test lie: a folder of its own, or that of the running stack."""

from pathlib import Path
from typing import Any

import pytest

from tests.files.world import signed
from tests.stack import Stack


@pytest.fixture
def files(tmp_path: Path, settings: Any) -> Path:
    settings.FILES_DIR = tmp_path / "files"
    found: Path = settings.FILES_DIR
    return found


@pytest.fixture
def office(live_web: Stack, settings: Any) -> Stack:
    """The running product; what this process stores and orders is what it serves."""
    settings.FILES_DIR = live_web.servers.home.path / "files"
    settings.PUBLIC_URL = live_web.url
    return live_web


@pytest.fixture(scope="session")
def signature() -> dict[str, str]:
    """A certificate and a signature that hold for nothing in particular."""
    return signed(b"another file")

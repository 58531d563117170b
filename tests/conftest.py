"""What every test gets: English until it says otherwise, and the database left as it was."""

import gc
import os

os.environ.setdefault("EVBILLING_TESTING", "1")
os.environ.setdefault("SECRET_KEY", "test-secret-key-of-no-worth-but-long-enough")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evbilling.settings")

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.utils import translation

from tests import stack as stacks

gc.set_threshold(50_000)  # the suite is a tenth quicker for it
hypothesis.settings.register_profile("fast", max_examples=15, deadline=None)
hypothesis.settings.register_profile("default", deadline=None)


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files of chargers lie where no other run looks."""
    settings.FILES_DIR = tmp_path_factory.getbasetemp() / "files"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Django's test client leaves the language of its last request behind."""
    with translation.override("en"):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share the running stack run on one worker; the browser ring on that one too."""
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        if item.get_closest_marker("wire") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
def stack(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stacks.Stack]:
    """The product running for real, for as long as this worker runs."""
    with django_db_blocker.unblock():
        name = stacks.clone_database()
        running = stacks.Stack(tmp_path_factory.mktemp("stack"), name)
        try:
            running.start("sockets", "deliver")
            yield running
        finally:
            running.stop()
            stacks.drop_database(name)


@pytest.fixture
def live(stack: stacks.Stack, django_db_blocker: Any) -> Iterator[stacks.Stack]:
    """The running product, with this test's own database connection pointed at its database.

    Whoever the client was, every frame that the test made the server send has to be legal.
    """
    with django_db_blocker.unblock(), stacks.using_database(stack.database):
        yield stack
    stack.check_frames()


@pytest.fixture
def live_web(live: stacks.Stack) -> stacks.Stack:
    """The same, with pages and API."""
    return live.start("web")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One Chromium for a module. Playwright keeps an event loop running in this thread for as long:
    Django's check for one is not meant for that, and no other module may meet it."""
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()

"""Each case can fail: against a server that lacks just what it names, it turns red.

A mutant is the product with one behaviour changed from outside (``tests.inside.sitecustomize``), in
a socket process of its own. That it still serves everything else is shown by a canary.
"""

import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from jsonschema_rs import ValidationError
from websockets.exceptions import WebSocketException

from tests.certification import report, states
from tests.certification.cases import CASES, Case
from tests.certification.mutants import ILLEGAL, MUTANTS
from tests.certification.processes import socket_process
from tests.certification.registry import in_order
from tests.certification.scene import Scene, Site
from tests.stack import Stack
from tests.wire import CallError

pytestmark = pytest.mark.soak
# How a case may fail. Anything else is a fault of the case itself.
RED = (
    AssertionError,
    CallError,
    TimeoutError,
    ValidationError,
    WebSocketException,
    httpx.HTTPError,
    ssl.SSLError,
    KeyError,
    pytest.fail.Exception,
)
PATIENCE = 2.0  # seconds; a mutant that says nothing is soon understood
CASE_OF = dict(in_order())


@pytest.fixture(scope="module")
def results() -> Iterator[list[report.Killed]]:
    """What came of each mutant; written into the docs once all of them ran."""
    found: list[report.Killed] = []
    yield found
    if len(found) == len(CASES):
        report.write_mutants(found)


def canary(site: Site) -> None:
    """The server is up and answers as ours does: boot and heartbeat."""
    with Scene(site, PATIENCE) as scene:
        scene.connect()
        assert states.boot(scene)["interval"] > 0
        assert set(scene.point.says("Heartbeat")) == {"currentTime"}


def test_there_is_a_mutant_for_every_case() -> None:
    assert set(MUTANTS) - {ILLEGAL.case} == {case.number for case in CASES}
    sentences = [mutant.does for mutant in MUTANTS.values()]
    assert len(set(sentences)) == len(sentences), "each is a mutant of its own"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_its_mutant_turns_the_case_red(
    live_web: Stack, tmp_path: Path, results: list[report.Killed], case: Case
) -> None:
    mutant = MUTANTS[case.number]
    book = tmp_path / "book"
    with (
        socket_process(live_web, book, EVBILLING_MUTANT=case.number) as doors,
        closing(Site(live_web, doors)) as site,
    ):
        canary(site)
        with Scene(site, PATIENCE) as scene, pytest.raises(RED) as red:
            CASE_OF[case.number](scene)
        canary(site)
    assert not book.exists(), "what a mutant says is wrong, but legal"
    results.append(report.Killed(case, mutant.does, report.first_line(red.value)))


def test_a_process_of_its_own_without_a_mutant_leaves_every_case_green(
    live_web: Stack, tmp_path: Path
) -> None:
    with (
        socket_process(live_web, tmp_path / "book") as doors,
        closing(Site(live_web, doors)) as site,
    ):
        for _, case in in_order():
            with Scene(site, PATIENCE) as scene:
                case(scene)


def test_an_illegal_frame_of_a_running_server_is_seen_by_the_witness(
    live_web: Stack, tmp_path: Path
) -> None:
    book = tmp_path / "book"
    with (
        socket_process(live_web, book, EVBILLING_MUTANT=ILLEGAL.case) as doors,
        closing(Site(live_web, doors)) as site,
        Scene(site, PATIENCE) as scene,
    ):
        scene.connect()
        scene.point.socket.send('[2,"h","Heartbeat",{}]')
        assert scene.point.receive()[2] == {"currentTime": "later"}
    assert "HeartbeatResponse" in book.read_text()

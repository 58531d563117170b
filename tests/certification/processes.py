"""A socket process of a case's own beside the running stack: a mutant, or one with TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evbilling.supervisor.config import free_port
from evbilling.supervisor.processes import PRODUCT, accepts
from tests.stack import Stack, eventually


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a socket process lets chargers in: plain, and over TLS."""

    port: int
    tls_port: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp/1.6/"

    @property
    def tls_url(self) -> str:
        return f"wss://127.0.0.1:{self.tls_port}/ocpp/1.6/"


def doors_of(stack: Stack) -> Doors:
    return Doors(stack.ocpp_port, stack.ocpp_tls_port)


@contextmanager
def socket_process(stack: Stack, book: Path, **environ: str) -> Iterator[Doors]:
    """It shares the stack's database, so orders reach its chargers as any others.

    ``book``: where its illegal frames are written.
    """
    doors = Doors(free_port(), free_port())
    process = stack.servers.process(
        "sockets",
        PRODUCT,
        PORT=str(stack.port),
        OCPP_PORT=str(doors.port),
        OCPP_TLS_PORT=str(doors.tls_port),
        EVBILLING_WITNESS=str(book),
        **environ,
    )
    with process as running:
        running.wait_ready()
        eventually(lambda: accepts("127.0.0.1", doors.tls_port))  # opened a little later
        yield doors

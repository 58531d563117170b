"""A socket process of a case's own beside the running stack: a mutant, or one with TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evbilling.supervisor.config import free_port
from tests.stack import Stack


@contextmanager
def socket_process(stack: Stack, book: Path, **environ: str) -> Iterator[int]:
    """Its port. It shares the stack's database, so orders reach its chargers as any others.

    ``book``: where its illegal frames are written.
    """
    port = free_port()
    process = stack.servers.process(
        "sockets", OCPP_PORT=str(port), PORT=str(stack.port), EVBILLING_WITNESS=str(book), **environ
    )
    with process as running:
        running.wait_ready()
        yield port

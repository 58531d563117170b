"""Whatever happens to the supervisor, nothing of it stays; whatever happens below, it comes back."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest

from evbilling.supervisor import procfs
from evbilling.supervisor.servers import Servers
from tests.supervisor.conftest import Supervised, environ, left_in, nothing_left, sql, until
from tests.supervisor.table import TABLE

pytestmark = pytest.mark.wire

Start = Callable[..., Supervised]


def test_demo_says_ready_then_the_logins_and_stops_on_sigterm(
    supervise: Start, external: dict[str, str]
) -> None:
    demo = supervise(external)
    lines = demo.lines_to("READY")
    ports = {name: external[name] for name in ("PORT", "OCPP_PORT")}
    assert lines[-1] == (
        "READY web=http://127.0.0.1:{PORT} ocpp=ws://127.0.0.1:{OCPP_PORT}/ocpp/1.6/"
    ).format(**ports)
    assert demo.lines_to("เจ้าของ")[-1] == "เจ้าของ owner / demo"
    assert demo.end(signal.SIGTERM) == (0, "Stopped.\n")
    assert left_in(demo.data_dir) == []
    assert not (demo.data_dir / "run.json").exists()


def test_sigkill_leaves_no_process_no_server_and_no_run_json(
    supervise: Start, data_dir: Path
) -> None:
    demo = supervise(environ(data_dir))
    demo.lines_to("READY")
    family = demo.pid_of("family")
    until(lambda: len(_children(family)) == 2, "it has children")
    everybody = left_in(data_dir)
    for part in ("dummy family", "time.sleep", "redis-server", "bin/postgres", "guard"):
        assert any(part in line for line in everybody), part
    demo.end(signal.SIGKILL)
    nothing_left(data_dir)
    until(lambda: not (data_dir / "run.json").exists(), "run.json removed")


def test_sigkill_of_supervisor_and_guard_at_once_still_leaves_nothing_that_listens(
    supervise: Start, external: dict[str, str]
) -> None:
    demo = supervise(external)
    demo.lines_to("READY")
    guard = next(int(line.split()[0]) for line in left_in(demo.data_dir) if ".guard" in line)
    children = [demo.pid_of(name) for name in ("web", "sockets", "simulator", "family")]
    os.kill(guard, signal.SIGSTOP)
    demo.end(signal.SIGKILL)
    until(lambda: not any(map(procfs.start_time, children)), "the kernel ends the children")
    os.kill(guard, signal.SIGCONT)


def test_a_guard_that_dies_is_replaced_and_ctrl_c_stops_everything(
    supervise: Start, external: dict[str, str]
) -> None:
    demo = supervise(external)
    demo.lines_to("READY")

    def guards() -> list[int]:
        return [int(line.split()[0]) for line in left_in(demo.data_dir) if ".guard" in line]

    (first,) = guards()
    os.kill(first, signal.SIGKILL)
    until(lambda: guards() and guards() != [first], "another guard")
    assert demo.end(signal.SIGINT) == (0, "เจ้าของ owner / demo\nStopped.\n")
    assert left_in(demo.data_dir) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_make_alone_stops_everything(
    supervise: Start, external: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    makefile = tmp_path / "Makefile"
    makefile.write_text("demo:\n\t@exec $(COMMAND)\n")
    make = supervise(external, parent=("make", "-f", str(makefile), "demo"))
    make.lines_to("READY")
    os.kill(make.popen.pid, number)
    _, output = make.wait()
    assert "\nStopped.\n" in output
    if number == signal.SIGKILL:
        assert "The process that started this is gone: stopping." in output
    nothing_left(make.data_dir)


def test_a_killed_process_comes_back_without_its_old_children(
    supervise: Start, external: dict[str, str]
) -> None:
    demo = supervise(external)
    demo.lines_to("READY")
    first = demo.pid_of("family")
    until(lambda: _children(first), "it has children")
    in_its_group = next(pid for pid in _children(first) if os.getpgid(pid) == first)
    os.kill(first, signal.SIGKILL)
    line = demo.lines_to("family")[-1]
    assert line == "family was ended by SIGKILL; starting it again in 0.2 s"
    until(lambda: demo.pid_of("family") != first, "a new one")
    assert procfs.start_time(in_its_group) is None
    assert demo.end()[0] == 0


def test_postgres_comes_back_with_its_data_after_sigkill(supervise: Start, data_dir: Path) -> None:
    demo = supervise(environ(data_dir))
    demo.lines_to("READY")
    url = demo.run_json()["DATABASE_URL"]
    sql(url, "CREATE TABLE kept (at float); INSERT INTO kept VALUES (%s)", time.time())
    first = demo.pid_of("postgres")
    os.kill(first, signal.SIGKILL)
    demo.lines_to("postgres was ended by SIGKILL")
    until(lambda: demo.pid_of("postgres") != first and _answers(url), "it answers again")
    assert sql(url, "SELECT count(*) FROM kept") == 1
    sql(url, "DROP TABLE kept; SELECT 1")
    assert demo.end()[0] == 0
    assert left_in(data_dir) == []


def test_servers_and_processes_end_with_their_block(servers: Servers) -> None:
    given = {**os.environ, "DATABASE_URL": servers.database_url, "REDIS_URL": ""}
    with (
        Servers(environ=given) as own,
        own.process("web", TABLE, PROCESS_COLOUR="green").start().wait_ready() as web,
    ):
        folder, pids = own.home.path, [own.redis.pid, web.pid]
        started_with = Path(f"/proc/{web.pid}/environ").read_bytes().split(b"\0")
        assert b"PROCESS_COLOUR=green" in started_with
        assert f"REDIS_URL={own.redis_url}".encode() in started_with
        assert web.kill9() == -signal.SIGKILL
        web.start().wait_ready()
        pids.append(web.pid)
    assert not any(map(procfs.start_time, pids))
    assert not folder.exists()


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _answers(url: str) -> bool:
    try:
        return sql(url, "SELECT 1") == 1
    except psycopg2.OperationalError:
        return False

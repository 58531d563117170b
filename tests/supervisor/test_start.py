"""How the supervisor starts: what it finds, what it refuses in one sentence, what it runs once."""

import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evbilling.supervisor import procfs
from evbilling.supervisor.config import BASE_DIR
from evbilling.supervisor.home import Home, identity
from evbilling.supervisor.servers import Servers
from tests.supervisor.conftest import Supervised, bare_environ, environ, nothing_left, sql

pytestmark = pytest.mark.wire

Start = Callable[..., Supervised]
SLEEPER = [sys.executable, "-S", "-c", "import time; time.sleep(1000)"]


def execute(given: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evbilling.supervisor", "exec", *words]
    return subprocess.run(
        command, cwd=BASE_DIR, env=given, capture_output=True, text=True, timeout=20, check=False
    )


def test_a_second_start_says_who_runs_and_touches_nothing(
    supervise: Start, external: dict[str, str]
) -> None:
    first = supervise(external)
    first.lines_to("READY")
    code, output = supervise(external).wait()
    assert code == 2
    assert f"evbilling already runs at http://127.0.0.1:{external['PORT']}" in output
    assert f"pid {first.popen.pid}" in output
    assert first.end()[0] == 0


@pytest.mark.parametrize("variable", ["PORT", "OCPP_PORT"])
def test_a_port_in_use_is_named_with_its_variable_and_its_holder(
    supervise: Start, external: dict[str, str], variable: str
) -> None:
    with socket.create_server(("127.0.0.1", int(external[variable]))):
        code, output = supervise(external).wait()
    holder = f"pid {os.getpid()} ({procfs.command_line(os.getpid())})"
    assert code == 2
    assert output == (
        f"Port {external[variable]} ({variable}) is in use by {holder}:"
        f" stop it or change {variable}.\n"
    )


def test_half_a_tls_configuration_is_refused(supervise: Start, external: dict[str, str]) -> None:
    code, output = supervise({**external, "TLS_CERT": __file__}).wait()
    assert (code, output) == (2, "TLS_CERT is set, but TLS_KEY is not: TLS needs both.\n")


def test_what_a_dead_supervisor_recorded_is_ended_and_nobody_else(
    supervise: Start, external: dict[str, str], tmp_path: Path
) -> None:
    orphan, stranger = (subprocess.Popen(SLEEPER, start_new_session=True) for _ in "12")
    home = Home(tmp_path / "data")
    home.path.mkdir()
    home.record(
        boot=procfs.boot_id(),
        supervisor={"pid": stranger.pid, "start": 1},
        processes={"web": identity(orphan.pid), "beat": {"pid": stranger.pid, "start": 1}},
    )
    demo = supervise(external)
    demo.lines_to("READY")
    assert orphan.wait(10) == -signal.SIGKILL
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert demo.end()[0] == 0


def test_an_orphaned_postgres_is_stopped_and_its_data_kept(data_dir: Path) -> None:
    bare = bare_environ()
    servers = Servers(data_dir, environ=bare).start()
    server = servers.postgres
    sql(servers.database_url, "CREATE TABLE orphaned AS SELECT 42 AS answer")
    servers.redis.stop()
    servers.home.release()  # as if the supervisor were gone, while PostgreSQL runs on

    with Servers(data_dir, environ=bare) as again:
        assert server.wait() == 0
        assert sql(again.database_url, "SELECT answer FROM orphaned") == 42
        sql(again.database_url, "DROP TABLE orphaned")


def test_data_of_another_major_version_is_refused_with_what_to_type(passable: Path) -> None:
    data = passable / "pg"
    data.mkdir()
    (data / "PG_VERSION").write_text("15\n")
    done = execute(environ(data.parent), "true")
    assert done.returncode == 2
    assert "written by PostgreSQL 15, this release runs PostgreSQL 18" in done.stderr
    assert done.stderr.rstrip().endswith(f"type: mv {data} {data}15")
    assert (data / "PG_VERSION").read_text() == "15\n"


def test_a_long_data_dir_gets_its_sockets_elsewhere_and_they_go_again(
    servers: Servers, passable: Path
) -> None:
    deep = passable / ("ลึก" * 20) / ("x" * 60)
    given = environ(deep, DATABASE_URL=servers.database_url)
    ping = "import os, redis; r = redis.Redis.from_url(os.environ['REDIS_URL']); print(r.ping())"
    done = execute(given, "--", sys.executable, "-c", f"{ping}; print(os.environ['REDIS_URL'])")
    answer, url = done.stdout.splitlines()
    assert answer == "True", done.stderr
    assert url.startswith("unix:///tmp/evbilling-")
    assert not Path(url.removeprefix("unix://")).parent.exists()


def test_exec_passes_the_exit_code_and_uses_the_servers_of_a_running_supervisor(
    supervise: Start, external: dict[str, str]
) -> None:
    assert execute(external, "--", "sh", "-c", "exit 7").returncode == 7
    demo = supervise(external)
    demo.lines_to("READY")
    elsewhere = {**external, "DATABASE_URL": "", "REDIS_URL": ""}
    done = execute(elsewhere, "--", "sh", "-c", "echo $DATABASE_URL $REDIS_URL")
    assert done.stdout.split() == [external["DATABASE_URL"], external["REDIS_URL"]]
    assert demo.end()[0] == 0


def test_a_second_start_migrates_nothing_and_keeps_the_secret(
    supervise: Start, external: dict[str, str]
) -> None:
    found = []
    for _ in range(2):
        demo = supervise(external)
        lines = demo.lines_to("READY")
        assert demo.end()[0] == 0
        secret = demo.data_dir / "secret_key"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        found.append((secret.read_text(), lines[-1]))
    assert found[0] == found[1]
    assert len((demo.data_dir / "migrated.log").read_text().splitlines()) == 1
    assert len((demo.data_dir / "demo" / "fleet.json").read_text().splitlines()) == 2


def test_the_first_run_creates_the_owner_or_says_what_it_lacks(
    supervise: Start, external: dict[str, str]
) -> None:
    url = external["DATABASE_URL"]
    sql(url, "CREATE TABLE users_admin (id int)")
    try:
        given = {**external, "BIND": "127.0.0.1", "COMPANY_NAME": "ปั๊มไฟ", "OWNER_USERNAME": "ann"}
        code, output = supervise(given, "run").wait()
        assert code == 2
        assert output.endswith("The first run needs OWNER_PASSWORD in the environment.\n")

        run = supervise({**given, "OWNER_PASSWORD": "correct horse"}, "run")
        run.lines_to("READY")
        owner = json.loads((run.data_dir / "owner.json").read_text())
        words = ["--level", "owner", "--username", "ann", "--password", "correct horse"]
        assert owner == {"words": words[2:], "company": "ปั๊มไฟ"}
        assert "simulator" not in run.run_json()["processes"]
        assert run.end()[0] == 0

        sql(url, "INSERT INTO users_admin VALUES (1)")
        again = supervise({**external, "BIND": "127.0.0.1"}, "run")
        again.lines_to("READY")
        assert again.end()[0] == 0
    finally:
        sql(url, "DROP TABLE users_admin")


def test_a_failing_step_ends_the_start_with_its_last_lines(
    supervise: Start, external: dict[str, str]
) -> None:
    (Path(external["DATA_DIR"]) / "migrated.log").mkdir(parents=True)
    code, output = supervise(external).wait()
    assert code == 2
    assert "migrate exited with code 1:" in output
    assert "IsADirectoryError" in output.splitlines()[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_normal_user_needs_no_other_account_and_no_copy(passable: Path) -> None:
    """Everything runs in place as the user, with a Python that this user can reach."""
    nobody = pwd.getpwnam("nobody")
    python = next((each for each in _pythons() if _can_run(each, nobody.pw_uid)), None)
    if python is None:
        pytest.skip("no Python of this version that another user can run")
    os.chown(passable, nobody.pw_uid, nobody.pw_gid)
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    given = {**bare_environ(), "PYTHONPATH": packages, "TMPDIR": str(passable)}
    who = "ps -o user= -p $(head -1 $DATA_DIR/pg/postmaster.pid) && ls $DATA_DIR"
    done = subprocess.run(
        [python, "-m", "evbilling.supervisor", "exec", "--throwaway", "--", "sh", "-c", who],
        cwd=BASE_DIR,
        env=given,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    user, *entries = done.stdout.split()
    assert user == "nobody", done.stderr
    assert "pg" in entries
    assert "bin" not in entries
    nothing_left(passable)
    assert list(passable.iterdir()) == []


def _pythons() -> list[str]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [sys.executable, *filter(None, [shutil.which(version, path=os.defpath)])]


def _can_run(python: str, uid: int) -> bool:
    try:
        done = subprocess.run([python, "-c", ""], user=uid, cwd="/", check=False)
    except PermissionError:
        return False
    return done.returncode == 0

"""What the supervisor reads from the environment, and that the settings read the same."""

import signal
from pathlib import Path

import dj_database_url
import pytest

from evbilling import env
from evbilling.supervisor import postgres, procfs, redis_server
from evbilling.supervisor.config import BASE_DIR, Config, data_dir, value
from evbilling.supervisor.errors import Refused
from evbilling.supervisor.home import Home
from evbilling.supervisor.process import exit_text
from evbilling.supervisor.processes import PRODUCT, Site

pytestmark = pytest.mark.pure


def read(**environ: str) -> Config:
    return Config.read(environ, bind="127.0.0.1")


def test_addresses_follow_bind_ports_and_tls(tmp_path: Path) -> None:
    assert read().web_url == "http://127.0.0.1:8000"
    assert read().ocpp_url == "ws://127.0.0.1:9000/ocpp/1.6/"
    everywhere = read(BIND="0.0.0.0", PORT="80", OCPP_PORT="90")  # noqa: S104
    assert everywhere.web_url == "http://127.0.0.1:80"
    assert read(BIND="::").web_url == "http://[::1]:8000"
    cert = tmp_path / "cert.pem"
    cert.touch()
    secure = read(TLS_CERT=str(cert), TLS_KEY=str(cert))
    assert (secure.web_url, secure.ocpp_http_url) == (
        "https://127.0.0.1:8000",
        "https://127.0.0.1:9000",
    )
    assert secure.ocpp_url.startswith("wss://")
    both = read(TLS_CERT=str(cert), TLS_KEY=str(cert), OCPP_TLS_PORT="9443")
    assert (both.ocpp_url, both.environ()["OCPP_TLS_PORT"]) == (
        "ws://127.0.0.1:9000/ocpp/1.6/",
        "9443",
    )
    assert "OCPP_TLS_PORT" not in read().environ()


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"PORT": "http"}, "PORT=http is not a port: give a number from 1 to 65535."),
        ({"OCPP_PORT": "0"}, "OCPP_PORT=0 is not a port: give a number from 1 to 65535."),
        ({"PORT": "9000"}, "PORT and OCPP_PORT are both 9000; they must differ."),
        ({"OCPP_TLS_PORT": "8000"}, "PORT and OCPP_TLS_PORT are both 8000; they must differ."),
        ({"OCPP_TLS_PORT": "x"}, "OCPP_TLS_PORT=x is not a port: give a number from 1 to 65535."),
        ({"TLS_KEY": "/k"}, "TLS_KEY is set, but TLS_CERT is not: TLS needs both."),
        ({"TLS_KEY": "/k", "TLS_CERT": "/c"}, "TLS_CERT=/c cannot be read."),
        ({"PORT_FILE": "/no"}, "PORT_FILE: /no cannot be read: No such file or directory."),
    ],
)
def test_half_a_configuration_is_one_sentence(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(**environ)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("scheme", ["mysql://x/y", "sqlite:///y"])
def test_only_postgresql_is_taken(scheme: str) -> None:
    with pytest.raises(Refused, match="only PostgreSQL is supported"):
        postgres.check_external(scheme)


def test_an_external_database_that_does_not_answer_is_one_sentence() -> None:
    with pytest.raises(Refused, match=r"^The database of DATABASE_URL does not answer: .*\.$"):
        postgres.check_external("postgres://nobody@127.0.0.1:1/none")


def test_an_external_redis_that_does_not_answer_is_one_sentence() -> None:
    with pytest.raises(Refused, match=r"^The Redis of REDIS_URL does not answer: "):
        redis_server.check_external("redis://127.0.0.1:1/0")


def test_supervisor_and_settings_agree_on_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATA_DIR", raising=False)
    assert data_dir({}) == env.data_dir()
    given = tmp_path / "given"
    given.write_text(f" {tmp_path}/elsewhere \n")
    monkeypatch.setenv("DATA_DIR_FILE", str(given))
    environ = {"DATA_DIR_FILE": str(given)}
    assert data_dir(environ) == env.data_dir() == tmp_path / "elsewhere"
    assert value(environ, "DATA_DIR") == env.env("DATA_DIR")


@pytest.mark.parametrize("folder", ["/var/lib/evbilling/s", "/home/สมชาย/my data/S"])
def test_django_finds_the_socket_folder_in_the_url(folder: str) -> None:
    found = dj_database_url.parse(postgres.url(Path(folder)))
    assert (found["HOST"], found["NAME"], found["USER"]) == (folder, "evbilling", "evbilling")


def test_start_time_tells_processes_apart_and_the_dead_have_none() -> None:
    assert procfs.start_time(1) != procfs.start_time(procfs_own())
    assert procfs.start_time(2**22 + 1) is None


def procfs_own() -> int:
    return int(Path("/proc/self").readlink().name)


def test_exit_text_names_the_signal() -> None:
    assert exit_text(-signal.SIGKILL) == "was ended by SIGKILL"
    assert exit_text(3) == "exited with code 3"


def test_the_table_can_be_filled_in_and_chargers_start_first(tmp_path: Path) -> None:
    site = Site(Home(tmp_path), read(OCPP_PORT="9001"), {})
    rows = {row.name: row for row in PRODUCT.processes}
    simulator = site.spec("simulator", rows["simulator"].command).command
    assert "ws://127.0.0.1:9001/ocpp/1.6/" in simulator
    assert simulator[-1] == str(site.control_port)
    assert f"{tmp_path}/demo/fleet.json" in simulator
    assert min(rows.values(), key=lambda row: row.stage).name == "sockets"
    for row in rows.values():
        spec = site.spec(row.name, row.command)
        assert not any("{" in word for word in spec.command)
        assert (spec.environ["PROCESS_NAME"], spec.cwd) == (row.name, BASE_DIR)

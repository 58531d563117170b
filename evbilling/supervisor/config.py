"""What the environment asks of the supervisor; half an answer is refused with one sentence."""

import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evbilling import gateway_settings
from evbilling.supervisor import procfs
from evbilling.supervisor.errors import Refused

BASE_DIR = Path(__file__).resolve().parent.parent.parent
ROOT_DATA_DIR = Path("/var/lib/evbilling")
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared only


def value(environ: Mapping[str, str], name: str) -> str | None:
    """NAME, or the content of the file that NAME_FILE names: as ``evbilling.env`` reads it."""
    if path := environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip() or None
        except OSError as error:
            raise Refused(f"{name}_FILE: {path} cannot be read: {error.strerror}.") from error
    return environ.get(name, "").strip() or None


def data_dir(environ: Mapping[str, str]) -> Path:
    if given := value(environ, "DATA_DIR"):
        return Path(given).resolve()
    return ROOT_DATA_DIR if os.geteuid() == 0 else BASE_DIR / "var"


@dataclass(frozen=True)
class Config:
    """Where the product listens."""

    bind: str
    port: int
    ocpp_port: int
    tls: bool
    ocpp_tls_port: int = 0  # chargers over TLS beside ocpp_port; 0: none

    @classmethod
    def read(cls, environ: Mapping[str, str], *, bind: str) -> "Config":
        config = cls(
            bind=value(environ, "BIND") or bind,
            port=_port(environ, "PORT", 8000),
            ocpp_port=_port(environ, "OCPP_PORT", 9000),
            tls=_tls(environ),
            ocpp_tls_port=_port(environ, "OCPP_TLS_PORT", 0),
        )
        ports = config.ports()
        for name, port in ports.items():
            for other in ports:
                if name < other and port == ports[other]:
                    raise Refused(f"{other} and {name} are both {port}; they must differ.")
        _check_gateways(environ)
        return config

    def ports(self) -> dict[str, int]:
        """Every port that is listened on, by its variable."""
        found = {"PORT": self.port, "OCPP_PORT": self.ocpp_port}
        return found | ({"OCPP_TLS_PORT": self.ocpp_tls_port} if self.ocpp_tls_port else {})

    @property
    def host(self) -> str:
        """Where this machine reaches what listens on ``bind``, as it stands in a URL."""
        address = ANY_ADDRESS.get(self.bind, self.bind)
        return f"[{address}]" if ":" in address else address

    @property
    def web_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def ocpp_url(self) -> str:
        return f"{'wss' if self._tls_only else 'ws'}://{self.host}:{self.ocpp_port}/ocpp/1.6/"

    @property
    def ocpp_tls_url(self) -> str:
        """'' where chargers have no TLS port of their own."""
        port = self.ocpp_tls_port
        return f"wss://{self.host}:{port}/ocpp/1.6/" if port else ""

    @property
    def ocpp_http_url(self) -> str:
        return f"{'https' if self._tls_only else 'http'}://{self.host}:{self.ocpp_port}"

    @property
    def _tls_only(self) -> bool:
        """With a port for TLS beside it, OCPP_PORT stays plain."""
        return self.tls and not self.ocpp_tls_port

    def environ(self) -> dict[str, str]:
        return {"BIND": self.bind} | {name: str(port) for name, port in self.ports().items()}

    def check_ports(self) -> None:
        """Refuse before anything starts when a port cannot be had."""
        for name, port in self.ports().items():
            _check_port(self.bind, port, name)


def free_port() -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = value(environ, name) or str(default)
    if text == str(default):
        return default
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise Refused(f"{name}={text} is not a port: give a number from 1 to 65535.")
    return int(text)


def _tls(environ: Mapping[str, str]) -> bool:
    given = {name: value(environ, name) for name in ("TLS_CERT", "TLS_KEY")}
    missing = [name for name, path in given.items() if not path]
    if len(missing) == 1:
        other = "TLS_KEY" if missing == ["TLS_CERT"] else "TLS_CERT"
        raise Refused(f"{other} is set, but {missing[0]} is not: TLS needs both.")
    for name, path in given.items():
        if path and not os.access(path, os.R_OK):
            raise Refused(f"{name}={path} cannot be read.")
    return not missing


def _check_gateways(environ: Mapping[str, str]) -> None:
    given = {name: value(environ, name) or "" for name in gateway_settings.NAMES}
    if complaints := gateway_settings.complaints(given):
        raise Refused(" ".join(complaints))


def _check_port(bind: str, port: int, variable: str) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            bind or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise Refused(f"BIND={bind} is not an address.") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise Refused(_port_refusal(bind, port, variable, error)) from None


def _port_refusal(bind: str, port: int, variable: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        pid = procfs.listener(port)
        holder = f"pid {pid} ({procfs.command_line(pid)})" if pid else "a process of another user"
        return f"Port {port} ({variable}) is in use by {holder}: stop it or change {variable}."
    if error.errno == errno.EACCES:
        return f"Port {port} ({variable}) is for root only: set {variable} to 1024 or more."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"BIND={bind} is not an address of this machine."
    return f"Port {port} ({variable}) cannot be used: {error.strerror}."

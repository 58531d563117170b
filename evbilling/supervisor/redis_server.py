"""The embedded Redis: reached by a private socket only, keeps nothing; and an external one."""

import os
import socket
from pathlib import Path
from urllib.parse import quote

from evbilling.supervisor import binaries
from evbilling.supervisor.accounts import Account
from evbilling.supervisor.errors import Refused
from evbilling.supervisor.home import Home
from evbilling.supervisor.process import Spec


def spec(home: Home, account: Account | None, sockets: Path) -> Spec:
    address = sockets / "redis.sock"
    # Nothing is true only in Redis, so it saves nothing. Port 0: by default it would listen
    # on every interface without a password.
    options = {
        "--port": "0",
        "--unixsocket": str(address),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--daemonize": "no",
        "--dir": str(sockets),
    }
    program = binaries.redis_program(home.path / "bin", account)
    return Spec(
        name="redis",
        command=(str(program), *(word for option in options.items() for word in option)),
        environ={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        log=home.log("redis"),
        account=account,
        ready=lambda pid: _answers(address),
    )


def url(sockets: Path) -> str:
    return f"unix://{quote(str(sockets))}/redis.sock"


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(address))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def check_external(redis_url: str) -> None:
    """Refuse a Redis that does not answer."""
    import redis

    if not redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise Refused("REDIS_URL must begin with redis://, rediss:// or unix://.")
    client = redis.Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=5)
    try:
        client.ping()
    except redis.RedisError as error:
        raise Refused(f"The Redis of REDIS_URL does not answer: {error}.") from None
    finally:
        client.close()

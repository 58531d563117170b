"""Stands in for the product: quick processes of the standard library with the same manners."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

SLEEPER = [sys.executable, "-S", "-c", "import time; time.sleep(1000)"]


ANSWERS = {
    "/readyz": {"ok": True},
    "/demo/ready": {"charging": 1, "logins": ["เจ้าของ owner / demo"]},
}


def listen(variable: str) -> None:
    """HTTP by hand: importing a server takes longer than all the rest."""
    with socket.create_server((os.environ["BIND"], int(os.environ[variable]))) as server:
        while True:
            client, _ = server.accept()
            with client:
                question = client.recv(4096).split()
                found = ANSWERS.get(question[1].decode()) if question else None
                status = "200 OK" if found else "404 Not Found"
                head = f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n"
                client.sendall((head + json.dumps(found)).encode())


def family() -> None:
    """A child in the same group and one in a session of its own, which no group signal reaches."""
    subprocess.Popen(SLEEPER)
    subprocess.Popen(SLEEPER, start_new_session=True)
    signal.pause()


def after(file: str) -> None:
    """Needs the file from the start, as the simulator needs its fleet."""
    Path(file).read_text()
    signal.pause()


def note(name: str) -> None:
    """Say in a file of DATA_DIR that it ran, and when."""
    with (Path(os.environ["DATA_DIR"]) / name).open("a") as file:
        file.write(f"{time.time()}\n")


def owner(*words: str) -> None:
    given = {"words": words, "company": os.environ["COMPANY_NAME"]}
    (Path(os.environ["DATA_DIR"]) / "owner.json").write_text(json.dumps(given))


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    globals()[what](*arguments)

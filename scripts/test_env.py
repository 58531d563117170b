"""Runs pytest beside real servers: ``python scripts/test_env.py fast|test|certification|soak [words]``.

PostgreSQL and Redis are throwaway ones unless DATABASE_URL and REDIS_URL name others. The quick
ring needs neither: starting a server and making its tables would take longer than its tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = str(ROOT / ".venv" / "bin" / "python")
WHOLE_STORIES = ("pages", "customer", "api", "e2e")
QUICK = "not wire and not browser and not soak and not django_db"
RINGS = {
    "fast": [
        *("-m", QUICK, "-n", "2", "--hypothesis-profile=fast"),
        *(f"--ignore=tests/{part}" for part in WHOLE_STORIES),
    ],
    "test": ["-m", "not soak", "-n", "2", "--dist", "loadgroup"],
    "certification": ["-m", "not soak", "tests/certification"],
    "soak": ["-m", "soak", "-rP"],
}
NEEDS_BROWSER = ("test", "soak")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Tests say themselves what they run with; what the shell has set for a demo is not meant for them.
FOREIGN = ("PORT", "OCPP_PORT", "BIND", "TLS_CERT", "TLS_KEY", "PUBLIC_URL", "DATA_DIR", "DEBUG")


def browser() -> str:
    """Path of a Chromium: CHROMIUM, the machine's, or as root on Debian one installed now."""
    if given := os.environ.get("CHROMIUM"):
        return given
    if found := _installed():
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(
            "The browser tests need Chromium: install it (Debian: apt-get install chromium),"
            " or name one in CHROMIUM."
        )
    print("Installing Debian's chromium for the browser tests.", flush=True)
    _apt("update")
    _apt("install", "-y", "--no-install-recommends", "chromium")
    return _installed() or sys.exit("apt-get installed no chromium; name one in CHROMIUM.")


def _installed() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _apt(*words: str) -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-q", *words], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-6:])
        sys.exit(f"apt-get {words[0]} failed:\n  {tail}")


def environ(ring: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    # Compiling every import anew would cost each of many short processes a second.
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    ours = {"EVBILLING_TESTING": "1", "SECRET_KEY": "only-for-tests", "PYTHONUNBUFFERED": "1"}
    if ring in NEEDS_BROWSER:
        ours["CHROMIUM"] = browser()
    if ring == "certification":
        ours["CERTIFICATION_REPORT"] = "1"  # the run writes docs/certification.md
    node = ROOT / ".uv" / "bin"
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(node)])
    return {**inherited, **ours, "PATH": path}


def main(ring: str, *words: str) -> None:
    os.chdir(ROOT)
    servers = [PYTHON, "-m", "evbilling.supervisor", "exec", "--throwaway", "--"]
    command = [*(servers if ring != "fast" else ()), PYTHON, "-m", "pytest", *RINGS[ring], *words]
    os.execve(PYTHON, command, environ(ring))  # noqa: S606 - make's signals reach it directly


if __name__ == "__main__":
    main(*sys.argv[1:])

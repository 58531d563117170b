"""The supervisor's command line with a table of dummies: ``python -m tests.supervisor.table demo``."""

import sys

from evbilling.supervisor import commands
from evbilling.supervisor.errors import Refused
from evbilling.supervisor.processes import Row, Table

DUMMY = "{python} -S -m tests.supervisor.dummy"
TABLE = Table(
    processes=(
        Row("sockets", f"{DUMMY} listen OCPP_PORT", 0, "OCPP_PORT"),
        Row("web", f"{DUMMY} listen PORT", 1, "PORT"),
        Row("simulator", f"{DUMMY} after {{data_dir}}/demo/fleet.json", 1, demo_only=True),
        Row("family", f"{DUMMY} family", 2),
    ),
    migrate=f"{DUMMY} note migrated.log",
    seed=f"{DUMMY} note demo/fleet.json",
    create_owner=f"{DUMMY} owner",
)


def main(kind: str) -> int:
    try:
        return commands.serve("run" if kind == "run" else "demo", table=TABLE)
    except Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

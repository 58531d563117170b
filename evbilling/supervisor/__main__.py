"""``python -m evbilling.supervisor demo | run | exec [--throwaway [--fsync]] -- COMMAND …``"""

import argparse
import sys

from evbilling.supervisor.commands import execute, serve
from evbilling.supervisor.errors import Refused


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evbilling.supervisor", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("demo", help="everything, with a demo company and simulated chargers")
    kinds.add_parser("run", help="everything, for real use on this machine")
    one = kinds.add_parser("exec", help="one command beside PostgreSQL and Redis")
    one.add_argument("--throwaway", action="store_true", help="on servers of its own, in /tmp")
    one.add_argument(
        "--fsync", action="store_true", help="throwaway, but on the disk as in real use"
    )
    one.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    try:
        if arguments.kind == "exec":
            return execute(arguments.command, throwaway=arguments.throwaway, fsync=arguments.fsync)
        return serve(arguments.kind)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

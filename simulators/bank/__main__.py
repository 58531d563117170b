"""``python -m simulators.bank --port 8200 --webhook-url http://127.0.0.1:8000/webhooks/omise/``"""

import argparse
from pathlib import Path

import uvicorn

from simulators.bank.app import Bank


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.bank", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--url", help="how a browser reaches this; default http://HOST:PORT")
    parser.add_argument("--webhook-url", default="", help="where Omise's events go")
    parser.add_argument("--scb-webhook-url", default="", help="where SCB's callbacks go")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keeps the books between runs")
    given = parser.parse_args()
    url = given.url or f"http://{given.host}:{given.port}"
    bank = Bank(url, given.webhook_url, given.scb_webhook_url, given.state)
    uvicorn.run(
        bank,
        host=given.host,
        port=given.port,
        loop="uvloop",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        ws="none",
    )


if __name__ == "__main__":
    main()

"""What Python can do at most: ``python -m benchmarks.bare PORT`` answers every call and does nothing else."""

import asyncio
import json
import sys
from datetime import UTC, datetime

import uvloop
from websockets.asyncio.server import ServerConnection, serve


async def answer(socket: ServerConnection) -> None:
    async for text in socket:
        _, message_id, action, _ = json.loads(text)
        body = {}
        if action == "Heartbeat":
            body = {"currentTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        await socket.send(json.dumps([3, message_id, body]))


async def main(port: int) -> None:
    options = {"subprotocols": ["ocpp1.6"], "compression": None, "backlog": 4096}
    async with serve(answer, "127.0.0.1", port, **options):  # type: ignore[arg-type]
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))

"""The running charges of a line: kept in step with the database and within their limits."""

from stations.drivers.ocpp.limits import Watch
from stations.drivers.ocpp.line import Line, Running
from stations.services import links


def watch(line: Line, running: Running) -> None:
    """Let the limit look at the newest reading."""
    if running.allowance_wh is None and running.allowance_until is None:
        if running.watch is not None:
            running.watch.cancel()
        return
    if running.watch is None:
        running.watch = Watch(line, running)
    running.watch.look()


async def reload_device(line: Line) -> None:
    """An admin has chosen another device or set a quirk."""
    line.take_device(await line.hub.pool.run(links.device_now, line.pk))


async def reload(line: Line) -> None:
    """Take the running charges from the database again, after it changed beside our memory."""
    rows = await line.hub.pool.run(lambda: links.open_sessions(charger_id=line.pk))
    line.set_running([row for _, row in rows])
    for running in line.running.values():
        watch(line, running)

"""A Spark cluster of two workers on this machine, each with an address of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_SECONDS = 60
_HOSTS = ("127.0.0.2", "127.0.0.3")  # Spark tries a slow task again on another host only


@contextmanager
def running_cluster(folder: Path) -> Iterator[str]:
    """The address of its master; everything has ended in the end."""
    import pyspark

    program = Path(pyspark.__file__).parent / "bin" / "spark-class"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    master = f"spark://127.0.0.1:{port}"
    folder.mkdir(exist_ok=True)
    log = folder / "cluster.log"
    workers = [
        ["worker.Worker", "--host", host, "--work-dir", str(folder / host)] for host in _HOSTS
    ]
    commands = [
        ["master.Master", "--host", "127.0.0.1", "--port", str(port)],
        *([*worker, "--cores", "1", "--memory", "600m", master] for worker in workers),
    ]
    started = []
    try:
        with log.open("wb") as said:
            for what, *options in commands:
                started.append(
                    subprocess.Popen(
                        [program, f"org.apache.spark.deploy.{what}", "--webui-port", "0", *options],
                        stdout=said,
                        stderr=said,
                        env={**os.environ, "SPARK_NO_DAEMONIZE": "1"},
                        start_new_session=True,
                    )
                )
        _wait_for(log)
        yield master
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while log.read_text().count("Successfully registered with master") < len(_HOSTS):
        if time.monotonic() > deadline:
            raise TimeoutError(log.read_text()[-2_000:])
        time.sleep(0.1)

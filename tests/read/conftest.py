"""A real PostgreSQL with PostGIS, started for the tests on a free loopback port."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = "postgres"


def _binaries() -> Path:
    """Return the folder of the server's programs, or skip."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    if not found and on_path is None:
        pytest.skip("PostgreSQL is not installed here: no pg_ctl")
    return found[-1].parent if found else Path(str(on_path)).parent


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """Start a server of its own, return the address of an empty database with PostGIS, stop and remove it."""
    binaries, port = _binaries(), _free_port()
    folder = Path(tempfile.mkdtemp(prefix="lastmile-pg-"))
    user: dict[str, str] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        try:
            pwd.getpwnam(OWNER)
        except KeyError:
            pytest.skip(f"PostgreSQL cannot run as root, and there is no user {OWNER}")
        shutil.chown(folder, OWNER, OWNER)
        user = {"user": OWNER, "group": OWNER, "cwd": "/"}
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(binaries / program), *arguments], capture_output=True, text=True, timeout=120, check=False, **user
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    run("initdb", "-D", str(data), "-U", "me", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "me", "town")
        address = f"postgresql://me:secret@127.0.0.1:{port}/town"
        _add_postgis(address)
        yield address
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _add_postgis(address: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(address, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone()
        if found is None:
            pytest.skip("PostGIS is not installed here: PostgreSQL does not offer the extension")
        connection.execute("CREATE EXTENSION postgis")

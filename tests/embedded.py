"""What the tests of the embedded PostgreSQL share: one query, process numbers, a supervisor in another process."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from saiweb.postgres import EmbeddedPostgres

QUICK = {"fsync": "off"}
SUPERVISOR = """
import os, sys
from pathlib import Path
from saiweb.postgres import EmbeddedPostgres
root, binaries, uid = sys.argv[1:]
if os.geteuid() != int(uid):
    os.setgroups([])
    os.setuid(int(uid))
server = EmbeddedPostgres(Path(root), settings={"fsync": "off"}, binaries=Path(binaries))
server.start()
print((server.data / "postmaster.pid").read_text().split()[0], server.conninfo("postgres"), flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True)
class Supervisor:
    """Another process that runs a server until its standard input ends."""

    process: "subprocess.Popen[str]"
    postmaster: int
    conninfo: str

    def finish(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(20) == 0


@contextmanager
def supervise(root: Path, binaries: Path, uid: int) -> Generator[Supervisor]:
    """Start a server from another process, which becomes the user `uid` first."""
    command = [sys.executable, "-c", SUPERVISOR, root, binaries, str(uid)]
    repository = Path(__file__).parent.parent
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repository
    ) as supervisor:
        assert supervisor.stdout is not None
        pid, conninfo = supervisor.stdout.readline().strip().split(" ", 1)
        yield Supervisor(supervisor, int(pid), conninfo)


@contextmanager
def open_folder(prefix: str = "saiweb-test-") -> Generator[Path]:
    """Make a temporary folder that other users can enter; pytest closes its own at each start of any run."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def query(server: EmbeddedPostgres, statement: str, dbname: str = "postgres") -> str:
    """Run one statement in a connection of its own; return the first value as text, or nothing."""
    with psycopg.connect(server.conninfo(dbname), autocommit=True) as conn:
        cursor = conn.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return str(row[0]) if row else ""


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.data / "postmaster.pid").read_text().split()[0])


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ordinary_uid() -> int:
    """Return this user, or somebody harmless when this is root."""
    return os.geteuid() or pwd.getpwnam("nobody").pw_uid


def within_everyones_reach(binaries: Path, spare: Path) -> Path:
    """Return binaries that the ordinary user can run: these, or a copy in `spare` where they are in a closed folder."""
    if subprocess.run(["/usr/bin/test", "-x", binaries / "postgres"], user=ordinary_uid(), check=False).returncode == 0:
        return binaries
    package = binaries.parents[1]
    shutil.copytree(package, spare / package.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, spare / libraries.name)
    return spare / package.name / binaries.relative_to(package)

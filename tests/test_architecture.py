"""The house keeps its shape: imports point one way, SQL lies where it belongs, files stay readable."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "saiweb"

# room -> what it must not import, directly; a room is a folder or a module of saiweb
FORBIDDEN: dict[str, set[str]] = {
    "errors": {"saiweb", "flask"},
    "levels": {"saiweb", "flask"},
    "records": {"saiweb.queries", "saiweb.services", "saiweb.etl", "saiweb.views", "saiweb.realtime", "flask"},
    "db": {"saiweb.queries", "saiweb.services", "saiweb.etl", "saiweb.views", "saiweb.realtime", "flask"},
    "notify": {"saiweb.queries", "saiweb.services", "saiweb.etl", "saiweb.views", "saiweb.realtime", "flask"},
    "queries": {"saiweb.services", "saiweb.etl", "saiweb.views", "saiweb.realtime", "saiweb.web", "flask"},
    "services": {"saiweb.etl", "saiweb.views", "saiweb.realtime", "saiweb.web", "flask"},
    "etl": {"saiweb.views", "saiweb.realtime", "saiweb.web", "saiweb.app", "saiweb.demo", "flask"},
    "realtime": {"saiweb.views", "saiweb.etl", "saiweb.demo"},
    "views": {"saiweb.etl", "saiweb.demo", "saiweb.cli"},
    "supervisor": {"psycopg", "flask", "gunicorn", "gevent", "config", "click", "saiweb.db", "saiweb.app"},
    "launcher": {"psycopg", "flask", "saiweb.db", "saiweb.app", "saiweb.queries", "saiweb.etl"},
}
SQL_ALLOWED = ("saiweb/queries/", "saiweb/etl/", "saiweb/demo/", "saiweb/db.py", "saiweb/notify.py")
SQL_ALSO = ("saiweb/embedded_databases.py", "saiweb/preflight.py")
LONGEST_FILE = 400


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield every module that is imported, inside functions too; not what only type checkers import."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_point_one_way(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules()
        if room_of(path) == room
        for name in imports(path)
        for forbidden in FORBIDDEN[room]
        if name == forbidden or name.startswith(f"{forbidden}.")
        if not (forbidden == "saiweb" and name.startswith("saiweb.errors"))
    ]
    assert wrong == []


def test_every_room_of_the_table_exists() -> None:
    assert {room for room in FORBIDDEN if not list(PACKAGE.glob(f"{room}*"))} == set()


def test_the_demo_network_knows_nothing_of_the_rest() -> None:
    wrong = [
        f"{path.name} imports {name}"
        for path in modules()
        if room_of(path) == "demo"
        for name in imports(path)
        if name.split(".")[0] in ("saiweb", "config") and not name.startswith("saiweb.demo") and name != "saiweb"
    ]
    assert wrong == []


def test_sql_on_the_dashboard_database_lies_in_queries() -> None:
    statement = re.compile(r"execute\(\s*(?:sql\.SQL\()?f?\"{1,3}\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b")
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules()
        if statement.search(path.read_text()) and not str(path.relative_to(ROOT)).startswith((*SQL_ALLOWED, *SQL_ALSO))
    ]
    assert wrong == []


def test_within_the_etl_only_source_and_the_installer_speak_sql() -> None:
    allowed = {"source.py", "install.py", "n8n_schema.py", "reader_role.py"}
    wrong = [
        path.name
        for path in (PACKAGE / "etl").rglob("*.py")
        if path.name not in allowed and re.search(r"execute\(\s*f?\"", path.read_text())
    ]
    assert wrong == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


def test_no_file_is_too_long_to_read() -> None:
    files = [
        *modules(),
        *(ROOT / "tests").rglob("*.py"),
        *PACKAGE.rglob("*.html"),
        *(PACKAGE / "static").glob("*/*.js"),
    ]
    long = [
        str(path.relative_to(ROOT))
        for path in files
        if "vendor" not in path.parts and len(path.read_text().splitlines()) > LONGEST_FILE
    ]
    assert long == []


def test_the_packages_init_is_empty_so_that_a_query_does_not_load_flask() -> None:
    assert (PACKAGE / "__init__.py").read_text() == ""

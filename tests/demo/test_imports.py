"""The demo network stands alone: it may import the standard library, psycopg, Pillow and itself."""

import ast
import sys
from pathlib import Path

import saiweb.demo

ALLOWED = {"psycopg", "PIL"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(f"{node.module}.{node.names[0].name}" if node.module == "saiweb" else str(node.module))
    return names


def test_the_demo_imports_nothing_else_of_saiweb() -> None:
    for path in Path(str(saiweb.demo.__file__)).parent.glob("*.py"):
        for name in imported(path):
            top = name.partition(".")[0]
            assert top in sys.stdlib_module_names | ALLOWED or name.startswith("saiweb.demo"), f"{path.name}: {name}"

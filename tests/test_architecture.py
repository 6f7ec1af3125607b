"""The rules of the house that no linter knows. Import contracts are in pyproject.toml, under [tool.importlinter]."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "app").rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60

# Where an unknown error may be caught and not raised again: these log it and give up (style.md rule 15).
MAY_CATCH_EVERYTHING = {"app/jobs/runner.py", "app/main.py"}
# Besides settings.py.
MAY_READ_THE_ENVIRONMENT = {
    "app/cli/talking.py",  # COLUMNS, as every program that prints tables
    "app/cli/demo.py",  # EXIT=1, the switch of `make demo`
    "app/cli/stack.py",  # hands the environment on to the parts it starts
}
LEFTOVERS = {"utils", "common", "misc", "base", "helpers"}

# Written in two pieces, since this file is searched as well.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("proxy.golang", "org"))
]
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(work|root|home/\w+|Users/\w+)/\w")
UNREASONED = re.compile(r"# noqa(?!:)|# noqa: [A-Z0-9, ]+$|type: ignore(?!\[)", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=name_of(path))


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name_of(path)}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Every text file that git knows or would add, but for vendored ones."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and "vendor" not in path.parts:
            try:
                yield name, path.read_text()
            except UnicodeDecodeError:
                continue


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {name_of(path): sum(1 for line in path.read_text().splitlines() if line.strip()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = dict(pair for path in MODULES for pair in functions_of(path))
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [name_of(path) for path in MODULES if path.read_text().strip() and ast.get_docstring(parsed(path)) is None]
    assert silent == []


def test_no_module_is_a_drawer_of_leftovers() -> None:
    assert [name_of(path) for path in MODULES if path.stem in LEFTOVERS] == []


def test_what_is_caught_can_be_named() -> None:
    broad = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        if name_of(path) not in MAY_CATCH_EVERYTHING
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node)
    ]
    assert broad == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in caught)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_nobody_commits_but_the_transaction_at_the_edge() -> None:
    calls = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    assert calls == []


def test_nothing_but_the_settings_reads_the_environment() -> None:
    readers = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    }
    assert readers <= MAY_READ_THE_ENVIRONMENT


def test_every_ignored_rule_has_its_reason_beside_it() -> None:
    unreasoned = [
        f"{name}: {found[0]}"
        for name, text in tracked_texts()
        if name.endswith(".py") and name != name_of(Path(__file__))
        for found in UNREASONED.finditer(text)
    ]
    assert unreasoned == []


@pytest.mark.parametrize("host", REGISTRY_HOSTS)
def test_no_file_names_a_package_registry(host: str) -> None:
    assert [name for name, text in tracked_texts() if host in text] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [(name, match[0]) for name, text in tracked_texts() if (match := MACHINE_PATH.search(text))]
    assert found == []

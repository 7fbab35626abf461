"""Every example of the README, the documentation and the docstrings runs, and shows the truth.

The `python` blocks of a page run from its top to its end in one namespace. What stands behind a
prompt is compared as doctest does; a `text` block is all that was printed since the last one.
"""

import doctest
import re
from difflib import unified_diff
from importlib import import_module
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
DIFFERENTIAL = ROOT / "tests" / "differential"
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "graphflow").rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_code_of_a_page_runs_and_prints_what_the_page_shows(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing it prints is left out, and nothing it shows was made up."""
    printed = ""

    def compare(example: Example) -> str:
        nonlocal printed
        difference = difference_of(example.parsed, printed)
        printed = ""
        return difference

    sybil = Sybil([PythonCodeBlockParser(), CodeBlockParser("text", compare)])
    for example in sybil.parse(page).examples():
        example.evaluate()
        printed += capsys.readouterr().out
    assert not printed, f"{page.name} does not show what was printed last: {printed!r}"


def difference_of(shown: str, printed: str) -> str:
    """Return how two texts differ, line by line; nothing if they do not."""
    lines = unified_diff(shown.splitlines(), printed.splitlines(), "shown", "printed", lineterm="")
    return "\n".join(lines)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_docstring_run(name: str) -> None:
    """They see what their module does."""
    assert doctest.testmod(import_module(name)).failed == 0


def test_a_text_that_was_not_printed_is_found() -> None:
    """So the tests above can fail."""
    assert difference_of("one\ntwo\n", "one\ntwo\n") == ""
    assert "-two" in difference_of("one\ntwo\n", "one\nthree\n")


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_a_relative_link_leads_to_a_file(page: Path) -> None:
    """Sphinx looks at links between pages; here are those to files of the repository."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def test_the_migration_page_names_every_test_of_a_difference() -> None:
    """And no test that does not exist."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "migration.md").read_text("utf-8")))
    assert names_in("test_migration*.py") <= named
    assert named <= names_in("test_*.py")


def names_in(pattern: str) -> set[str]:
    """Return the names of the tests in the files that a pattern finds."""
    files = (path.read_text("utf-8") for path in DIFFERENTIAL.glob(pattern))
    return {name for text in files for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}

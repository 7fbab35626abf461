"""The wheel as a user gets it: built, installed alone in an empty environment, imported, run."""

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPENDENCIES = {"anyio", "msgpack", "typing-extensions"}
BROUGHT_BY_ANYIO = {"idna", "sniffio"}  # its newer releases do without sniffio

# Building and installing take their time, and the first test of a fixture pays for it.
pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Environment:
    """A virtual environment that holds one distribution and what it asked for."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        scripts = "Scripts" if os.name == "nt" else "bin"
        return self.folder / scripts / "python"

    def prints(self, code: str) -> list[str]:
        """Run code there, where no current directory is importable; return the lines it prints."""
        return output_of(self.python, "-I", "-c", code).splitlines()


def output_of(*command: str | Path) -> str:
    """Return what a command prints that must succeed, free of this run's PYTHON variables."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(  # noqa: S603 - every command is written in this file
        command, capture_output=True, text=True, env=inherited, check=False
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


def installed_alone(requirement: str, folder: Path) -> Environment:
    """Make an environment so empty that it has no pip, and install one requirement into it."""
    venv.create(folder, with_pip=False)
    environment = Environment(folder)
    output_of(sys.executable, "-m", "pip", "--python", environment.python, "install", requirement)
    return environment


def normal(name: str) -> str:
    """Spell the name of a distribution the one way an index does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names_in(wheel: Path) -> list[str]:
    """List the files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and from it the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    output_of(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel without extras."""
    return installed_alone(str(wheel), tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def with_demo(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel with its demo extra."""
    return installed_alone(f"{wheel}[demo]", tmp_path_factory.mktemp("demo"))


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Copy the examples to where no other file of the repository is near."""
    return shutil.copytree(ROOT / "examples", tmp_path / "examples")


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Beside its metadata the wheel has one top-level name, the package, marked as typed."""
    names = names_in(wheel)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"graphflow"}
    assert "graphflow/py.typed" in names


def test_wheel_holds_the_licence(wheel: Path) -> None:
    """The licence travels with the code."""
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names_in(wheel))


def test_wheel_requires_the_three_dependencies(bare: Environment) -> None:
    """Without extras the metadata ask for the three dependencies."""
    required = bare.prints(
        "import importlib.metadata as m; print(*m.requires('graphflow-engine'), sep='\\n')"
    )
    plain = [line for line in required if "extra ==" not in line]
    assert {re.split(r"[^\w-]", line)[0] for line in plain} == DEPENDENCIES


def test_closure_is_the_dependencies_and_what_anyio_needs(bare: Environment) -> None:
    """Installing graphflow brings its three dependencies, and beyond them only what anyio needs."""
    installed = bare.prints(
        "import importlib.metadata as m; print(*(d.name for d in m.distributions()), sep='\\n')"
    )
    brought = {normal(name) for name in installed} - {"graphflow-engine"}
    assert brought >= DEPENDENCIES
    assert brought - DEPENDENCIES <= BROUGHT_BY_ANYIO


def test_installed_package_is_imported_from_its_environment(bare: Environment) -> None:
    """The import finds the installed package, not the repository's."""
    (origin,) = bare.prints("import graphflow; print(graphflow.__file__)")
    assert Path(origin).is_relative_to(bare.folder)


def test_weather_agent_runs_from_the_bare_wheel(bare: Environment, examples: Path) -> None:
    """The weather agent needs nothing but graphflow, and streams what its nodes return."""
    printed = output_of(bare.python, examples / "weather_agent.py").splitlines()
    assert {"agent", "action"} <= {line.split()[0] for line in printed if line}


def test_approval_runs_from_the_bare_wheel(bare: Environment, examples: Path) -> None:
    """Answers that are yes or no are checked without any extra."""
    printed = output_of(bare.python, examples / "approval.py")
    assert "'perhaps' is no answer" in printed
    assert printed.endswith("All is well: 11 processes, one transfer.\n")


def test_code_census_runs_with_the_demo_extra(with_demo: Environment, examples: Path) -> None:
    """The census of the standard library needs the demo extra, and ends in its tables."""
    printed = output_of(with_demo.python, examples / "code_census.py")
    assert "modules" in printed
    assert "longest functions" in printed

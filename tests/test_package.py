"The package as a user meets it."

import shutil
from pathlib import Path

import pytest

from tests.checks import package, randomness
from tools.notebooks import ROOT

FILES = [path for folder in ("rlpt", "tests", "tools") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_light() -> None:
    "Importing the package loads nothing heavy."
    assert package.light() == []


def test_lazy() -> None:
    "Every public name can be had from the package."
    assert package.lazy() == []


def test_typed() -> None:
    "Type checkers see the names that there are."
    assert package.typed() == []


def test_layered() -> None:
    "Modules import only what the course has taught before, and the library no lesson."
    assert package.layered() == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_global_randomness(path: Path) -> None:
    "No file draws from a global generator."
    assert randomness.module(path, ROOT) == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    "A package of one module, with the real `__init__`, in which faults can be planted."
    home = tmp_path / "rlpt"
    home.mkdir()
    text = (ROOT / "rlpt" / "__init__.py").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("    from .")
             or line == "    from .core import *"]
    (home / "__init__.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "core.py").write_text("\n__all__ = ['one']\n\none = 1\n")
    (home / "py.typed").write_text("")
    return tmp_path


def plant(root: Path, old: str, new: str, file: str = "__init__.py") -> None:
    "Replace a text in a file of the package."
    text = (root / "rlpt" / file).read_text(encoding="utf-8")
    assert old in text
    (root / "rlpt" / file).write_text(text.replace(old, new), encoding="utf-8")


def test_planted_in_package(small: Path) -> None:
    "Each check of the package passes the clean one, and catches what is planted."
    checks = (package.light, package.lazy, package.typed, package.layered)
    assert [check(small) for check in checks] == [[], [], [], []]

    plant(small, "__all__ = ['one']", "__all__ = ['one', 'two']", "core.py")
    (fault,) = package.lazy(small)
    assert fault.startswith("rlpt.two cannot be had: AttributeError")

    plant(small, "\n__version__", "\nimport numpy\none = 3\n__version__")
    assert "`import rlpt` loads numpy: import it where it is used" in package.light(small)
    assert "rlpt.one is not rlpt.core.one" in package.lazy(small)

    shutil.copy(small / "rlpt" / "core.py", small / "rlpt" / "plots.py")
    (small / "rlpt" / "py.typed").unlink()
    assert [fault.split(":")[0] for fault in package.typed(small)] == ["rlpt/py.typed is missing", "rlpt/__init__.py"]
    plant(small, "from .core import *", "from .core import one\n    from .gone import *")
    assert sum("rlpt.gone exports nothing" in fault or "is not what rlpt.core exports" in fault
               for fault in package.typed(small)) == 2

    plant(small, "one = 1", "from .optimization import losses", "core.py")
    (fault,) = package.layered(small)
    assert "the library imports no lesson" in fault

"The wheel, installed into an environment that has nothing else: it borrows the dependencies, and knows nothing of this clone."

import json
import os
import shutil
import site
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from tools.notebooks import NBS, ROOT, Lesson, lessons, settings

SOURCES = ["rlpt", "setup.py", "pyproject.toml", "settings.ini", "MANIFEST.in", "README.md", "LICENSE"]
QUICK = "4.2"                   # the lesson that is run each time; the others with the slow tests
WRITTEN = [lesson for lesson in lessons() if lesson.written]
COMMANDS = "import sys; from rlpt.cli import main; sys.exit(any([main(words.split()) for words in sys.argv[1:]]))"
RUN = """
import sys, nbformat
from nbclient import NotebookClient
nb = nbformat.read(sys.argv[1], 4)
NotebookClient(nb, timeout=600, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
nbformat.write(nb, sys.argv[1])
"""


@dataclass
class Installed:
    "An environment with the wheel, and a folder to be in."
    wheel: Path
    bin: Path
    home: Path

    @property
    def python(self) -> str: return str(self.bin / "python")

    def run(self, *words: str) -> str:
        "What a program of the environment prints; it has to end well."
        hidden = ("PYTHONPATH", "IN_TEST", "PYTEST_CURRENT_TEST", "VIRTUAL_ENV")
        env = {name: value for name, value in os.environ.items() if name not in hidden}
        env |= {"RLPT_DATA": str(self.home / "data"), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", "MPLBACKEND": "Agg", "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                "JUPYTER_DATA_DIR": str(self.home / "jupyter"), "IPYTHONDIR": str(self.home / "ipython"),
                "PATH": os.pathsep.join((str(self.bin), env["PATH"]))}
        done = subprocess.run(words, cwd=self.home, env=env, capture_output=True, text=True, encoding="utf-8", check=False)
        assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def rlpt(self, *words: str) -> str:
        "What a command of ours prints."
        return self.run(str(self.bin / "rlpt"), *words)


def pip(*words: str, python: str | None = None) -> None:
    "Run pip, which may not download anything; `python` names the environment that it works on."
    own = ["--python", python] if python else []
    env = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    env.pop("PYTHONPATH", None)
    done = subprocess.run([sys.executable, "-m", "pip", *own, *words], cwd=ROOT.anchor, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    "Build the wheel from a copy of the sources, and install it."
    source, home = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("home")
    for name in SOURCES:
        if (ROOT / name).is_dir(): shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else: shutil.copy(ROOT / name, source)
    shutil.copytree(NBS, source / "nbs")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(home), str(source))
    shutil.rmtree(source)
    (wheel,) = home.glob("*.whl")
    venv.create(home / "env", with_pip=False, symlinks=os.name != "nt")
    bin = home / "env" / ("Scripts" if os.name == "nt" else "bin")
    pip("install", "--no-deps", str(wheel), python=str(bin / "python"))
    found = subprocess.check_output([bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    (Path(found.strip()) / "borrowed.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    (home / "data").mkdir()
    return Installed(wheel, bin, home)


def test_contents(installed: Installed) -> None:
    "The wheel holds the package, its types and all lessons without their outputs, and neither tests nor tools."
    with ZipFile(installed.wheel) as archive:
        names = archive.namelist()
        carried = {name: json.loads(archive.read(name)) for name in names if name.endswith(".ipynb")}
    assert {name.split("/")[0] for name in names} == {"rlpt", f"rlpt-{settings()['version']}.dist-info"}
    assert sorted(carried) == sorted(f"rlpt/_lessons/{lesson.folder}/{lesson.stem}.ipynb" for lesson in WRITTEN)
    assert not any(cell.get("outputs") for notebook in carried.values() for cell in notebook["cells"])
    assert {"rlpt/py.typed", "rlpt/cli.py"} <= set(names)
    assert {name.rpartition("/")[2] for name in names if "/results/" in name} == {path.name for path in (NBS / "results").glob("*.*")}


def test_import(installed: Installed) -> None:
    "`rlpt` is imported from the environment, not from this clone, and finds its names."
    code = "import rlpt; print(rlpt.__file__); print(rlpt.find_lesson('2.3'))"
    where, lesson = installed.run(installed.python, "-c", code).splitlines()
    assert Path(where).is_relative_to(installed.home) and Path(lesson).is_relative_to(installed.home)


def test_program(installed: Installed) -> None:
    "The commands, one after the other."
    assert installed.rlpt("--version").split() == ["rlpt", settings()["version"]]
    assert [line.split()[0] for line in installed.rlpt("lesson").splitlines()] == [lesson.number for lesson in WRITTEN]
    words = "train q-learning CliffWalking-v1 --steps 500 --out a.pt", "evaluate a.pt CliffWalking-v1 --episodes 2", "doctor"
    said = installed.run(installed.python, "-c", COMMANDS, *words)      # in one process, since each imports torch
    assert "Saved to a.pt" in said and "over 2 episodes" in said and f"{settings()['version']}, installed" in said


@pytest.mark.parametrize("lesson", [pytest.param(lesson, marks=() if lesson.number == QUICK else pytest.mark.slow) for lesson in WRITTEN],
                         ids=lambda lesson: lesson.number)
def test_lesson(installed: Installed, lesson: Lesson) -> None:
    "A learner's copy runs from top to bottom while nothing is solved: each check says what to do."
    installed.rlpt("lesson", lesson.number, "--folder", lesson.number)
    path = installed.home / lesson.number / f"{lesson.stem}.ipynb"
    installed.run(installed.python, "-c", RUN, str(path))
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    said = ["".join("".join(output.get("text", "")) for output in cell["outputs"]) for cell in cells if "\ncheck(" in "".join(cell["source"])]
    assert said and all(f" {lesson.number}." in text for text in said), said
    assert not any("✓" in text for text in said), said
    kept = json.loads(installed.rlpt("progress", "--json"))
    mine = {id: entry for id, entry in kept.items() if id.startswith(f"{lesson.number}.")}
    assert len(mine) == len(said) and all(entry["attempts"] == 1 and entry["passed"] is None for entry in mine.values())

"Build `rlpt` from the one place that knows its version and requirements: settings.ini."

import json
import shutil
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
STATUS = {"1": "1 - Planning", "2": "2 - Pre-Alpha", "3": "3 - Alpha", "4": "4 - Beta", "5": "5 - Production/Stable"}

config = ConfigParser(delimiters=["="])
config.read(ROOT / "settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]

extras = {name: cfg[f"{name}_requirements"].split() for name in ("lessons", "dev", "bench")}
extras["all"] = sum(extras.values(), [])


class BuildWithLessons(build_py):
    "Puts the lessons, without their outputs, and the results that they load into the wheel: rlpt/_lessons."

    def run(self) -> None:
        super().run()
        if self.editable_mode: return       # a clone has them in nbs
        shutil.rmtree(self.lessons, ignore_errors=True)
        for source, target in self.carried.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix == ".ipynb": target.write_text(stripped(source), encoding="utf-8")
            else: shutil.copyfile(source, target)

    @property
    def lessons(self) -> Path: return Path(self.build_lib) / "rlpt" / "_lessons"

    @property
    def carried(self) -> dict[Path, Path]:
        "What is carried along, and where to."
        nbs = ROOT / cfg["nbs_path"]
        found = [*sorted(nbs.glob("[0-9][0-9]_*/[0-9][0-9]_*.ipynb")), *sorted(nbs.glob("results/*.*"))]
        return {path: self.lessons / path.relative_to(nbs) for path in found}

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        "All files that are built."
        own = [] if self.editable_mode else [str(path) for path in self.carried.values()]
        return [*super().get_outputs(include_bytecode), *own]


def stripped(path: Path) -> str:
    "The text of a notebook without outputs."
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code": cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license=cfg["license"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={"Documentation": cfg["doc_host"] + cfg["doc_baseurl"]},
    keywords=cfg["keywords"],
    classifiers=[
        f"Development Status :: {STATUS[cfg['status']]}",
        f"Intended Audience :: {cfg['audience']}",
        f"Natural Language :: {cfg['language']}",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
        *(f"Programming Language :: Python :: {python}" for python in PYTHONS[PYTHONS.index(cfg["min_python"]):]),
    ],
    packages=find_packages(include=["rlpt", "rlpt.*"]),
    package_data={"rlpt": ["py.typed"]},
    include_package_data=False,
    cmdclass={"build_py": BuildWithLessons},
    entry_points={"console_scripts": ["rlpt=rlpt.cli:main"]},
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg["requirements"].split(),
    extras_require=extras,
    zip_safe=False,
)

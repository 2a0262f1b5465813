"The learner's copies of the lessons, which Colab opens: `python -m tools.learner FOLDER [COMMIT]`; and links to them."

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from execnb.nbio import mk_cell
from nbdev.process import Processor

from tools.notebooks import NBS, Lesson, lessons, page, settings
from tools.preview import site_address

BRANCH = "learner"              # also in .github/workflows/docs.yml
README = """# Lessons to work in

The lessons of [{title}]({site}), without solutions and outputs, for Colab: each page of the site links to its copy.
A program makes this branch anew with every change of the course, so do not work here and do not link to its commits.
Faults are mended in the notebooks of the branch [{branch}]({git_url}).
"""


def address(lesson: Lesson) -> str:
    "Where Colab opens the learner's copy of a lesson."
    repository = settings()["git_url"].removeprefix("https://github.com/")
    path = lesson.path.relative_to(NBS).as_posix()
    return f"https://colab.research.google.com/github/{repository}/blob/{BRANCH}/{path}"


class OpenInColab(Processor):
    "Put a link to the learner's copy under the title of a lesson: nbdev runs this when it makes the site."
    def begin(self) -> None:
        path = Path(self.nb.path_).resolve()
        lesson = next((lesson for lesson in lessons() if lesson.path == path), None)
        if not lesson or getattr(self.nb.cells[0], "cell_type", "") != "raw": return
        text = f"[Open in Colab]({address(lesson)}): a copy of your own to work in, without solutions and outputs."
        self.nb.cells.insert(1, mk_cell(f"::: {{.colab}}\n{text}\n:::", "markdown"))


def install(commit: str) -> dict[str, Any]:
    "The first cell of a copy: it installs the library as it was when the copy was made."
    name, git = settings()["lib_name"], settings()["git_url"]
    source = ("# First of all, install the library: it takes a minute or two.\n"
              f'%pip install --quiet "{name}[lessons] @ git+{git}@{commit}"')
    return {"cell_type": "code", "id": "install", "metadata": {}, "execution_count": None, "outputs": [],
            "source": source}


def published(text: str, folder: Path) -> str:
    "Markdown from a notebook in `folder`, whose links to other pages lead to the site: Colab opens a notebook alone."
    def link(match: re.Match[str]) -> str:
        path, hash_, anchor = match[1].partition("#")
        target = (folder / path).resolve()
        if not path or not target.is_relative_to(NBS): return match[0]
        inside = page(target) if target.suffix in (".ipynb", ".qmd") else target.relative_to(NBS).as_posix()
        return f"]({site_address()}{inside}{hash_}{anchor})"

    return re.sub(r"\]\((?![a-z]+:|#)([^()\s]+)\)", link, text)


def write(lesson: Lesson, folder: Path, commit: str) -> Path:
    "Write the copy of one lesson."
    from rlpt.exercises import learner_copy
    (folder / lesson.folder).mkdir(parents=True, exist_ok=True)
    path = learner_copy(lesson.path, folder / lesson.folder)
    raw = json.loads(path.read_text(encoding="utf-8"))
    for cell in raw["cells"]:
        if cell["cell_type"] == "markdown": cell["source"] = published("".join(cell["source"]), lesson.path.parent)
    raw["cells"].insert(0, install(commit))
    nbformat.write(nbformat.from_dict(raw), path)
    return path


def main(arguments: list[str]) -> None:
    "Write the copies of all lessons that are written into a new folder."
    if not 1 <= len(arguments) <= 2: sys.exit("Usage: python -m tools.learner FOLDER [COMMIT]")
    folder, commit = Path(arguments[0]), arguments[1] if len(arguments) > 1 else settings()["branch"]
    written = [write(lesson, folder, commit) for lesson in lessons() if lesson.written]
    text = README.format(**{**settings(), "site": site_address()})
    (folder / "README.md").write_text(text, encoding="utf-8")
    print(f"{len(written)} lessons written to {folder}")


if __name__ == "__main__": main(sys.argv[1:])

"Read the outline and the notebooks: one vocabulary for the site, the runner and the checks."

import json
import re
from configparser import ConfigParser
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
NBS = ROOT / "nbs"


@cache
def settings() -> dict[str, str]:
    "settings.ini, as a plain dictionary."
    config = ConfigParser(delimiters=["="])
    config.read(ROOT / "settings.ini", encoding="utf-8")
    return dict(config["DEFAULT"])


@dataclass(frozen=True)
class Lesson:
    "One line of the outline."
    number: str                 # "2.3"
    title: str
    stem: str                   # "03_losses"
    folder: str                 # "02_optimization"
    exercises: dict[str, str]   # "1".."4", "P" -> the outline's sentence

    @property
    def path(self) -> Path: return NBS / self.folder / f"{self.stem}.ipynb"

    @property
    def written(self) -> bool: return self.path.exists()

    @property
    def module(self) -> str:
        "The module that the lesson exports, should it export one: numbers dropped from folder and file."
        return ".".join(re.sub(r"^\d+_", "", name) for name in (self.folder, self.stem))

    @property
    def page(self) -> str: return page(self.path)


@dataclass(frozen=True)
class Part:
    "One part of the outline, with its lessons in order."
    number: int
    title: str
    folder: str
    lessons: tuple[Lesson, ...]


@cache
def outline() -> tuple[Part, ...]:
    "The whole course as planned, from nbs/outline.yml."
    parts = yaml.safe_load((NBS / "outline.yml").read_text(encoding="utf-8"))["parts"]
    return tuple(
        Part(part["number"], part["title"], part["folder"], tuple(
            Lesson(lesson["number"], lesson["title"], lesson["stem"], part["folder"], lesson["exercises"])
            for lesson in part["lessons"]))
        for part in parts)


def lessons() -> list[Lesson]:
    "All 53 lessons, in course order."
    return [lesson for part in outline() for lesson in part.lessons]


def page(path: Path) -> str:
    "The address of a notebook's page on the site: nbdev drops the number of the file, not of the folder."
    relative = path.relative_to(NBS)
    return (relative.parent / (re.sub(r"^\d+[a-zA-Z0-9]*_", "", relative.stem.lower()) + ".html")).as_posix()


def parse_directive(line: str) -> tuple[str, str] | None:
    "The name and the value of a `#|` line, or None: `#| fig-cap: \"a\"`, `#| default_exp core`, `#| slow`."
    match = re.match(r"^#\s*\|\s*([\w-]+)\s*:?\s*(.*?)\s*$", line)
    return (match[1], match[2].strip("\"'") if match[2][:1] in "\"'" else match[2]) if match else None


@dataclass
class Cell:
    "A cell: `directives` are its leading `#|` lines, `body` the rest."
    index: int
    kind: str                   # "markdown" or "code"
    source: str
    id: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def directives(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self.source.splitlines() if self.kind == "code" else []:
            if not (directive := parse_directive(line)): break
            found[directive[0]] = directive[1]
        return found

    @cached_property
    def body(self) -> str:
        lines = self.source.splitlines()
        return "\n".join(lines[len(self.directives):])

    @property
    def is_code(self) -> bool: return self.kind == "code"

    @property
    def is_export(self) -> bool: return bool(self.directives.keys() & {"export", "exports", "exporti"})

    @property
    def is_hidden(self) -> bool: return "hide" in self.directives

    @property
    def is_starter(self) -> bool: return self.directives.get("eval") == "false"

    @property
    def is_solution(self) -> bool: return self.is_code and self.directives.get("code-fold") == "true" and "check(" in self.source

    @property
    def varies(self) -> bool: return "varies" in self.directives

    @property
    def slow(self) -> bool: return "slow" in self.directives

    @property
    def text_output(self) -> str:
        "What the cell printed and returned, as plain text."
        texts = [output.get("text", output.get("data", {}).get("text/plain", "")) for output in self.outputs]
        return "\n".join("".join(text) for text in texts)

    @property
    def images(self) -> list[str]:
        "The base64 text of each PNG that the cell stores."
        return ["".join(output["data"]["image/png"]) for output in self.outputs if "image/png" in output.get("data", {})]


@dataclass
class Section:
    "A heading and what stands under it, up to the next heading of the same or a higher level."
    level: int
    title: str
    cells: list[Cell]           # the heading's own cell first


@dataclass
class Notebook:
    "A notebook as the checks see it."
    path: Path
    cells: list[Cell]

    @property
    def name(self) -> str:
        return self.path.relative_to(NBS).as_posix() if self.path.is_relative_to(NBS) else self.path.name

    @property
    def code(self) -> list[Cell]: return [cell for cell in self.cells if cell.is_code]

    @property
    def markdown(self) -> list[Cell]: return [cell for cell in self.cells if not cell.is_code]

    @property
    def title(self) -> str:
        match = re.search(r"^(?:#|title:) (.+)$", self.cells[0].source, re.M) if self.cells else None
        return match[1] if match else ""

    @property
    def promise(self) -> str:
        match = re.search(r"^(?:>|description:) (.+)$", self.cells[0].source, re.M) if self.cells else None
        return match[1] if match else ""

    @property
    def module(self) -> str | None:
        "What `#| default_exp` names, without the package: `optimization.losses`."
        return next((cell.directives["default_exp"] for cell in self.code if "default_exp" in cell.directives), None)

    def sections(self, level: int = 2) -> list[Section]:
        "The sections that open with a heading of this level; each ends before a heading of the same or a higher one."
        found: list[Section] = []
        for cell in self.cells:
            heading = None if cell.is_code else re.match(r"\s*(#{1,6}) (.+)", cell.source)
            if heading and len(heading[1]) == level: found.append(Section(level, heading[2].strip(), []))
            elif heading and len(heading[1]) < level: found.append(Section(len(heading[1]), "", []))
            if found: found[-1].cells.append(cell)
        return [section for section in found if section.title]


def read(path: Path) -> Notebook:
    "Read one notebook, or a page that is written as Markdown alone: its front matter, and its text."
    if path.suffix == ".qmd":
        _, front, text = path.read_text(encoding="utf-8").split("---\n", 2)
        return Notebook(path, [Cell(0, "raw", f"---\n{front}---\n"), Cell(1, "markdown", text.strip("\n"))])
    raw = json.loads(Path(path).read_text(encoding="utf-8"))
    return Notebook(Path(path), [
        Cell(i, cell["cell_type"], "".join(cell["source"]), cell.get("id", ""), cell.get("outputs", []), cell["metadata"])
        for i, cell in enumerate(raw["cells"])])


def notebook_paths() -> list[Path]:
    "Every notebook there is: home, notation, lessons in course order, then the library's pages by name."
    written = [lesson.path for lesson in lessons() if lesson.written]
    rest = sorted(set(NBS.rglob("*.ipynb")) - set(written))
    rest = [path for path in rest if not any(part.startswith(("_", ".")) for part in path.relative_to(NBS).parts)]
    front = [path for path in rest if path.parent == NBS]
    return sorted(front, key=lambda path: (path.stem != "index", path.stem)) + written + [path for path in rest if path not in front]


def text_pages() -> list[Path]:
    "The pages that are written as Markdown alone, for Quarto: they run nothing."
    return sorted(NBS.glob("*.qmd"))

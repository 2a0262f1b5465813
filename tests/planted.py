"A small lesson without a fault, to plant faults in: `tests/data/lesson.txt` as a notebook in memory."

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tools.notebooks import Cell, Lesson, Notebook, lessons

DATA = Path(__file__).parent / "data"
FIGURE = "[figure]"


@cache
def lesson() -> Lesson:
    "Lesson 2.3 with a title and exercises of its own."
    place = next(lesson for lesson in lessons() if lesson.number == "2.3")
    return replace(place, title="How far from the middle", exercises={
        "1": "Implement the spread with weights.", "2": "Tell whether f(x) = x^2 moves the mean or the median.",
        "3": "Discuss why distances are squared."})


def output(text: str) -> dict[str, Any]:
    "A stored output: a figure, what `check` printed, or a value."
    if text == FIGURE:
        return {"output_type": "display_data", "metadata": {},
                "data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 640x480 with 1 Axes>"}}
    if text.startswith("✓"): return {"output_type": "stream", "name": "stdout", "text": text + "\n"}
    return {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": text}, "execution_count": None}


def notebook(text: str, path: Path) -> Notebook:
    "A notebook from the percent format, where lines `# > ...` are what the cell above has put out."
    cells: list[Cell] = []
    for kind, block in re.findall(r"^# %%( \[markdown\])?\n(.*?)(?=^# %%|\Z)", text, re.M | re.S):
        lines = block.strip("\n").split("\n")
        if kind: cells.append(Cell(len(cells), "markdown",
                                   "\n".join(re.sub(r"^# ?", "", line) for line in lines))); continue
        shown = "\n".join(line.removeprefix("# > ") for line in lines if line.startswith("# > "))
        source = "\n".join(line for line in lines if not line.startswith("# > "))
        metadata = {"jupyter": {"source_hidden": True}} if source.startswith("#| code-fold: true") else {}
        cells.append(Cell(len(cells), "code", source, outputs=[output(shown)] if shown else [], metadata=metadata))
    return Notebook(path, cells)


def clean(folder: Path, *changes: tuple[str, str]) -> Notebook:
    "The small lesson, with texts replaced; each text to be replaced has to be there."
    text = (DATA / "lesson.txt").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"{old!r} is not in the clean lesson"
        text = text.replace(old, new)
    return notebook(text, folder / "03_losses.ipynb")

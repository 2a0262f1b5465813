"""Write the code cells of every notebook to _cells/, where pyright reads them: `python -m tools.cells`.

`python -m tools.cells _cells/lib/core.py:120` says which cell, and which of its lines, that is.
"""

import re
import shutil
import sys
import textwrap
from pathlib import Path

from tools.notebooks import NBS, ROOT, Cell, Notebook, notebook_paths, read

CELLS = ROOT / "_cells"
MARK = "# %% cell "


def script(nb: Notebook) -> str:
    "The code of a notebook as one module; starters and solutions, which share names, are each a scope of their own."
    return "\n".join(f"{MARK}{cell.index}\n{scope(cell) if cell.is_starter or cell.is_solution else cell.source}\n"
                     for cell in nb.code)


def scope(cell: Cell) -> str:
    "A cell as a function; its first line takes the place of a directive, so that lines keep their numbers."
    lines = cell.source.splitlines()
    return "\n".join([f"def _cell_{cell.index}() -> None:  {lines[0]}", textwrap.indent("\n".join(lines[1:]), "    "),
                      "    pass"])


def magics(nb: Notebook) -> list[str]:
    "Lines that only IPython understands; no type checker reads them, and nbdev would export them as they are."
    return [f"{nb.name}, cell {cell.index}: write Python instead of `{line.strip()}`"
            for cell in nb.code for line in cell.source.splitlines()
            if re.match(r"\s*(?:%{1,2}[a-zA-Z]|![\w./]|\?\w)|\w[\w.]*\?{1,2}$", line)]


def write(paths: list[Path], folder: Path = CELLS) -> list[Path]:
    "Write one file per notebook and drop what is left of notebooks that are gone."
    shutil.rmtree(folder, ignore_errors=True)
    written = []
    for path in paths:
        target = (folder / (path.relative_to(NBS) if path.is_relative_to(NBS) else path.name)).with_suffix(".py")
        if not (text := script(read(path))): continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return written


def where(file: Path, line: int) -> str:
    "Which cell a line of a written file comes from."
    lines = file.read_text(encoding="utf-8").splitlines()[:line]
    at = max((i for i, text in enumerate(lines) if text.startswith(MARK)), default=0)
    if not lines: return f"{file.name} has no such line"
    return f"{file.stem}.ipynb, cell {lines[at].removeprefix(MARK)}, line {line - at - 1}"


def main(arguments: list[str]) -> None:
    "Write the files, or explain the places that are given."
    for argument in arguments:
        file, line = argument.split(":")[:2]
        print(where(Path(file), int(line)))
    if arguments: return
    paths = notebook_paths()
    if faults := [fault for path in paths for fault in magics(read(path))]: sys.exit("\n".join(faults))
    print(f"{len(write(paths))} notebooks written to {CELLS.name}/ for pyright. "
          f"Which cell a message is about: the last `{MARK}N` above its line, or `python -m tools.cells FILE:LINE`.")


if __name__ == "__main__": main(sys.argv[1:])

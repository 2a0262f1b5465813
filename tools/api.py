"The index of all that the package exports, nbs/api.qmd: each name with its one line and a link to where it is taught."

import ast
import re
from pathlib import Path

from tools.notebooks import NBS, ROOT, lessons, read, settings

TITLE = "API index"
FRONT = f"""---
title: {TITLE}
description: Every name that can be imported from rlpt, in the order in which the course builds them.
---

<!-- Made from the package by `make prepare`: do not edit. -->
"""


def escaped(text: str) -> str:
    "A sentence as Markdown that shows it as it is; what stands between backticks is code already."
    parts = text.split("`")
    return "`".join(part if i % 2 else re.sub(r"([\\*_$<>\[\]@#|~^])", r"\\\1", part) for i, part in enumerate(parts))


def value_line(node: ast.Assign | ast.AnnAssign, lines: list[str]) -> str:
    "What there is to say about a constant, or about the name of a type: its value, and the comment behind it."
    if not node.value: return ""
    value, comment = ast.unparse(node.value), re.search(r"\s#\s+([^\"']+)$", lines[node.lineno - 1])
    if isinstance(node.value, ast.Dict) and len(value) > 100:
        return f"A dictionary with {len(node.value.keys)} entries."
    if isinstance(node.value, ast.Subscript | ast.BinOp): return f"The type `{value}`."
    behind = f": {comment[1]}" if comment and node.end_lineno == node.lineno else ""
    return f"The constant `{value}`{behind}." if len(value) <= 100 else f"A constant{behind}."


def names(path: Path) -> dict[str, str]:
    "Each public name of a module with its one line, in the order of the file."
    source = path.read_text(encoding="utf-8")
    public, lines, found = set[str](), source.splitlines(), dict[str, str]()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = (ast.get_docstring(node) or "").partition("\n")[0]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if ast.unparse(target) == "__all__" and node.value: public = set(ast.literal_eval(node.value))
            else: found[ast.unparse(target)] = value_line(node, lines)
    return {name: line for name, line in found.items() if name in public}


def documented(path: Path) -> set[str]:
    "The names that nbdev gives a place of their own on the page: functions and classes of cells that are not hidden."
    cells = [cell for cell in read(path).code if cell.directives.keys() & {"export", "exports"} and not cell.is_hidden]
    return {node.name for cell in cells for node in ast.parse(cell.source).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def index(pages: list[tuple[str, Path]]) -> str:
    "The text of nbs/api.qmd, for pages (title, notebook) in order."
    taught = {lesson.path: lesson.number for lesson in lessons()}
    parts, count, modules = list[str](), 0, 0
    for title, notebook in pages:
        if notebook.suffix != ".ipynb" or not (module := read(notebook).module): continue
        file = ROOT / settings()["lib_path"] / (module.replace(".", "/") + ".py")
        address, places = notebook.relative_to(NBS).as_posix(), documented(notebook)
        where = f"taught in lesson {taught[notebook]}" if notebook in taught else "a page of the library"
        parts += [f"## {title}", f"`{settings()['lib_name']}.{module}`, [{where}]({address})"]
        public = names(file) if file.exists() else {}
        parts += [f"[`{name}`]({address}{f'#{name.lower()}' if name in places else ''})\n:   {escaped(line)}"
                  for name, line in public.items()]
        count, modules = count + len(public), modules + 1
    name = settings()["lib_name"]
    intro = (f"{count} names in {modules} modules. Each of them can be imported from `{name}` itself, which loads a module "
             f"when the first of its names is used; so `from {name} import MLP` is enough, and you need not remember "
             "where `MLP` lives. A number in parentheses is an equation of the page that the name leads to.")
    return "\n\n".join([FRONT.rstrip("\n"), intro, *parts]) + "\n"

"Documentation of what is exported: a comment beside each parameter, a summary of one line, the source."

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tools.notebooks import Cell, Lesson, Notebook

from .code import Def, dotted, exported
from .text import citations, fault

SOURCE = re.compile(r"S&B|§|et al\.|\b(?:1[89]|20)\d\d\b|Gymnasium")


def documented(nb: Notebook, lesson: Lesson | None = None) -> list[str]:
    "What is public has a summary of one line and a comment beside each parameter; in lessons, also its source."
    found = []
    for cell, node in exported(nb):
        for name, part in public(node):
            found += [fault(nb, cell, sentence) for sentence in summary(name, part) + parameters(name, part, cell)]
        text = ast.get_docstring(node) or ""
        if lesson and not SOURCE.search(text) and not list(citations(text)):
            found.append(fault(nb, cell,
                               f"`{node.name}`: cite its equation or its source at the end of the summary, as in "
                               "“(1)” or “S&B §6.5”"))
    return found


def public(node: Def) -> Iterator[tuple[str, Def]]:
    "A function, or a class with `__init__` and its public methods, each with its name."
    yield node.name, node
    for part in node.body if isinstance(node, ast.ClassDef) else []:
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef): continue
        again = any(dotted(each).endswith(("overload", ".setter")) for each in part.decorator_list)
        if not again and (part.name == "__init__" or not part.name.startswith("_")):
            yield f"{node.name}.{part.name}", part


def summary(name: str, node: Def) -> list[str]:
    "A docstring of one line; `__init__` has that of its class."
    if node.name == "__init__": return []
    text = ast.get_docstring(node, clean=False)
    if not text or not text.strip(): return [f"`{name}`: say in a docstring of one line what it does"]
    if "\n" not in text.strip(): return []
    return [f"`{name}`: keep the docstring to one line, and move the rest to Markdown above the cell"]


def parameters(name: str, node: Def, cell: Cell) -> list[str]:
    "A comment on the line of each parameter, each on a line of its own; the same for the fields of a dataclass."
    commented = {token.start[0] for token in tokenize.generate_tokens(io.StringIO(cell.source).readline)
                 if token.type == tokenize.COMMENT and token.string.strip("# ")}
    if isinstance(node, ast.ClassDef):
        lines = {part.target.id: part.lineno for part in node.body if isinstance(part, ast.AnnAssign)
                 and isinstance(part.target, ast.Name)
                 and not part.target.id.startswith("_") and "ClassVar" not in ast.unparse(part.annotation)}
        head = 0
    else:
        args = node.args
        every = [*args.posonlyargs, *args.args, *([args.vararg] if args.vararg else []), *args.kwonlyargs,
                 *([args.kwarg] if args.kwarg else [])]
        lines = {arg.arg: arg.lineno for arg in every if arg.arg not in ("self", "cls")}
        head = node.lineno
    shared = {line for line in lines.values() if line == head or list(lines.values()).count(line) > 1}
    return [f"`{name}`: give `{each}` a line of its own with a comment: its meaning, shape, unit"
            for each, line in lines.items() if line in shared or line not in commented]

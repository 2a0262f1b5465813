"Reading a notebook's code: syntax trees, names as they were imported, what a cell exports."

import ast
from collections.abc import Iterable

from tools.notebooks import Cell, Notebook

Def = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Aliases = dict[str, str]    # local name -> dotted name


def parse(cell: Cell) -> ast.Module:
    "The syntax tree of a code cell, with the cell's own line numbers; empty where it is no Python (`magics` says so)."
    try: return ast.parse(cell.source)
    except SyntaxError: return ast.Module([], [])


def aliases(trees: Iterable[ast.AST]) -> Aliases:
    "What imported names stand for: `import numpy as np` gives np -> numpy."
    found: Aliases = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            for name in node.names:
                found[name.asname or name.name.split(".")[0]] = name.name if name.asname else name.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names: found[name.asname or name.name] = f"{node.module}.{name.name}"
    return found


def dotted(node: ast.AST, names: Aliases | None = None) -> str:
    "`np.random.normal` -> numpy.random.normal; empty for what is no dotted name."
    if isinstance(node, ast.Name): return (names or {}).get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (base := dotted(node.value, names)): return f"{base}.{node.attr}"
    return ""


def last(node: ast.AST) -> str:
    "The last part of a dotted name: `np.testing.assert_allclose` -> assert_allclose."
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_public(cell: Cell) -> bool:
    "Whether a cell's names go into the package's public interface."
    return bool(cell.directives.keys() & {"export", "exports"})


def exported(nb: Notebook) -> list[tuple[Cell, Def]]:
    "The public functions and classes that a notebook exports."
    return [(cell, node) for cell in nb.code if is_public(cell) for node in parse(cell).body
            if isinstance(node, Def) and not node.name.startswith("_")]


def exported_names(nb: Notebook) -> list[tuple[Cell, str]]:
    "All public names that a notebook exports: functions, classes and what is assigned."
    found = []
    for cell in nb.code:
        for node in parse(cell).body if is_public(cell) else []:
            targets = [*getattr(node, "targets", []), *([node.target] if isinstance(node, ast.AnnAssign) else [])]
            parts = [node] if isinstance(node, Def) else [part for target in targets for part in ast.walk(target)]
            names = [part.name if isinstance(part, Def) else part.id for part in parts
                     if isinstance(part, Def | ast.Name)]
            found += [(cell, name) for name in dict.fromkeys(names) if not name.startswith("_")]
    return found

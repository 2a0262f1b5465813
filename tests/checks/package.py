"The package as a whole: light to import, every public name found lazily, and what type checkers see is what there is."

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

from tools.notebooks import ROOT

from .exports import import_faults

LOADED = """
import sys
before = set(sys.modules)
import rlpt
print(*{name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names - {"rlpt"})
"""
RESOLVE = """
import importlib, json, sys
import rlpt
for name, module in json.load(sys.stdin).items():
    try: same = getattr(rlpt, name) is getattr(importlib.import_module(module), name)
    except Exception as error: print(f"rlpt.{name} cannot be had: {type(error).__name__}: {error}")
    else:
        if not same: print(f"rlpt.{name} is not {module}.{name}")
        if name not in dir(rlpt): print(f"dir(rlpt) does not show {name}")
"""


def python(code: str, root: Path, given: str = "") -> list[str]:
    "The lines that a new interpreter prints when it finds the package under `root`."
    environment = {**os.environ, "PYTHONPATH": str(root), "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, input=given, capture_output=True,
                          text=True)
    return done.stdout.splitlines() if done.returncode == 0 else [f"fails: {done.stderr.strip()[-300:]}"]


def light(root: Path = ROOT) -> list[str]:
    "`import rlpt` loads nothing but the standard library."
    return [f"`import rlpt` loads {name}: import it where it is used" for line in python(LOADED, root)
            for name in line.split()]


def exported(root: Path = ROOT) -> dict[str, list[str]]:
    "The names that each exported module makes public, read from its `__all__`."
    found = {}
    for path in sorted((root / "rlpt").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                found[".".join(path.relative_to(root).with_suffix("").parts)] = ast.literal_eval(node.value)
    return found


def lazy(root: Path = ROOT) -> list[str]:
    "Every public name is an attribute of the package, and the one that its module exports."
    return python(RESOLVE, root,
                  json.dumps({name: module for module, names in exported(root).items() for name in names}))


def typed(root: Path = ROOT) -> list[str]:
    "The TYPE_CHECKING block of `__init__` imports from just the modules that are exported, and `py.typed` is there."
    found = list[str]()
    if not (root / "rlpt" / "py.typed").is_file():
        found.append("rlpt/py.typed is missing: type checkers ignore our types")
    tree = ast.parse((root / "rlpt" / "__init__.py").read_text(encoding="utf-8"))
    block = [part for node in tree.body if isinstance(node, ast.If)
             and ast.unparse(node.test).endswith("TYPE_CHECKING") for part in node.body]
    seen = {"rlpt." + (part.module or "").removeprefix("rlpt."): [name.name for name in part.names] for part in block
            if isinstance(part, ast.ImportFrom)}
    there = exported(root)
    found += [f"rlpt/__init__.py: add `from .{module.removeprefix('rlpt.')} import *` under TYPE_CHECKING"
              for module in there.keys() - seen.keys()]
    found += [f"rlpt/__init__.py: {module} exports nothing: remove it from under TYPE_CHECKING"
              for module in seen.keys() - there.keys()]
    return found + [f"rlpt/__init__.py: what it imports from {module} under TYPE_CHECKING is not what {module} exports"
                    for module in seen.keys() & there.keys()
                    if seen[module] != ["*"] and set(seen[module]) != set(there[module])]


def layered(root: Path = ROOT) -> list[str]:
    "The import rule for the files of the package."
    found = []
    for path in sorted((root / "rlpt").rglob("*.py")):
        module = ".".join(path.relative_to(root / "rlpt").with_suffix("").parts)
        if path.name not in ("__init__.py", "_modidx.py"):
            found += import_faults(module, ast.parse(path.read_text(encoding="utf-8")))
    return found

"What notebooks export: each function asserted on its own page, names unique, imports from what was taught before."

import ast
from collections import defaultdict
from collections.abc import Iterable

from tools.notebooks import NBS, Cell, Lesson, Notebook, lessons

from .code import exported, exported_names, last, parse
from .text import fault

Bound = dict[str, set[str]]     # a name -> the exported names whose results it holds
INSPECTS = {"callable", "hasattr", "getattr", "id", "isinstance", "issubclass", "print", "repr", "signature",
            "getsource", "type"}
ASSERTS = {"gradcheck", "gradgradcheck", "raises", "ExceptionExpected"}


def asserted(nb: Notebook) -> list[str]:
    "Every exported function or class is called by an assertion or test in its own notebook, if by way of a name."
    names = {node.name for _, node in exported(nb)}
    evidence = Evidence(names)
    for cell in nb.code:
        if not cell.is_export and not cell.is_starter: evidence.block(parse(cell).body)
    # a class is tested with the function that returns it
    returned = [node.returns for _, node in exported(nb)
                if isinstance(node, ast.FunctionDef) and node.name in evidence.seen and node.returns]
    seen = evidence.seen | {part.id for node in returned for part in ast.walk(node) if isinstance(part, ast.Name)}
    return [fault(nb, cell,
                  f"no assertion calls `{node.name}`: add a cell right below that tests it, say "
                  f"`test_close({node.name}(...), ...)`")
            for cell, node in exported(nb) if node.name not in seen]


class Evidence:
    "Follows statements in order: what assertions have called so far (`seen`), and which names hold whose results."

    def __init__(self, names: set[str]):
        self.names, self.bound, self.seen, self.testers = names, Bound(), set[str](), set[str]()

    def calls(self, node: ast.AST | None, bare: bool = False) -> set[str]:
        "The exported names that a piece of code calls or hands on; a `bare` name counts where it is handed on."
        if node is None: return set()
        if isinstance(node, ast.Name):
            return self.bound.get(node.id, set()) | ({node.id} & self.names if bare else set())
        if isinstance(node, ast.Attribute):
            return self.calls(node.value) | ({node.attr} & self.names if bare else set())
        if isinstance(node, ast.Call):
            found, hands_on = self.calls(node.func, bare=True), last(node.func) not in INSPECTS
            if isinstance(node.func, ast.Attribute): found |= self.calls(node.func.value, bare=True)
            return found.union(*(self.calls(part, hands_on)
                                 for part in [*node.args, *(word.value for word in node.keywords)]))
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            for loop in node.generators: self.bind(loop.target, self.calls(loop.iter, bare=True))
        is_display = isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict)
        passes_on = bare if isinstance(node, ast.Starred | ast.IfExp) else is_display
        return set[str]().union(*(self.calls(part, passes_on) for part in ast.iter_child_nodes(node)))

    def bind(self, target: ast.AST, found: set[str], more: bool = False) -> None:
        "Remember that the names in `target` hold results of what was `found`."
        for part in ast.walk(target):
            if isinstance(part, ast.Name):
                kept = more or isinstance(target, ast.Attribute | ast.Subscript)      # x[i] = ... keeps the rest of x
                self.bound[part.id] = found | (self.bound.get(part.id, set()) if kept else set())

    def is_test(self, node: ast.AST) -> bool:
        "Whether a node is a call that fails when what it is given is wrong."
        if not isinstance(node, ast.Call): return False
        return (name := last(node.func)).startswith(("test_", "assert_")) or name in ASSERTS | self.testers

    def block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements: self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        "Take in one statement, and those inside it."
        match node:
            case ast.Assert(): self.seen |= self.calls(node.test)
            case ast.Assign():
                for target in node.targets: self.bind(target, self.calls(node.value, bare=True))
            case ast.AnnAssign(): self.bind(node.target, self.calls(node.value, bare=True))
            case ast.AugAssign(): self.bind(node.target, self.calls(node.value), more=True)
            case ast.For(): self.bind(node.target, self.calls(node.iter, bare=True))
            case ast.With():
                for item in node.items:
                    if item.optional_vars: self.bind(item.optional_vars, self.calls(item.context_expr))
                if any(self.is_test(item.context_expr) for item in node.items):
                    self.seen |= self.calls(ast.Module(node.body, []))
            case ast.FunctionDef() | ast.ClassDef():
                self.bound[node.name] = self.calls(ast.Module(node.body, []))
                if any(isinstance(part, ast.Assert) or self.is_test(part) for part in ast.walk(node)):
                    self.testers.add(node.name)
            case ast.Expr(ast.Call(func=ast.Attribute(value=ast.Name() as owner))):
                self.bind(owner, self.calls(node.value), more=True)
        inner = [part for name in ("body", "orelse", "finalbody") for part in getattr(node, name, [])]
        inner += [part for handler in getattr(node, "handlers", []) for part in handler.body]
        if inner: return self.block(inner)
        self.seen |= set[str]().union(*(self.calls(part) for part in ast.walk(node) if self.is_test(part)))


def unique(notebooks: Iterable[Notebook]) -> list[str]:
    "No two notebooks export the same name, and none exports a name twice."
    homes: dict[str, list[tuple[Notebook, Cell]]] = defaultdict(list)
    for nb in notebooks:
        for cell, name in exported_names(nb): homes[name].append((nb, cell))
    return [fault(nb, cell,
                  f"`{name}` is already exported by {first.name}, cell {at.index}: rename one, names are unique in "
                  "the package")
            for name, ((first, at), *others) in homes.items() for nb, cell in others]


def imports(nb: Notebook) -> list[str]:
    "What is exported imports earlier lessons and the library; the library imports no lesson (`cli`: inside functions)."
    return [fault(nb, cell, sentence) for cell in nb.code if cell.is_export and nb.module
            for sentence in import_faults(nb.module, parse(cell))]


def import_faults(module: str, tree: ast.AST) -> list[str]:
    "The import rule for the code of one module, named without the package (`optimization.losses`)."
    order: dict[str, Lesson] = {lesson.module: lesson for lesson in lessons()}
    place, found = list(order), []
    lazily = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        for target in imported(module, node) if isinstance(node, ast.Import | ast.ImportFrom) else []:
            lesson = next((order[name] for name in (target, target.rpartition(".")[0]) if name in order), None)
            if target == "": found.append("import from the module that defines the name, not from `rlpt` itself")
            if lesson is None or lesson.module == module: continue
            if module in order:
                if place.index(lesson.module) > place.index(module):
                    found.append(f"rlpt.{module} imports lesson {lesson.number} (rlpt.{lesson.module}), which comes "
                                 "later: export only what earlier lessons carry, or use it in a cell that exports "
                                 "nothing")
            elif module != "cli":
                found.append(f"rlpt.{module} belongs to the library and imports lesson {lesson.number} "
                             f"(rlpt.{lesson.module}): the library imports no lesson")
            elif id(node) not in lazily:
                found.append(f"rlpt.cli imports lesson {lesson.number} at its top: import it inside the function that "
                             "needs it")
    return found


def imported(module: str, node: ast.Import | ast.ImportFrom) -> list[str]:
    "The modules of the package that a statement imports, named without the package; `` is the package itself."
    if isinstance(node, ast.Import): found = [name.name for name in node.names]
    else:
        base = ".".join(["rlpt", *module.split(".")][:-node.level]) if node.level else ""
        base = ".".join(part for part in (base, node.module) if part)
        is_package = base == "rlpt" or base.removeprefix("rlpt.") in parts()
        found = [f"{base}.{name.name}" for name in node.names] if is_package else [base]
        if base == "rlpt":
            found = [name if "." in name and name.split(".")[1] in modules() else "rlpt" for name in found]
    return [name.removeprefix("rlpt").removeprefix(".") for name in found if name.split(".")[0] == "rlpt"]


def modules() -> set[str]:
    "The modules and subpackages right under the package, by what the notebooks are called."
    return {path.stem for path in (NBS / "lib").glob("*.ipynb")} | parts()


def parts() -> set[str]:
    "The subpackages, one for each part of the course."
    return {lesson.module.split(".")[0] for lesson in lessons()}

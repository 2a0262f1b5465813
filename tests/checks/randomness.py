"Randomness is passed, never ambient: no global generator, and no seeding but inside a fork."

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools.notebooks import Notebook

from .code import Aliases, aliases, dotted, last, parse
from .text import fault

USUAL: Aliases = {"np": "numpy", "nn": "torch.nn"}
NUMPY_OK = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64", "PCG64DXSM", "Philox", "MT19937",
            "SFC64"}
TORCH = (r"torch\.(?:(?:cuda|mps|xpu|random)\.)?(?:manual_seed\w*|seed\w*|"
         r"(?:rand|randn|randint)(?:_like)?|randperm|normal|bernoulli|multinomial|poisson)")
METHODS = {"normal_", "uniform_", "random_", "bernoulli_", "exponential_", "cauchy_", "geometric_", "log_normal_"}
LAYERS = (r"torch\.nn\.(?:Linear|Bilinear|LazyLinear|Conv\w+|Embedding\w*|LSTM\w*|GRU\w*|RNN\w*|"
          r"MultiheadAttention|Transformer\w*)")
INSTEAD = "pass generator=torch_rng(seed), or go inside `with forked_rng(seed):`"


def notebook(nb: Notebook) -> list[str]:
    "No cell draws from a global generator, or makes a layer outside of a fork."
    names = USUAL | aliases(map(parse, nb.code))
    return [fault(nb, cell, f"line {line}: {sentence}") for cell in nb.code
            for line, sentence in ambient(parse(cell), names)]


def module(path: Path, root: Path) -> list[str]:
    "The same for a file of the package or of the tests."
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [f"{path.relative_to(root).as_posix()}, line {line}: {sentence}"
            for line, sentence in ambient(tree, USUAL | aliases([tree]), layers=False)]


def ambient(node: ast.AST, names: Aliases, layers: bool = True) -> Iterator[tuple[int, str]]:
    "Each use of a global generator under a node, as (line, sentence); `layers`: whether making a layer is one."
    if isinstance(node, ast.With) and (forks := [name for item in node.items if (name := forked(item.context_expr))]):
        calls = {last(part.func) for part in ast.walk(ast.Module(node.body, [])) if isinstance(part, ast.Call)}
        if "fork_rng" in forks and "manual_seed" not in calls:
            yield node.lineno, ("fork_rng() without a seed goes on from the global generator: "
                                "begin the block with torch.manual_seed(seed), or say forked_rng(seed)")
        return
    if isinstance(node, ast.Import | ast.ImportFrom) and "random" in {getattr(node, "module", ""), node.names[0].name}:
        yield node.lineno, "the module `random` has one generator for all: use np.random.default_rng(seed)"
    if isinstance(node, ast.Call) and (sentence := wrong(node, names, layers)): yield node.lineno, sentence
    inside = layers and not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)
    for part in ast.iter_child_nodes(node): yield from ambient(part, names, inside)


def forked(node: ast.expr) -> str | None:
    "Which kind of fork a with-statement opens."
    name = last(node.func) if isinstance(node, ast.Call) else ""
    return name if name in ("fork_rng", "forked_rng") else None


def wrong(call: ast.Call, names: Aliases, layers: bool) -> str | None:
    "What is wrong with a call, if it draws from or seeds a global generator."
    name, words = dotted(call.func, names), {word.arg for word in call.keywords}
    if name.startswith("numpy.random."):
        if name.split(".")[2] not in NUMPY_OK:
            return f"{name} uses NumPy's global generator: use rng = np.random.default_rng(seed) and rng's methods"
        if name.endswith((".default_rng", ".SeedSequence")) and not call.args and not words:
            return f"{name}() differs from run to run: give it a seed"
    if re.fullmatch(TORCH, name) and "generator" not in words:
        return f"{name} uses torch's global generator: {INSTEAD}"
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS and "generator" not in words:
        return f".{call.func.attr}() uses torch's global generator: {INSTEAD}"
    if layers and re.fullmatch(LAYERS, name):
        return f"{name} draws its first weights from torch's global generator: make it inside `with forked_rng(seed):`"
    return None

"Learn Reinforcement Learning with PyTorch: the library that the lessons export. Importing it loads nothing heavy."

__version__ = "0.1.0"

from functools import cache as _cache
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:  # what type checkers see; at run time a name's module is imported when the name is first used
    from .agents import *
    from .cli import *
    from .core import *
    from .data import *
    from .deep_rl.a2c import *
    from .deep_rl.dqn import *
    from .deep_rl.dqn_variants import *
    from .deep_rl.replay import *
    from .deep_rl.function_approximation import *
    from .deep_rl.reinforce import *
    from .envs import *
    from .exercises import *
    from .experiments import *
    from .neural_networks.networks import *
    from .optimization.logistic_regression import *
    from .optimization.losses import *
    from .plots import *
    from .tabular_rl.bandits import *
    from .tabular_rl.gridworld import *
    from .tabular_rl.interaction import *
    from .tabular_rl.mdp import *
    from .tabular_rl.planning import *
    from .tabular_rl.prediction import *
    from .tabular_rl.q_learning import *

@_cache
def _modules() -> dict[str, str]:
    "Public name -> module that exports it, read from the `__all__` in each module's source: nothing is imported."
    import ast
    from pathlib import Path

    root, found = Path(__file__).parent, {}
    for path in sorted(root.rglob("*.py")):
        _, _, names = path.read_text(encoding="utf-8").partition("\n__all__ = ")
        module = ".".join(path.relative_to(root.parent).with_suffix("").parts)
        if names: found.update(dict.fromkeys(ast.literal_eval(names[: names.index("]") + 1]), module))
    return found


def __getattr__(name: str) -> _Any:
    from importlib import import_module

    if not name.startswith("_") and name in _modules():
        globals()[name] = value = getattr(import_module(_modules()[name]), name)
        return value
    raise AttributeError(f"module 'rlpt' has no attribute {name!r}")


def __dir__() -> list[str]: return sorted({*globals(), *_modules()})

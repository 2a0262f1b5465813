"Every check can fail: each is shown faults that it must catch, and a clean notebook that it must pass."

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rlpt.core import load_results, save_results
from tests.checks import anatomy, claims, documents, exercises, exports, outputs, randomness, results
from tests.planted import clean, lesson, notebook
from tools import cells
from tools.notebooks import Notebook, lessons
from tools.outputs import run_notebook

EDIT = tuple[str, str]
CHECKS: dict[str, Callable[[Notebook], list[str]]] = {
    "page": anatomy.page,
    "anatomy": lambda nb: anatomy.anatomy(nb, lesson()),
    "asserted": exports.asserted,
    "unique": lambda nb: exports.unique([nb]),
    "imports": exports.imports,
    "complete": lambda nb: exercises.complete(nb, lesson()),
    "graded": lambda nb: exercises.graded(nb, lesson()),
    "stored": outputs.stored,
    "fresh": lambda nb: outputs.fresh(nb, clean(nb.path.parent).cells),
    "claims": lambda nb: claims.claims(nb, nb.path.parent / "nbs" / "results"),
    "randomness": randomness.notebook,
    "slow": lambda nb: results.slow(nb, nb.path.parent / "nbs" / "results"),
    "documented": lambda nb: documents.documented(nb, lesson()),
    "magics": cells.magics}

FIRST = "About 0.88, or 88 % of what theory says"
LAST = "The bottom is at 0.06."
SOLUTION = "    return float(values ** 2 @ weights / weights.sum())"
GRADER = 'exercise("2.3.1", "Weighted spread", reference=_weighted'
TEXT = "In the critic, whose loss is (1)."

# check, what is changed in the clean lesson, what the check must say
PLANTED: list[tuple[str, list[EDIT], str]] = [
    ("page", [("> Measure", "Measure")], "hold `# Title` and `> one-line promise` here"),
    ("page", [("center is nearest to all.", "center is nearest to all.\n#\n# More text.")], "nbdev drops other text"),
    ("page", [("# ### Exercise 3.", "# # Exercise 3.")], "a heading of level 2 or lower"),
    ("page", [("$\\alpha = 0.1$", "$\\alpha = 0.1")], "a $ has no partner"),
    ("page", [("\\$5", "$5")], "a $ has no partner"),
    ("page", [("$\\alpha = 0.1$", "$ \\alpha = 0.1 $")], "no space inside the dollars"),
    ("page", [("$V(0) \\approx 0.875$", "\\(V(0)\\)")], "stands outside of dollars"),
    ("page", [("$$ c^* =", "\\[ c^* ="), ("\\tag{2} $$", "\\tag{2} \\]")], "stands outside of dollars"),
    ("page", [("$$ c^* = \\frac{1}{N} \\sum_i x_i . \\tag{2} $$", "\\begin{align*} c &= 1 \\end{align*}")],
     "stands outside of dollars"),
    ("page", [("\\tag{2} $$", "\\tag{2}")], "a $$ is never closed"),
    ("page", [("\\frac{1}{N} \\sum_i x_i", "\\frac{1}{N \\sum_i x_i")], "the braces are unbalanced"),
    ("page", [("\\right)^2", ")^2")], "\\left and \\right are unbalanced"),
    ("page", [("$$ c^* = \\frac{1}{N}", "$$ c^* =\n#\n# \\frac{1}{N}")], "remove the blank line"),
    ("page", [(TEXT, "In the critic, whose loss is (3).")], "(3) is cited, but no equation has \\tag{3}"),
    ("page", [(TEXT, "(1) is what the critic minimises.")], "do not begin a paragraph with (1)"),
    ("page", [("it has seen (2). Welford", "it has seen (4). Welford")], "(4) is cited"),
    ("page", [("self.n += 1", "self.n += 1  # as in (5)")], "(5) is cited"),
    ("page", [("\\tag{2}", "\\tag{1}")], "number the equations upwards, each once"),
    ("page", [("\\tag{1}", "\\tag{3}"), ("(1)", "(3)")], "number the equations upwards, each once"),
    ("page", [("(1) of lesson 2.2", "(1) of lesson 2.9")], "(1) of lesson 2.9 is cited"),
    ("page", [("\\tag{2}", "\\tag{mean}"), ("(2)", "")], "a tag is a number"),

    ("anatomy", [("# # How far from the middle", "# # How near to the middle")],
     "the outline calls this lesson “How far from the middle”"),
    ("anatomy", [("default_exp optimization.losses", "default_exp losses")],
     "say `#| default_exp optimization.losses`"),
    ("anatomy", [("## In this lesson", "## In this chapter")], "make “## In this lesson” the first section"),
    ("anatomy", [("## Mathematics", "## Formulas")], "add the section “## Mathematics”"),
    ("anatomy", [("## Explanation", "## Formulas")], "“## Formulas” is no section of a lesson"),
    ("anatomy", [("## Demonstrations", "### Demonstrations")], "add the section “## Demonstrations”"),
    ("anatomy", [("## Explanation", "## Mathematics")], "occurs twice"),
    ("anatomy", [("## Where this shows up in RL", "### Where this shows up in RL")],
     "end with the sections “## Where this shows up in RL”"),
    ("anatomy", [("## Conclusion", "## Mathematics: more")], "end with the sections"),
    ("anatomy", [("10 minutes to read, 2 seconds to run", "10 minutes to read")],
     "say in one paragraph how many minutes"),
    ("anatomy", [("**References**", "Books:")], "end with `**References**`"),
    ("anatomy", [("# - Sutton and Barto, *Reinforcement Learning*, 2nd edition, 2018, §9.1, p. 4.2.", "#")],
     "at least one entry"),

    ("asserted", [("at_zero = spread(values, 0.0)\ntest_close(at_zero, (values ** 2).mean())", "at_zero = 0.8754")],
     "no assertion calls `spread`"),
    ("asserted",
     [("assert abs(center.mean - values.mean()) < 1e-9", "assert isinstance(center.mean, float) or Center is None"),
      ("center = Center()\nfor value in values: center.see(value)", "center = values")],
     "no assertion calls `Center`"),
    ("unique", [("class Center:", "class spread:")], "`spread` is already exported by"),
    ("imports", [("from rlpt.core import check_finite", "from rlpt.optimization.logistic_regression import sigmoid")],
     "imports lesson 2.6"),
    ("imports", [("from rlpt.core import check_finite", "def late(): from ..neural_networks import perceptron")],
     "imports lesson 3.1"),
    ("imports", [("from rlpt.core import check_finite", "from rlpt import check_finite")], "not from `rlpt` itself"),
    ("imports",
     [("default_exp optimization.losses", "default_exp plots"), ("from rlpt.core", "from rlpt.optimization.autograd")],
     "the library imports no lesson"),
    ("imports",
     [("default_exp optimization.losses", "default_exp cli"), ("from rlpt.core", "from rlpt.optimization.autograd")],
     "import it inside the function"),

    ("complete", [("### Exercise 3. Why squares ●●● 5 minutes", "### Why squares")],
     "exercise 3 is missing (“Discuss why"),
    ("complete", [("### Exercise 3. Why", "### Exercise 4. Why")], "the outline has no exercise 4"),
    ("complete", [("●●○ 10 minutes", "10 minutes")], "one to three dots of three, minutes"),
    ("complete", [("●●○ 10 minutes", "●●○")], "one to three dots of three, minutes"),
    ("complete", [("●●○ 10 minutes", "●● 10 minutes")], "●●○"),
    ("complete", [("*Implement the spread with weights.*", "*Implement the weighted spread.*")],
     "begin with the outline's sentence in italics"),
    ("complete", [("*Implement the spread with weights.*", "Implement the spread with weights.")],
     "begin with the outline's sentence in italics"),
    ("complete",
     [("# Write `weighted(values, weights)`, both of shape `(N,)`: the weighted mean of the squares, which is a "
       "float.", "# Write it.")],
     "state what to write"),
    ("complete", [('#| hide\nexercise("2.3.3", "Why squares", kind="essay")', "")], "register it once"),
    ("complete", [('#| hide\nexercise("2.3.3"', 'exercise("2.3.3"')], "mark the cell of the grader `#| hide`"),
    ("complete", [(GRADER, GRADER.replace("Weighted spread", "Spread"))],
     "the heading “Weighted spread”: make them the same"),
    ("complete", [('#| eval: false\ncheck("2.3.2", "...")', "")], "add a starter"),
    ("complete", [('check("2.3.2", "...")', 'check("2.3.2", guess)')], "the starter of a prediction"),
    ("complete", [('    ...\n\ncheck("2.3.1", weighted)', '    ...\n\ncheck("2.3.1", weighted)\nprint(1)')],
     "end the starter with"),
    ("complete", [("#| code-fold: true\ncheck", "check")], "add a solution"),
    ("complete", [(f'{SOLUTION}\n\ncheck("2.3.1", weighted)', f'{SOLUTION}\n\ncheck("2.3.1", weighted); weighted')],
     "end the solution with"),
    ("complete", [("<details><summary>Solution</summary>The mean follows.</details>", "The mean follows.")],
     "fold the solution's words"),
    ("complete",
     [("<details><summary>Model answer</summary>Squares are smooth; absolute values are robust.</details>", "")],
     "fold the solution's words"),

    ("graded", [('    ...\n\ncheck("2.3.1", weighted)', f'{SOLUTION}\n\ncheck("2.3.1", weighted)')],
     "the starter passes"),
    ("graded", [('    ...\n\ncheck("2.3.1", weighted)', '    return nothing_yet\n\ncheck("2.3.1", weighted(1))')],
     "the starter raises"),
    ("graded", [(SOLUTION, "    return float(values ** 2 @ weights)")], "the solution fails"),
    ("graded", [(SOLUTION, "    return undefined")], "the solution fails"),
    ("graded", [('#| code-fold: true\ncheck("2.3.2", "mean")', '#| code-fold: true\ncheck("2.3.2", "both")')],
     "the solution fails"),
    ("graded",
     [("for n in (1, 3, 10): yield rng.normal(size=n), 0.5 + rng.random(n)",
       "for n in (1, 3): yield rng.normal(size=n), np.ones(n)")],
     "this mistake passes: “You divided"),
    ("graded",
     [("lambda values, weights: float((values ** 2).mean())})",
       "lambda values, weights: float((weights * values ** 2).mean())})")],
     "the mistake “You forgot the weights.” is met with “You divided"),
    ("graded", [(',\n    "You forgot the weights.": lambda values, weights: float((values ** 2).mean())})', "})")],
     "fewer than two mistakes"),
    ("graded", [('"median": "Half of the values would have to move.", ', "")], "fewer than two mistakes"),
    ("graded", [('exercise("2.3.3", "Why squares", kind="essay")', "")], "was not registered"),
    ("graded", [("def _weighted(", "1 / 0\ndef _weighted(")], "raises ZeroDivisionError"),

    ("stored", [("# > 0.8754", "# > /home/me/course/data.csv")], "shows a path of one machine"),
    ("stored", [("# > 0.8754", "# > C:\\course\\data.csv")], "shows a path of one machine"),
    ("stored", [("# > 0.8754", "# > lib/python3.11/site-packages/numpy")], "shows a path of one machine"),
    ("stored", [("# > 0.8754", "# > UserWarning: the tick labels overlap")], "shows a warning"),
    ("stored", [("# > 0.8754", "# > 100%|██████████| 5/5 [00:01<00:00, 3.1it/s]")], "a progress bar"),
    ("stored", [("# > 0.8754", "# > <Axes: title={'center': 'x'}>")], "shows an object's repr"),
    ("stored", [("# > 0.8754", "# > <rlpt.core.Thing at 0x7f3a>")], "shows an object's repr"),
    ("stored", [('#| fig-cap: "Spread against center."\n', "")], "add `#| fig-cap"),
    ("stored", [('#| fig-alt: "A parabola with its lowest point a little above zero."\n', "")], "add `#| fig-alt"),
    ("stored", [("# > 0.8754", "# > " + "1 " * 600_000)], "and 1 MB is the limit"),

    ("fresh", [("# > 0.8754", "# > 0.8774")], "stores 0.8774 where a fresh run gives 0.8754"),
    ("fresh", [("# > 0.8754", "# > -0.8754")], "stores -0.8754"),
    ("fresh", [("# > 0.8754\n", "")], "stores nothing where a fresh run gives a value"),
    ("fresh", [("# > [figure]\n", "")], "stores nothing where a fresh run gives a figure"),
    ("fresh",
     [("assert abs(center.mean - values.mean()) < 1e-9", "assert abs(center.mean - values.mean()) < 1e-9\n# > 3")],
     "stores a value where a fresh run gives nothing"),
    ("fresh", [("# > 0.8754", "# > tensor(0.8754)")], "stores “tensor #”"),
    ("fresh", [("# > 0.8754", "# > 0.8754 0.1")], "where a fresh run gives “#”"),

    ("claims", [(FIRST, FIRST.replace("0.88", "0.87"))], "no stored output or result rounds to 0.87"),
    ("claims", [(FIRST, FIRST.replace("88 %", "89 %"))], "rounds to 89 %"),
    ("claims", [(FIRST, FIRST.replace("88 %", "88.4 percent"))], "rounds to 88.4 percent"),
    ("claims", [("\\approx 0.875$", "\\approx 0.874$")], "rounds to 0.874"),
    ("claims", [(LAST, "The bottom is at 0.07.")], "rounds to 0.07"),
    ("claims", [(TEXT, "It is 2.5 times as slow.")], "rounds to 2.5"),
    ("claims", [(TEXT, "As in lesson 2.3, 0.77 is left; see §2.3, 0.66 of it.")], "rounds to 0.77"),
    ("claims", [(TEXT, "As in lesson 2.3, 0.88 is left; see §2.3, 66 % of it.")], "rounds to 66 %"),
    ("claims", [(TEXT, "| loss | value |\n# |---|---|\n# | mse | 1.25 |")], "rounds to 1.25"),

    ("randomness", [("rng(0).normal(size=100)", "np.random.normal(size=100)")], "uses NumPy's global generator"),
    ("randomness", [("rng(0).normal(size=100)", "np.random.default_rng().normal(size=100)")], "give it a seed"),
    ("randomness", [("values = rng(0)", "np.random.seed(0)\nvalues = rng(0)")], "uses NumPy's global generator"),
    ("randomness", [("from rlpt.core import check_finite", "import random")], "the module `random`"),
    ("randomness", [("from rlpt.core import check_finite", "from random import choice")], "the module `random`"),
    ("randomness",
     [("from rlpt.core import check_finite", "from numpy.random import normal"),
      ("rng(0).normal(size=100)", "normal(size=100)")], "numpy.random.normal uses"),
    ("randomness",
     [("from rlpt.core import check_finite", "import torch as t"), ("rng(0).normal(size=100)", "t.randn(100)")],
     "torch.randn uses torch's global generator"),
    ("randomness", [("rng(0).normal(size=100)", "torch.manual_seed(0)")],
     "torch.manual_seed uses torch's global generator"),
    ("randomness", [("rng(0).normal(size=100)", "torch.empty(100).normal_()")],
     ".normal_() uses torch's global generator"),
    ("randomness", [("rng(0).normal(size=100)", "nn.Linear(1, 1)")], "torch.nn.Linear draws its first weights"),
    ("randomness", [("center = Center()", "with torch.random.fork_rng(): center = torch.rand(1)")],
     "fork_rng() without a seed"),

    ("slow", [('save_results("planted", {"best": 0.0628}, code="rlpt.core", seeds=0, seconds=1)', "1 + 1")],
     "is slow and keeps nothing"),
    ("slow", [('save_results("planted"', 'save_results("forgotten"')], "results/forgotten is missing"),

    ("documented", [("# shape (N,)\n", "\n")], "`spread`: give `values` a line of its own with a comment"),
    ("documented",
     [("(\n    values: NDArray[np.floating],  # shape (N,)\n"
       "    center: float,                 # what distances are taken from\n)",
       "(values: NDArray[np.floating], center: float)")], "give `center` a line of its own"),
    ("documented", [("start: float = 0.0,  # the first guess", "start: float = 0.0,")],
     "`Center.__init__`: give `start`"),
    ("documented", [("value: float,  # the next one", "value: float,")], "`Center.see`: give `value`"),
    ("documented", [('        "Move the mean towards a value."\n', "")], "`Center.see`: say in a docstring"),
    ("documented", [('    "Holds the mean of what it has seen (2). Welford 1962."\n', "")],
     "`Center`: say in a docstring"),
    ("documented",
     [('"Mean squared distance of `values` from `center` (1). S&B §2.3."',
       '"""Mean squared distance (1).\n\n    Of values."""')], "keep the docstring to one line"),
    ("documented", [(" from `center` (1). S&B §2.3.", " from `center`.")], "`spread`: cite its equation or its source"),
    ("magics", [("best = load_results", "%time best = load_results")], "write Python instead of `%time"),
    ("magics", [("best = load_results", "!pip install torch\nbest = load_results")], "write Python instead of `!pip"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    "A folder as a project has it, with the results file that the small lesson loads."
    (tmp_path / "settings.ini").write_text("")
    save_results("planted", {"best": 0.0628}, code="rlpt.core", seeds=0, seconds=1, folder=tmp_path / "nbs" / "results")
    return tmp_path


@pytest.mark.parametrize("check", CHECKS)
def test_clean(check: str, folder: Path) -> None:
    "A lesson without a fault passes every check."
    assert CHECKS[check](clean(folder)) == []


@pytest.mark.parametrize(("check", "edits", "says"), PLANTED)
def test_planted(check: str, edits: list[EDIT], says: str, folder: Path) -> None:
    "Each fault is caught, by a sentence that names the notebook and says what to do."
    found = CHECKS[check](clean(folder, *edits))
    assert any(says in sentence for sentence in found), found
    assert all(sentence.startswith("03_losses.ipynb") and "{each" not in sentence for sentence in found)


def test_every_check_is_planted() -> None:
    "No check without a fault that it has caught."
    assert {check for check, _, _ in PLANTED} == set(CHECKS)


# What is fine, and what a hasty check would take for a fault: check, changes, all of them clean.
FINE: list[tuple[str, list[EDIT]]] = [
    ("page", [(TEXT, "A list `a[1](2)` costs \\$3 to \\$4; f(1) and `(7)` cite nothing.")]),
    ("page", [(TEXT, "```\n# (9) $ $$ \\[ \\]\n# ```")]),
    ("page", [(TEXT, "Equation (3) of Mnih et al., or (6) in S&B, is theirs; (1) and (2) are ours, (1)–(2) too.")]),
    ("page", [(TEXT, "$$ \\begin{aligned} a &= \\{1\\} \\\\[2pt] b &= 2 \\end{aligned} $$")]),
    ("anatomy",
     [("## Explanation", "## Explanation: the middle"),
      ("## Demonstrations", "## Mathematics: more\n#\n# ## Demonstrations")]),
    ("anatomy", [("**References**\n#\n# -", "### References\n#\n#")]),
    ("asserted",
     [("at_zero = spread(values, 0.0)\n", "pairs = [(spread, 0.0)]\nfor f, c in pairs: at_zero = f(values, c)\n")]),
    ("asserted",
     [("at_zero = spread(values, 0.0)\ntest_close(at_zero",
       "def at(c: float) -> float: return spread(values, c)\nat_zero = at(0.0)\ntest_close(at(0.0)")]),
    ("asserted",
     [("at_zero = spread(values, 0.0)\ntest_close(at_zero",
       "def same(f, g): np.testing.assert_allclose(f(values, 0.), g)\nsame(spread")]),
    ("imports", [("from rlpt.core import check_finite", "from rlpt.optimization.autograd import backward")]),
    ("imports",
     [("default_exp optimization.losses", "default_exp cli"),
      ("from rlpt.core import check_finite", "def main(): from rlpt.optimization import autograd")]),
    ("complete", [("$f(x) = x^2$", "`f(x) = x^2`")]),
    ("graded",
     [("yield rng.normal(size=n), 0.5 +", "yield values[:n] * scale[0], 0.5 +"),
      ("best = load", "scale = [0.0]\nscale[0] = 2.0\nbest = load")]),
    ("stored", [("# > 0.8754", "# > ~/course, nbs/results/losses.npz and https://example.org/home/page")]),
    ("fresh", [("# > 0.8754", "# > 0.87543")]),
    ("fresh", [("# > 0.8754", "# > 0.91"), ("values = rng(0)", "#| varies\nvalues = rng(0)")]),
    ("claims",
     [(TEXT, "In lesson 4.4 and lessons 2.3, 2.4 and 3.1, proved in 4.6, come back in 2.6, [2.2](02_autograd.ipynb), "
             "Python 3.11, torch 2.6 and v1.4.2, S&B 6.5.")]),
    ("claims",
     [(TEXT, "Bands are 95 % bands; `0.3`, $\\gamma = 0.9$, Figures 6.3 and 6.4, Table 1.2, §§3.5–3.6, §3.5–3.6, "
             "Exercise 2.3.1, arXiv:1312.5602, 1e-6, 50 %.")]),
    ("claims",
     [(TEXT, "Next:\n#\n# - 2.2 Autograd in PyTorch: Automatic Differentiation Demystified\n# - 2.1 [Introduction to "
             "Gradient Descent: Math and Code](x.ipynb)")]),
    ("randomness", [("center = Center()", "with forked_rng(0): center = nn.Linear(1, 1)")]),
    ("randomness",
     [("center = Center()", "with torch.random.fork_rng():\n    torch.manual_seed(0)\n    center = torch.rand(1)")]),
    ("randomness",
     [("center = Center()",
       "noise = torch.randn(3, generator=g)\nclass Net:\n    def __init__(self): self.layer = nn.Linear(1, 1)")]),
    ("documented",
     [("class Center:", "@dataclass\nclass Center:"),
      ('    "Holds the mean of what it has seen (2). Welford 1962."',
       '    "Welford 1962."\n    size: int = 3  # of it')]),
    ("magics", [("at_zero\n# >", "at_zero % 2\n# >")]),
]


@pytest.mark.parametrize(("check", "edits"), FINE)
def test_fine(check: str, edits: list[EDIT], folder: Path) -> None:
    "Legitimate writing passes."
    assert CHECKS[check](clean(folder, *edits)) == []


def test_outputs_that_fail(folder: Path) -> None:
    "Errors and what was written to stderr are caught."
    nb = clean(folder)
    nb.code[3].outputs = [{"output_type": "error", "ename": "ValueError", "evalue": "no",
                           "traceback": ["ValueError: no"]}]
    nb.code[4].outputs = [{"output_type": "stream", "name": "stderr", "text": "hello"}]
    found = outputs.stored(nb)
    assert len(found) == 2 and "stores an error" in found[0] and "wrote to stderr" in found[1]


def test_unfolded_solution(folder: Path) -> None:
    "A solution that JupyterLab would show is caught."
    nb = clean(folder)
    for cell in nb.code: cell.metadata = {}
    assert all("source_hidden" in sentence for sentence in CHECKS["complete"](nb)) and len(CHECKS["complete"](nb)) == 2


def test_names_across_notebooks(folder: Path) -> None:
    "The same name in two notebooks is caught, and the sentence names both."
    other = notebook("# %%\n#| default_exp plots\n\n# %%\n#| export\nspread = 3\n", folder / "plots.ipynb")
    assert exports.unique([clean(folder), other]) == [
        "plots.ipynb, cell 1: `spread` is already exported by 03_losses.ipynb, cell 6: rename one, names are unique "
        "in the package"]


@pytest.mark.parametrize(("old", "new", "says"), [
    ("", "", "the grader passes its own reference"),
    ("def _cases(", "_weighted, _cases = spread, lambda rng: [(np.ones(3), 0.5)]\ndef _other(",
     "the code of `spread`, which the lesson exports, passes")])
def test_engine_that_refuses_nothing(old: str, new: str, says: str, folder: Path,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    "Were the engine to accept the reference or an exported function, it would be seen."
    monkeypatch.setattr("rlpt.exercises._refusal", lambda ex, answer: None)
    assert any(says in sentence for sentence in CHECKS["graded"](clean(folder, (old, new))))


def test_apart(folder: Path) -> None:
    "A lesson that hangs, or that cannot be run at all, is named."
    path = next(lesson.path for lesson in lessons() if lesson.written)
    assert "took longer than 0 s" in exercises.apart(path, timeout=0.01)[0]
    assert "could not be run" in exercises.apart(folder / "no_lesson.ipynb")[0]


def test_fresh_run(folder: Path) -> None:
    "A stored output that a real run does not give is caught; one that it gives is not."
    nb = notebook("# %%\n1 / 3\n# > 0.3333\n\n# %%\n1 / 7\n# > 0.2000\n", folder / "sevenths.ipynb")
    raw = [{"cell_type": "code", "id": f"c{cell.index}", "metadata": {}, "source": cell.source,
            "execution_count": None, "outputs": cell.outputs} for cell in nb.cells]
    nb.path.write_text(json.dumps({"cells": raw, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    (fault,) = outputs.fresh(nb, run_notebook(nb.path))
    assert fault.startswith("sevenths.ipynb, cell 1: stores 0.2000 where a fresh run gives 0.14285714285714285")


def test_stale_results(folder: Path) -> None:
    "Results of code that has changed, without provenance, or in a format of their own are caught."
    home = folder / "nbs" / "results"
    assert results.current(home) == []
    current = load_results("planted", folder=home).provenance["code"]["rlpt.core"]
    (home / "planted.json").write_text((home / "planted.json").read_text().replace(current, "0" * 16))
    (home / "bare.json").write_text(json.dumps({"best": 1}))
    (home / "old.pkl").write_bytes(b"")
    bare, old, planted = results.current(home)
    assert "bare.json: has no provenance" in bare and "old.pkl: write results with" in old
    assert planted.startswith("results/planted.json: rlpt.core changed since it was computed")


def test_ambient_module(tmp_path: Path) -> None:
    "The global generator is caught in files, too; there, layers may be made anywhere."
    file = tmp_path / "module.py"
    file.write_text("import numpy as np\nfrom torch import nn\nlayer = nn.Linear(1, 1)\nx = np.random.rand(3)\n")
    assert randomness.module(file, tmp_path) == ["module.py, line 4: numpy.random.rand uses NumPy's global generator: "
                                                 "use rng = np.random.default_rng(seed) and rng's methods"]
    file.write_text("import numpy as np\nx = np.random.default_rng(0).random(3)\n")
    assert randomness.module(file, tmp_path) == []


def test_types(folder: Path) -> None:
    "Pyright passes the clean lesson, where starter and solution share names; a complaint leads to the cell."
    faulty = clean(folder, ("at_zero = spread(values, 0.0)", 'at_zero = spread(values, "zero")'))
    files = {folder / "clean.py": clean(folder), folder / "faulty.py": faulty}
    for file, nb in files.items(): file.write_text(cells.script(nb), encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "pyright", "--outputjson", *files], capture_output=True, text=True)
    found = [(Path(each["file"]), each["range"]["start"]["line"] + 1, each["message"])
             for each in json.loads(done.stdout)["generalDiagnostics"]]
    cell = next(cell for cell in faulty.code if '"zero"' in cell.source)
    assert [cells.where(file, line) for file, line, _ in found] == [f"faulty.ipynb, cell {cell.index}, line 2"]
    assert found[0][2].startswith("Argument of type")


def test_number_of_a_project_in_an_output() -> None:
    "`4.4.P` in what a check prints is read without a fault."
    text = "✓ 4.4.P Taxi: right on 30 inputs"
    assert 30.0 in claims.numbers(text) and outputs.value("4.4.") == 4.4

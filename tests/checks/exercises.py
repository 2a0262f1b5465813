"""Exercises: every one of the outline is there with all its parts, and its grader tells right from wrong.

`python -m tests.checks.exercises NOTEBOOK` runs one notebook and prints what is wrong, as JSON.
"""

import ast
import contextlib
import dis
import io
import json
import linecache
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

from rlpt.exercises import Exercise, Verdict, grade, registered
from tools.notebooks import ROOT, Cell, Lesson, Notebook, lessons, read

from .code import dotted, exported, parse
from .text import Piece, fault, pieces, sections, short

HEAD = re.compile(r"Exercise (\w+)\. (.+?)\s+(●{1,3}○{0,2})\s+(\d+) minutes?")
LIKE = "“### Exercise {key}. Title ●●○ 10 minutes”"
Space = dict[str, Any]
MODULES = {"np", "plt", "torch"}       # calls of their functions change nothing that an exercise leans on


@dataclass
class Found:
    "One exercise as the notebook has it."
    id: str
    head: Piece
    title: str
    dots: str
    parts: list[Piece]

    def cells(self, function: str) -> list[Cell]:
        "The code cells that call `exercise` or `check` for this exercise."
        return [part.cell for part in self.parts if part.cell.is_code and self.call(part.cell, function)]

    def call(self, cell: Cell, function: str) -> ast.Call | None:
        "The call of `exercise` or `check` with this exercise's id."
        return next((node for node in ast.walk(parse(cell)) if isinstance(node, ast.Call)
                     and dotted(node.func) == function
                     and node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == self.id), None)

    @property
    def kind(self) -> str:
        "code, predict or essay, as the grader says."
        words = {word.arg: word.value for cell in self.cells("exercise") if (call := self.call(cell, "exercise"))
                 for word in call.keywords}
        value = words.get("kind")
        return str(value.value) if isinstance(value, ast.Constant) else "code"

    @property
    def starter(self) -> Cell | None: return next((cell for cell in self.cells("check") if cell.is_starter), None)

    @property
    def solution(self) -> Cell | None: return next((cell for cell in self.cells("check") if cell.is_solution), None)


def found_in(nb: Notebook, lesson: Lesson) -> dict[str, Found]:
    "The exercises of a notebook by their key: 1 to 4, P."
    found = {}
    for stretch in sections(pieces(nb), 3):
        if key := re.match(r"Exercise (\w+)\b", stretch[0].title):
            match = HEAD.fullmatch(stretch[0].title)
            found[key[1]] = Found(f"{lesson.number}.{key[1]}", stretch[0], match[2] if match else "",
                                  match[3] if match else "", stretch)
    return found


def plain(text: str) -> str:
    "Text without what Markdown may need to show it: `f(x) = $x^2$` and f(x) = x^2 are the same words."
    return " ".join(re.sub(r"[$`\\]", "", text).replace("’", "'").replace("“", '"').replace("”", '"').split())


def complete(nb: Notebook, lesson: Lesson) -> list[str]:
    "Every exercise of the outline has heading, the outline's sentence, statement, grader, starter and folded solution."
    found = found_in(nb, lesson)
    faults = [fault(nb, None, f"exercise {key} is missing (“{sentence}”): add it under {LIKE.format(key=key)}")
              for key, sentence in lesson.exercises.items() if key not in found]
    faults += [fault(nb, found[key].head.cell, f"the outline has no exercise {key} in this lesson")
               for key in found.keys() - lesson.exercises.keys()]
    return faults + [fault(nb, cell, f"exercise {each.id}: {sentence}")
                     for key, each in found.items() if key in lesson.exercises
                     for cell, sentence in missing(each, key, lesson.exercises[key])]


def missing(each: Found, key: str, sentence: str) -> list[tuple[Cell, str]]:
    "What one exercise lacks, and the cell to look at."
    start, faults = each.head.cell, list[tuple[Cell, str]]()
    if not each.title:
        faults.append((start, f"write the heading as {LIKE.format(key=key)}: one to three dots of three, minutes"))
    elif len(each.dots) != 3:
        faults.append((start, "show difficulty as one to three filled dots of three, such as ●●○"))
    first_code = next((i for i, part in enumerate(each.parts) if part.cell.is_code), len(each.parts))
    statement = plain("\n".join(part.text for part in each.parts[:first_code]).split("<details")[0])
    text = "\n".join(part.text for part in each.parts if not part.cell.is_code)
    if not any(f"{mark}{plain(sentence)}{mark}" in statement for mark in "*_"):
        faults.append((start, f"begin with the outline's sentence in italics: *{sentence}*"))
    if len(statement.replace(plain(sentence), "").split()) < 8:
        faults.append((start, "state what to write, from what, with which shapes"))
    graders = each.cells("exercise")
    if len(graders) != 1:
        return faults + [(start, f"register it once, by `exercise(\"{each.id}\", ...)` in a `#| hide` cell above the "
                                 "starter")]
    call = each.call(graders[0], "exercise")
    title = constant(call, 1)
    if each.title and title not in (None, each.title):
        faults.append((graders[0], f"the grader calls it “{title}”, the heading “{each.title}”: make them the same"))
    if not graders[0].is_hidden: faults.append((graders[0], "mark the cell of the grader `#| hide`"))
    if not re.search(r"<details>\s*<summary>.+?</summary>.*?\w.*?</details>", text, re.S):
        faults.append((start, "fold the solution's words in <details><summary>Solution</summary> ... </details>"))
    if each.kind == "essay": return faults
    starter, solution = each.starter, each.solution
    if not starter:
        faults.append((start, f"add a starter: a cell with `#| eval: false` that ends in `check(\"{each.id}\", ...)`"))
    elif not ends_in_check(starter, each): faults.append((starter, f"end the starter with `check(\"{each.id}\", ...)`"))
    elif starter.index < graders[0].index: faults.append((graders[0], "put the grader above the starter"))
    if starter and each.kind == "predict" and constant(each.call(starter, "check"), 1) is None:
        faults.append((starter,
                       f"the starter of a prediction is `check(\"{each.id}\", \"...\")`, with the choices in the "
                       "statement"))
    if not solution:
        return faults + [(start, "add a solution: a cell with `#| code-fold: true` that ends in "
                                 f"`check(\"{each.id}\", ...)`")]
    if not ends_in_check(solution, each):
        faults.append((solution, f"end the solution with `check(\"{each.id}\", ...)`"))
    if starter and solution.index < starter.index: faults.append((solution, "put the solution below the starter"))
    if not solution.metadata.get("jupyter", {}).get("source_hidden"):
        faults.append((solution,
                       "give the solution's cell the metadata {\"jupyter\": {\"source_hidden\": true}}, which folds "
                       "it in JupyterLab"))
    return faults


def ends_in_check(cell: Cell, each: Found) -> bool:
    "Whether the last statement of a cell is the check."
    body = parse(cell).body
    call = each.call(cell, "check")
    return bool(body) and call is not None and ast.dump(body[-1]) == ast.dump(ast.Expr(call))


def constant(call: ast.Call | None, position: int) -> str | None:
    "The string that a call has at this position; None where it has no string there."
    argument = call.args[position] if call and len(call.args) > position else None
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def graded(nb: Notebook, lesson: Lesson) -> list[str]:
    "Starter and mistakes fail, each with its own sentence; the solution passes; what is not one's own is refused."
    before, each_found = registered(), found_in(nb, lesson)
    parts = [cell for each in each_found.values() for cell in [*each.cells("exercise"), *each.cells("check")]]
    with patch("rlpt.exercises.prove"):
        space, faults = play(nb, needed(nb, parts))      # what it proves is looked at below, one by one
    graders = {id: exercise for id, exercise in registered().items() if exercise is not before.get(id)}
    return faults + [fault(nb, cell, f"exercise {each.id}: {sentence}") for each in each_found.values()
                     for cell, sentence in judged(nb, each, graders.get(each.id), space)]


def play(nb: Notebook, wanted: list[Cell]) -> tuple[Space, list[str]]:
    "The names that these cells leave behind, starters and solutions apart; and what went wrong."
    space, faults = Space(__name__="__main__"), []
    for cell in wanted:
        if cell.is_starter or cell.is_solution: continue
        try: run(cell, nb, space)
        except Exception as error:
            faults.append(fault(nb, cell, f"raises {type(error).__name__}: {short(str(error), 200)}"))
    return space, faults


def needed(nb: Notebook, parts: list[Cell]) -> list[Cell]:
    "What is exported, these cells, and those above that they lean on: the lesson's experiments need not be run again."
    names, wanted = set[str](), []
    for cell in reversed(nb.code):
        loads, binds, changes = names_of(cell)
        if cell in parts or cell.is_export or not cell.slow and (binds | changes) & names:
            names = names - binds | loads
            wanted.append(cell)
    return wanted[::-1]


def names_of(cell: Cell) -> tuple[set[str], set[str], set[str]]:
    "The names that a cell wants from above, those that it binds, and those that it changes: `x.append(1)`, `x[0] = 1`."
    loads, binds, changes = set[str](), set[str](), set[str]()
    stack = [compile(parse(cell), "", "exec")]
    for code in stack:
        stack += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_NAME", "LOAD_GLOBAL"): loads.add(step.argval)
            elif step.opname == "STORE_NAME" and code is stack[0]: binds.add(step.argval)
    for node in ast.walk(parse(cell)):
        target = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else node
        if not isinstance(target, ast.Attribute | ast.Subscript): continue
        if target is node and not isinstance(target.ctx, ast.Store): continue
        while isinstance(target, ast.Attribute | ast.Subscript): target = target.value
        if isinstance(target, ast.Name): changes.add(target.id)
    return loads - binds, binds, changes - MODULES


def run(cell: Cell, nb: Notebook, space: Space) -> None:
    "Execute a cell as a notebook would, in the folder of the notebook; what it prints is dropped."
    name = f"<{nb.name}, cell {cell.index}>"
    linecache.cache[name] = (len(cell.source), None, [line + "\n" for line in cell.source.splitlines()], name)
    with contextlib.chdir(nb.path.parent), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(cell.source, name, "exec"), space)


def handed_in(cell: Cell, nb: Notebook, each: Found, space: Space) -> list[Any]:
    "What a starter or a solution hands to `check`, each cell with names of its own."
    answers: list[Any] = []
    def check(id: str, answer: Any) -> None:
        if id == each.id: answers.append(answer)
    run(cell, nb, {**space, "check": check})
    return answers


def judged(nb: Notebook, each: Found, exercise: Exercise | None, space: Space) -> list[tuple[Cell, str]]:
    "What is wrong with one exercise once it is put to the test."
    start = each.head.cell
    if exercise is None: return [(start, "its grader was not registered when the notebook ran")]
    if exercise.kind == "essay": return []
    faults = list[tuple[Cell, str]]()
    for cell, passes in [(each.starter, False), (each.solution, True)]:
        if cell is None: continue
        what = "solution" if passes else "starter"
        try: answers = handed_in(cell, nb, each, space)
        except Exception as error:
            faults.append((cell, f"the {what} raises {type(error).__name__} before its check: "
                                 f"{short(str(error), 200)}"))
            continue
        verdict = grade(each.id, answers[-1]) if answers else Verdict(not passes, "it hands in nothing")
        if verdict.passed != passes:
            faults.append((cell, f"the {what} {'fails' if passes else 'passes'}: {short(verdict.message, 300)}"))
    if len(exercise.wrong_answers) < 2:
        faults.append((start, "the grader knows fewer than two mistakes: add those that learners really make, each "
                              "with the sentence that helps"))
    for sentence, mistake in exercise.wrong_answers.items():
        verdict = grade(each.id, mistake)
        if verdict.passed: faults.append((start, f"this mistake passes: “{sentence}” Add an input that shows it"))
        elif verdict.hint != sentence:
            faults.append((start, f"the mistake “{sentence}” is met with “{verdict.hint}”: add an input that tells "
                                  "them apart"))
    if exercise.kind == "predict": return faults
    if exercise.reference is not None and grade(each.id, exercise.reference).passed:
        faults.append((start, "the grader passes its own reference: hand in what a learner would write"))
    for cell, node in exported(nb):
        copy = dict(space)
        exec(compile(ast.Module([node], []), f"<{node.name}>", "exec"), copy)
        if grade(each.id, copy[node.name]).passed:
            faults.append((start, f"the code of `{node.name}`, which the lesson exports, passes: ask for a variation "
                                  "(weights, a mask, a batch axis)"))
    return faults


def apart(path: Path, timeout: float = 300) -> list[str]:
    "`graded` in a process of its own, as a new reader's kernel would be."
    environment = {**os.environ, "IN_TEST": "1", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run([sys.executable, "-m", __name__, str(path)], cwd=ROOT, env=environment,
                              capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return [f"{path.name}: took longer than {timeout:.0f} s: shorten it, or flag what is slow"]
    if done.returncode: return [f"{path.name}: could not be run: {done.stderr.strip()[-400:]}"]
    return json.loads(done.stdout.splitlines()[-1])


def main(argument: str) -> None:
    "Print the faults of one lesson."
    path = Path(argument).resolve()
    lesson = next(lesson for lesson in lessons() if lesson.path == path)
    print("\n" + json.dumps(graded(read(path), lesson)))


if __name__ == "__main__": main(sys.argv[1])

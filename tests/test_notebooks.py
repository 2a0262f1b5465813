"Every notebook is held to the standard. What fails here says which cell, and what to do."

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.checks import anatomy, claims, documents, exercises, exports, outputs, randomness, results
from tools import cells
from tools.notebooks import Lesson, Notebook, lessons, notebook_paths, read
from tools.outputs import run_notebook

LESSONS: dict[Path, Lesson] = {lesson.path: lesson for lesson in lessons() if lesson.written}
NOTEBOOKS = [read(path) for path in notebook_paths()]
FOR_ALL: dict[str, Callable[[Notebook], list[str]]] = {
    "page": anatomy.page,
    "asserted": exports.asserted,
    "imports": exports.imports,
    "stored": outputs.stored,
    "claims": claims.claims,
    "randomness": randomness.notebook,
    "slow": results.slow,
    "documented": lambda nb: documents.documented(nb, LESSONS.get(nb.path)),
    "magics": cells.magics}
FOR_LESSONS: dict[str, Callable[[Notebook, Lesson], list[str]]] = {"anatomy": anatomy.anatomy,
                                                                   "complete": exercises.complete}



def each(notebooks: list[Notebook]) -> pytest.MarkDecorator:
    "A test for each of these notebooks."
    return pytest.mark.parametrize("nb", notebooks, ids=[nb.name for nb in notebooks])


every, with_code, every_lesson = each(NOTEBOOKS), each([nb for nb in NOTEBOOKS
                                                        if nb.code]), each([nb for nb in NOTEBOOKS
                                                                            if nb.path in LESSONS])


def hold(faults: list[str]) -> None:
    "Fail with the faults, one a line."
    if faults: pytest.fail("\n".join(faults), pytrace=False)


@every
@pytest.mark.parametrize("check", FOR_ALL)
def test_page(check: str, nb: Notebook) -> None:
    "What every page needs."
    hold(FOR_ALL[check](nb))


@every_lesson
@pytest.mark.parametrize("check", FOR_LESSONS)
def test_lesson(check: str, nb: Notebook) -> None:
    "What a lesson needs beyond that."
    hold(FOR_LESSONS[check](nb, LESSONS[nb.path]))


def test_unique_names() -> None:
    "Exported names are unique in the package."
    hold(exports.unique(NOTEBOOKS))


def test_current_results() -> None:
    "Results files were computed by the code that is here."
    hold(results.current())


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> dict[tuple[str, Path], Future[Any]]:
    "What has to be run for the tests that are selected, two at a time."
    jobs = {"fresh": run_notebook, "exercises": exercises.apart}
    pool = ThreadPoolExecutor(2)
    request.addfinalizer(lambda: pool.shutdown(wait=False, cancel_futures=True))
    wanted: list[Any] = [item for item in request.session.items
                         if item.name.startswith(("test_fresh[", "test_exercises["))]
    calls = [(item.originalname.removeprefix("test_"), item.callspec.params["nb"].path) for item in wanted]
    return {(job, path): pool.submit(jobs[job], path) for job, path in calls}


@with_code
def test_fresh(nb: Notebook, runs: dict[tuple[str, Path], Future[Any]]) -> None:
    "What is stored is what a fresh run gives."
    try: rerun = runs["fresh", nb.path].result()
    except RuntimeError as error: hold([f"{nb.name} does not run: {re.sub(chr(27) + r'.*?m', '', str(error))[-600:]}"])
    else: hold(outputs.fresh(nb, rerun))


@every_lesson
def test_exercises(nb: Notebook, runs: dict[tuple[str, Path], Future[Any]]) -> None:
    "Solutions pass; starters, mistakes and what is not the learner's own do not."
    hold(runs["exercises", nb.path].result())

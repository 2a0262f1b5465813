"All that has to be green, in groups: `make test` runs them in order and stops at the first that is not."

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tools.notebooks import NBS, ROOT, notebook_paths, read

LIMIT = 300                     # seconds for a notebook: not a goal, but what tells a hang
BIN = Path(sys.executable).parent
BY_HAND = {"__init__.py", "py.typed"}       # all that no notebook exports into the package
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
ENV.pop("IN_TEST", None)


class Red(Exception):
    "A group that is not green; the message says what to do."


# --- 1: notebooks are clean

def unclean(folder: Path = NBS) -> list[Path]:
    "The notebooks that `nbdev_clean` would change."
    from tools.outputs import cleaned
    paths = [path for path in sorted(folder.rglob("*.ipynb"))
             if not any(part[0] in "._" for part in path.relative_to(folder).parts)]
    return [path for path in paths if (text := path.read_text(encoding="utf-8")) != cleaned(text)]


def clean() -> None:
    "the notebooks are clean"
    if names := [f"  {path.relative_to(ROOT)}" for path in unclean()]:
        raise Red("\n".join(["`nbdev_clean` would change:", *names, "Run `make prepare`."]))


# --- 2: what is made from the notebooks is in step with them

def modules(folder: Path) -> dict[str, str]:
    "The text of each file of a package."
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}


def export_faults(root: Path = ROOT, package: str = "rlpt") -> list[str]:
    "Where the package differs from what the notebooks export: nbdev exports them again, elsewhere."
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copy(root / "settings.ini", copy)
        for path in (root / "nbs").rglob("*.ipynb"):
            (copy / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / path.relative_to(root))
        (copy / package).mkdir()
        for name in BY_HAND & {path.name for path in (root / package).iterdir()}:
            shutil.copy(root / package / name, copy / package)
        done = subprocess.run([BIN / "nbdev_export"], cwd=copy, env=ENV, capture_output=True, text=True, check=False)
        if done.returncode: return [f"`nbdev_export` fails:\n{done.stderr.strip()}"]
        fresh, stored = modules(copy / package), modules(root / package)

    def fault(name: str) -> str:
        if name not in fresh: return "no notebook exports it (any more); delete it, or export it from a notebook"
        return "differs from what its notebook exports" if name in stored else "not exported yet"

    return [f"{package}/{name}: {fault(name)}" for name in sorted(fresh.keys() | stored.keys())
            if fresh.get(name) != stored.get(name)]


def in_step() -> None:
    "package, sidebar, map and README are in step with the notebooks"
    from tools.readme import readme
    from tools.sidebar import generated
    made = {**generated(), ROOT / "README.md": readme()}
    faults = export_faults() + [f"{path.relative_to(ROOT)}: out of date" for path, text in made.items()
                                if not path.exists() or path.read_text(encoding="utf-8") != text]
    if faults:
        raise Red("\n".join([*(f"  {fault}" for fault in faults), "Run `make prepare`, and commit what it changes."]))


# --- the notebooks run: for `make prepare`, by nbdev's own command; pytest runs them in a kernel, and looks at what they put out

running: set[subprocess.Popen[str]] = set()


def stop(job: subprocess.Popen[str]) -> None:
    "Stop a notebook with all that it started."
    if job.poll() is None: os.killpg(job.pid, signal.SIGKILL)


def run_tests(path: Path, slow: bool = False, limit: float | None = LIMIT) -> tuple[Path, float, str]:
    "Run `nbdev_test` on one notebook; returns the seconds, and what went wrong."
    start = perf_counter()
    words = [BIN / "nbdev_test", "--path", path, *(["--flags", "slow"] if slow else [])]
    job = subprocess.Popen(words, cwd=ROOT, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           start_new_session=True)
    running.add(job)
    try: said = job.communicate(timeout=limit)[0]
    except subprocess.TimeoutExpired:
        stop(job)
        said = f"{job.communicate()[0]}\nStopped after {limit:.0f} s: a cell hangs, or lacks its `#| slow`."
    running.discard(job)
    return path, perf_counter() - start, said.strip() if job.returncode else ""


def run_notebooks(paths: list[Path], slow: bool = False, limit: float | None = LIMIT) -> None:
    "Run notebooks two at a time, and name all that fail."
    failed: dict[Path, str] = {}
    with ThreadPoolExecutor(2) as pool:
        try:
            for path, seconds, error in pool.map(lambda path: run_tests(path, slow, limit), paths):
                print(f"{seconds:8.1f} s  {path.relative_to(ROOT)}{'  FAILED' if error else ''}", flush=True)
                if error: failed[path] = error
        except BaseException:
            for job in list(running): stop(job)
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        said = [f"{path.relative_to(ROOT)}:\n{error}\n" for path, error in failed.items()]
        advice = [f"Run `.venv/bin/nbdev_test --path {path.relative_to(ROOT)}` to see it alone." for path in failed]
        raise Red("\n".join(said + advice))


def notebooks() -> None:
    "the notebooks run, one thread each"
    run_notebooks(notebook_paths())


def slow_notebooks() -> None:
    "the slow cells of the notebooks"
    paths = [path for path in notebook_paths() if any(cell.slow for cell in read(path).cells)]
    run_notebooks(paths, slow=True, limit=None)


# --- 3 and 4: the tests, which run every notebook once, and the types

def command(*words: str, advice: str, fine: tuple[int, ...] = (0,)) -> None:
    "Run a module of Python's; any exit code that is not fine makes the group red."
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=ENV, check=False)
    if done.returncode not in fine: raise Red(advice)


def tests() -> None:
    "pytest: the notebooks run and give what they store, and the tests beside them"
    command("pytest", advice="Mend it, then run `.venv/bin/pytest` alone, or `make test` again.")


def slow_tests() -> None:
    "pytest: the tests marked slow"
    command("pytest", "-m", "slow", advice="Mend it, then run `.venv/bin/pytest -m slow` alone.", fine=(0, 5))


def types() -> None:
    "types: pyright on the package, the tests, the tools and the cells of the notebooks"
    command("tools.cells", advice="The cells could not be written to _cells/.")
    command("pyright", advice="Mend the types, then run `.venv/bin/python -m tools.cells && .venv/bin/pyright`.")


SUITES: dict[str, list[Callable[[], None]]] = {
    "all": [clean, in_step, tests, types], "notebooks": [notebooks], "slow": [slow_notebooks, slow_tests]}


def main() -> None:
    "Run the groups of a suite in order; stop at the first that is red."
    suite = SUITES[sys.argv[1] if len(sys.argv) > 1 else "all"]
    start = perf_counter()
    for i, group in enumerate(suite, 1):
        print(f"[{i}/{len(suite)}] {group.__doc__}", flush=True)
        began = perf_counter()
        try: group()
        except Red as red:
            seconds = perf_counter() - start
            sys.exit(f"\n{red}\n\nred: group {i} of {len(suite)}, {group.__doc__}, after {seconds:.0f} s")
        print(f"      {perf_counter() - began:.1f} s", flush=True)
    print(f"all green: {len(suite)} group{'s' if len(suite) > 1 else ''}, {perf_counter() - start:.0f} s")


if __name__ == "__main__": main()

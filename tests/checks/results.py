"Slow results: each file tells how it was made, by code that is still the same; each slow cell has its file."

import re
from pathlib import Path

from rlpt.core import load_results
from tools.notebooks import NBS, Notebook

from .text import fault


def current(folder: Path = NBS / "results") -> list[str]:
    "Every results file names the modules that computed it, with hashes of their code that still hold."
    found = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if path.suffix not in (".json", ".npz"):
            found.append(f"results/{path.name}: write results with rlpt.core.save_results, as .json or .npz")
            continue
        try: stale = load_results(path.stem, folder=folder).stale()
        except ValueError as error:
            found.append(f"results/{path.name}: has no provenance ({error}): write it with rlpt.core.save_results")
            continue
        if stale: found.append(f"results/{path.name}: {', '.join(stale)} changed since it was computed: run `make "
                               "outputs` for its lesson with the slow cells")
    return found


def slow(nb: Notebook, folder: Path = NBS / "results") -> list[str]:
    "Every slow cell saves a results file under the lesson's name, and the file is there."
    found = []
    for cell in (cell for cell in nb.code if cell.slow):
        names = re.findall(r"save_results\(\s*[\"']([\w.-]+)[\"']", cell.source)
        if not names:
            found.append(fault(nb, cell,
                               "is slow and keeps nothing: end it with save_results(\"...\", ...), and load that in a "
                               "fast cell"))
        found += [fault(nb, cell, f"results/{name} is missing: run the slow cells of this notebook") for name in names
                  if not any((folder / f"{name}{suffix}").is_file() for suffix in (".json", ".npz"))]
    return found

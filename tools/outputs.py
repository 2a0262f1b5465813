"Run a notebook in a kernel of its own and keep what its cells print and draw: what `make outputs` does."

import argparse
import base64
import json
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

from tools.notebooks import ROOT, Cell, notebook_paths

KEPT = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png"}
BAR = re.compile(r"\r|\d+%\|.*\||\d+(\.\d+)?(it/s|s/it)")


def smaller(png: str) -> str:
    "The same picture (base64) with a palette of 256 colours, which a plot rarely exceeds: a third of the size."
    picture = Image.open(BytesIO(base64.b64decode(png))).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return min(base64.b64encode(file.getvalue()).decode(), png, key=len)


def tidy(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    "Outputs without widgets, progress bars and types that only one program reads."
    kept = []
    for output in outputs:
        if output["output_type"] == "stream":
            if output["name"] == "stderr":
                output["text"] = "".join(line for line in output["text"].splitlines(True) if not BAR.search(line))
            if not output["text"].strip(): continue
        elif "data" in output:
            if any(kind.startswith("application/vnd.jupyter.widget") for kind in output["data"]): continue
            output["data"] = {kind: data for kind, data in output["data"].items() if kind in KEPT}
            if not output["data"]: continue
            if "image/png" in output["data"]: output["data"]["image/png"] = smaller(output["data"]["image/png"])
        kept.append(output)
    return kept


def cleaned(text: str) -> str:
    "The text of a notebook as `nbdev_clean` writes it."
    from execnb.nbio import nb2str
    from nbdev.clean import _nbdev_clean
    raw = json.loads(text)
    _nbdev_clean(raw)
    return nb2str(raw)


def execute(path: Path, slow: bool = False, timeout: int | None = 300) -> str:
    "Run a notebook; returns its text with fresh outputs. Starters, and slow cells unless `slow`, keep what they have."
    nb = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as profile:
        python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        env = {**os.environ, "IN_TEST": "1", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "IPYTHONDIR": profile,
               "PYTHONPATH": python_path, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        env.pop("MPLBACKEND", None)
        client = NotebookClient(nb, timeout=timeout, kernel_name="python3", coalesce_streams=True,
                                extra_arguments=["--log-level=ERROR"],
                                resources={"metadata": {"path": str(path.resolve().parent)}})
        with client.setup_kernel(env=env):
            for i, raw in enumerate(nb.cells):
                cell = Cell(i, raw.cell_type, raw.source)
                if not cell.is_code or cell.is_starter or cell.slow and not slow or not raw.source.strip(): continue
                try: client.execute_cell(raw, i)
                except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                    raise RuntimeError(f"{path.name}, cell {i}: {str(error).strip()}") from None
                raw.outputs = [nbformat.from_dict(output) for output in tidy(raw.outputs)]
                raw.metadata.pop("execution", None)
    return cleaned(nbformat.writes(nb))


def cells(text: str) -> list[Cell]:
    "The cells of a notebook's text."
    return [Cell(i, raw["cell_type"], "".join(raw["source"]), raw["id"], raw.get("outputs", []), raw["metadata"])
            for i, raw in enumerate(json.loads(text)["cells"])]


def run_notebook(path: Path, slow: bool = False, timeout: int = 300) -> list[Cell]:
    "Run a notebook and return its cells, in order, with fresh outputs; the file stays as it is."
    return cells(execute(path, slow, timeout))


def store(path: Path, slow: bool = False) -> tuple[Path, float, str]:
    "Run a notebook and write its outputs into it; returns seconds and what went wrong."
    start = perf_counter()
    try: text = execute(path, slow, None if slow else 300)
    except RuntimeError as error: return path, perf_counter() - start, str(error)
    path.write_text(text, encoding="utf-8")
    return path, perf_counter() - start, ""


def main() -> None:
    "Run the notebooks that are named, or all."
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--slow", action="store_true")
    args = parser.parse_args()
    paths = args.notebooks or notebook_paths()
    if missing := [path for path in paths if not path.is_file()]: sys.exit(f"There is no notebook {missing[0]}.")
    failed = False
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1, len(paths)), mp_context=get_context("spawn")) as pool:
        for path, seconds, error in pool.map(store, paths, [args.slow] * len(paths)):
            print(f"{seconds:6.1f} s  {path}{'  FAILED' if error else ''}", flush=True)
            if error: print(error, file=sys.stderr)
            failed = failed or bool(error)
    if failed: sys.exit("Nothing was stored in the notebooks that failed.")


if __name__ == "__main__": main()

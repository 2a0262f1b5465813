"Stored outputs: there, clean, captioned, small, and what a fresh run gives."

import json
import re
from typing import Any

from tools.notebooks import Cell, Notebook

from .claims import IN_OUTPUT
from .text import fault, short

LIMIT = 1_000_000
DIRT = {
    r"\b\w*Warning\b": "shows a warning: mend what it warns of",
    r"(?<![\w.~])/(?:home|Users|root|tmp|var/folders)/|\b(?:site|dist)-packages\b|\b[A-Z]:\\":
        "shows a path of one machine: print the file's name alone",
    r"\r|█|▏|\d%\||\b\d+(?:\.\d+)?(?:it|s)/(?:s|it)\b":
        "shows what is left of a progress bar: switch it off in this cell",
    r"\bat 0x[0-9a-f]+|^\[?<(?:matplotlib|Axes|Figure|mpl_toolkits|module|function|generator)\b":
        "shows an object's repr: end the last line with `;`, or return something worth reading"}


def stored(nb: Notebook) -> list[str]:
    "No errors, warnings, machine paths, progress bars or bare reprs; figures have caption and alt text; small."
    found = []
    for cell in nb.code:
        if any(output["output_type"] == "error" for output in cell.outputs):
            found.append(fault(nb, cell, "stores an error: mend it and run `make outputs` again"))
        if any(output.get("name") == "stderr" for output in cell.outputs):
            found.append(fault(nb, cell, "wrote to stderr: mend or silence what it says, and run `make outputs` again"))
        for pattern, sentence in DIRT.items():
            if match := next((match for text in texts(cell) if (match := re.search(pattern, text, re.M))), None):
                found.append(fault(nb, cell, f"{sentence} (“{short(match.string[match.start():], 40)}”)"))
        if cell.images and not cell.is_hidden:
            found += [fault(nb, cell, f"draws a figure: add `#| {name}: \"...\"`, {what}") for name, what in
                      [("fig-cap", "one sentence that says what is shown"),
                       ("fig-alt", "the figure in words for those who cannot see it")]
                      if not cell.directives.get(name)]
    in_memory = [[cell.source, cell.outputs] for cell in nb.cells]
    size = nb.path.stat().st_size if nb.path.exists() else len(json.dumps(in_memory))
    if size > LIMIT:
        found.append(fault(nb, None,
                           f"is {size / 1e6:.1f} MB, and {LIMIT / 1e6:.0f} MB is the limit: make figures smaller or "
                           "fewer"))
    return found


def texts(cell: Cell) -> list[str]:
    "All that a cell stores as text; of a figure, the repr that goes with it is left out."
    found = []
    for output in cell.outputs:
        data: dict[str, Any] = output.get("data", {})
        found += ["".join(output.get("text", "")), *("".join(part) for part in output.get("traceback", []))]
        wanted = [kind for kind in data if kind.startswith("text/")
                  and not (kind == "text/plain" and "image/png" in data)]
        found += ["".join(data[kind]) for kind in wanted]
    return [text for text in found if text]


def fresh(nb: Notebook, rerun: list[Cell]) -> list[str]:
    "What is stored equals a fresh run, numbers to 3 digits (`#| varies` apart): nothing missing, nothing left over."
    found = []
    if not any(cell.outputs for cell in nb.code) and any(cell.outputs and not cell.is_hidden for cell in rerun):
        return [fault(nb, None, f"stores no outputs at all: run `make outputs NB=nbs/{nb.name}`")]
    for cell, new in zip(nb.cells, rerun, strict=True):
        if not cell.is_code or cell.slow or cell.is_starter or cell.is_hidden or cell.is_export: continue
        if shape(cell) != shape(new):
            found.append(fault(nb, cell,
                               f"stores {shape(cell) or 'nothing'} where a fresh run gives {shape(new) or 'nothing'}: "
                               f"run `make outputs NB=nbs/{nb.name}`"))
        elif not cell.varies and (changed := difference("\n".join(texts(cell)), "\n".join(texts(new)))):
            found.append(fault(nb, cell,
                               f"stores {changed[0]} where a fresh run gives {changed[1]}: run `make outputs "
                               f"NB=nbs/{nb.name}`, pass a seed, or say `#| varies` if machines may differ here"))
    return found


def shape(cell: Cell) -> str:
    "What a cell puts out, number by number left aside: `printed text, a figure`."
    names = {"stream": "printed text", "error": "an error"}
    kinds = [names.get(output["output_type"]) or ("a figure" if "image/png" in output["data"] else "a value")
             for output in cell.outputs]
    return ", ".join(kind for i, kind in enumerate(kinds) if i == 0 or kind != kinds[i - 1] or kind != "printed text")


def difference(old: str, new: str) -> tuple[str, str] | None:
    "Where two texts first differ, in words or in the first three digits of a number."
    pairs = list(zip(*(IN_OUTPUT.findall(text) for text in (old, new))))
    for before, after in pairs:
        if not close(value(before), value(after)): return before.strip(), after.strip()
    words = [" ".join(re.sub(r"[\s\[\](),]+", " ", IN_OUTPUT.sub(" # ", text)).split()) for text in (old, new)]
    if words[0] == words[1]: return None
    at = next((i for i, (a, b) in enumerate(zip(*words)) if a != b), min(map(len, words)))
    before, after = (f"“{short(text[max(0, at - 15):at + 25])}”" for text in words)
    return before, after


def value(text: str) -> float:
    "The number that a match of IN_OUTPUT stands for."
    return float(text.strip().rstrip("% .").replace(",", "").replace("−", "-"))


def close(a: float, b: float) -> bool:
    "Equal to three digits; what is below a millionth is as good as zero."
    return abs(a - b) <= max(1e-3 * max(abs(a), abs(b)), 1e-6)

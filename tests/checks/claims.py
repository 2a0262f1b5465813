"Every decimal and percentage by which the prose states a result occurs, rounded, in a stored output or results file."

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rlpt.core import load_results
from tools.notebooks import NBS, Cell, Notebook, lessons

from .text import fault, pieces, short, split_math, without_code

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
PERCENT = r"(?:\s|&nbsp;|\\,|\u202f)?(?:\\?%|per ?cent\b)"
LESSONS = "|".join(re.escape(lesson.number) for lesson in lessons())
TITLES = "|".join(rf"{re.escape(lesson.number)} \[?{re.escape(without_code(lesson.title))}" for lesson in lessons())
# Numbers that point at something, or name a version, a level of confidence, a share of all.
AND = r"(?:,? and |,? or |, ?| to |–|-)"
ONE = (r"(?:\b(?:lesson|part|chapter|ch\.|section|sec\.|figure|fig\.|table|exercise|ex\.|example|equation|eq\.|"
       r"page|p\.|proved in|arXiv:?|doi:?|version|v)|§+|S&B)")
MANY = (r"(?:\b(?:lessons|parts|chapters|sections|figures|figs\.|tables|exercises|examples|equations|eqs\.|"
        r"pages|pp\.|proved in)|§§)")
SOFTWARE = r"\b(?:Python|PyTorch|torch(?:vision)?|NumPy|SciPy|Gymnasium|nbdev|Quarto|CUDA)"
REFERENCE = re.compile(
    rf"{MANY}[ \u00a0]?\d[\d.]*(?:{AND}\d[\d.]*)*|{ONE}[ \u00a0]?\[?\d[\d.]*\w*(?:[–-]\d[\d.]*)?"
    rf"|\b(?:{TITLES})"
    rf"|{SOFTWARE}[ \u00a0]?v?[1-9][\d.]*(?:(?: and | or | to |–)[1-9][\d.]*)*"
    rf"|\bin (?:{LESSONS})(?:{AND}(?:{LESSONS}))*(?!\d|\.\d| ?(?:%|s\b|seconds|minutes|steps|of\b))"
    r"|\[\d\.\d+[^\]]*\]\([^)]*\)|\]\([^)]*\)|https?://\S+|\b10\.\d{4,}/\S+|<[^>]*>"
    r"|\b\d+\.\d+\.[\dP]+(?:\.\d+)*|\d+e[+-]?\d+"
    rf"|(?:\d+\.)?\d+{PERCENT}[ -](?:confidence|bands?|intervals?|quantile|level)|\b(?:0|50|100){PERCENT}", re.I)
CLAIM = re.compile(rf"(?<![\w.])({NUMBER})({PERCENT})|(?<![\w.])((?:\d{{1,3}}(?:,\d{{3}})+|\d+)\.\d+)(?![\w]|\.\d)")
IN_OUTPUT = re.compile(r"(?<![\w.])[-−+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?\.?\d+(?:\.(?!\d))?"
                       r"(?:e[-+]?\d+)?(?!\d)\s?%?", re.I)


def claims(nb: Notebook, results: Path = NBS / "results") -> list[str]:
    "The decimals and percentages of the prose, and in math those after ≈, are numbers that a cell has printed."
    computed = np.array(sorted({abs(value) for value in [*printed(nb), *stored(nb, results)] if math.isfinite(value)}))
    return [fault(nb, cell, f"no stored output or result rounds to {shown} in “{around}”: print it in a cell; "
                            "if it is a setting and no result, write it as $...$ or `...`")
            for cell, shown, values, half, around in stated(nb)
            if not any(near(computed, value, half * scale) for value, scale in values)]


def near(computed: np.ndarray, value: float, half: float) -> bool:
    "Whether a computed number would be shown as `value` when rounded to its last digit."
    return bool(np.any(np.abs(computed - value) <= half * (1 + 1e-6)))


def stated(nb: Notebook) -> Iterator[tuple[Cell, str, list[tuple[float, float]], float, str]]:
    "Claims: cell, number as written, values it may stand for (each with its scale), half its last digit, context."
    in_references = False
    for part in pieces(nb):
        if part.cell.is_code: continue
        if part.level: in_references = part.title.rstrip(".:").lower() in ("references", "reference")
        if in_references: continue
        text = re.split(r"\*\*References?[.:]?\*\*", part.text)[0]
        split = split_math(re.sub(r"\]\([^)]*\)", "]()", text) if "](" in text else text)
        for source in [split.words,
                       *(match[0] for body in split.inline + split.display
                         for match in re.finditer(rf"\\approx\s*[-+]?{NUMBER}(?:{PERCENT})?", body))]:
            plain = REFERENCE.sub(lambda match: " " * len(match[0]), source)
            for match in CLAIM.finditer(plain):
                number = (match[1] or match[3]).replace(",", "")
                value, half = float(number), 0.5 * 10.0 ** -len(number.partition(".")[2])
                values = [(value, 1.0), (value / 100, 0.01)] if match[2] else [(value, 1.0)]
                around = short(source[max(0, match.start() - 30):match.end() + 20])
                yield part.cell, match[0].strip(), values, half, around


def printed(nb: Notebook) -> Iterator[float]:
    "Every number in the stored text outputs and tables of a notebook."
    for cell in nb.code:
        for text in output_texts(cell): yield from numbers(text)


def output_texts(cell: Cell) -> Iterator[str]:
    "The texts that a cell has put out: printed, returned, and the words of HTML and Markdown."
    for output in cell.outputs:
        data: dict[str, Any] = output.get("data", {})
        yield "".join(output.get("text", ""))
        for kind in ("text/plain", "text/html", "text/markdown", "text/latex"):
            if kind != "text/plain" or "image/png" not in data:
                yield re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", "".join(data.get(kind, "")), flags=re.S)


def numbers(text: str) -> list[float]:
    "The numbers in a text; of a percentage both 63 and 0.63."
    found = []
    for match in IN_OUTPUT.finditer(text):
        value = float(match[0].rstrip("% \n\t.").replace(",", "").replace("−", "-"))
        found += [value, value / 100] if "%" in match[0] else [value]
    return found


def stored(nb: Notebook, results: Path) -> Iterator[float]:
    "Every number in the results files that the notebook's code names; of arrays and lists of more than 100, none."
    code = "\n".join(cell.source for cell in nb.code)
    for path in sorted(results.glob("*.*")) if results.is_dir() else []:
        if re.search(rf"[\"']{re.escape(path.stem)}[\"']", code):
            yield from flat(load_results(path.stem, folder=results))


def flat(value: Any) -> Iterable[float]:
    "The numbers in nested lists, dictionaries and arrays; long ones are left out."
    if isinstance(value, bool): return []
    if isinstance(value, int | float): return [float(value)]
    if isinstance(value, np.ndarray): value = value.ravel().tolist() if value.size <= 100 else []
    if isinstance(value, dict): value = list(value.values())
    return [number for part in value for number in flat(part)] if isinstance(value, list) and len(value) <= 100 else []

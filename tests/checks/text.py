"Reading a notebook's Markdown: pieces under headings, math apart from words, citations of equations."

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from tools.notebooks import Cell, Notebook

CODE = re.compile(r"^[ \t]*(```+|~~~+).*?^[ \t]*\1[ \t]*$|<(pre|code)\b.*?</\2>|<!--.*?-->"
                  r"|(?<!`)(`+)(?!`).+?(?<!`)\3(?!`)", re.M | re.S)
LABEL = r"\((\d{1,2}[a-z]?)\)"
RUN = re.compile(rf"(?<![\w\])}}`*\ufffc]){LABEL}(?:(?:,? and |,? or |, ?| to |–|-){LABEL})*"
                 r"(?P<of> (?:of|in) (?:\[?[Ll]esson (?P<lesson>\d\.\d+)|(?P<else>(?:the )?\[?[A-Z§])))?")


def fault(nb: Notebook, cell: Cell | None, sentence: str) -> str:
    "One fault, as every check words it: where it is, and what to do."
    return f"{nb.name}, cell {cell.index}: {sentence}" if cell else f"{nb.name}: {sentence}"


def short(text: str, width: int = 60) -> str:
    "The beginning of a text on one line, for quoting."
    text = " ".join(text.split())
    return text if len(text) <= width else text[:width - 1] + "…"


def without_code(text: str) -> str:
    "Markdown whose fences, code spans and comments are emptied; lines stay where they are."
    return CODE.sub(lambda match: "``" + "\n" * match[0].count("\n"), text)


@dataclass(frozen=True)
class Piece:
    "A heading with the text under it up to the next heading, or a whole code cell."
    cell: Cell
    level: int = 0      # of the heading; 0 where there is none
    title: str = ""
    text: str = ""


def pieces(nb: Notebook) -> list[Piece]:
    "The notebook cut at every heading, also where several stand in one cell."
    found: list[Piece] = []
    for cell in nb.cells:
        if cell.is_code: found.append(Piece(cell)); continue
        level, title, lines, plain = 0, "", list[str](), without_code(cell.source).split("\n")
        for line, seen in zip(cell.source.split("\n"), plain, strict=True):
            heading = re.match(r"(#{1,6})\s+(.+?)\s*#*\s*$", line) if seen.startswith("#") else None
            if heading and (level or "".join(lines).strip()): found.append(Piece(cell, level, title, "\n".join(lines)))
            if heading: level, title, lines = len(heading[1]), heading[2], []
            else: lines.append(line)
        found.append(Piece(cell, level, title, "\n".join(lines)))
    return found


def sections(parts: list[Piece], level: int) -> list[list[Piece]]:
    "The stretches that open with a heading of this level; each ends before the next of the same or a higher one."
    found: list[list[Piece]] = []
    is_open = False
    for part in parts:
        if part.level == level: found.append([])
        if 0 < part.level <= level: is_open = part.level == level
        if is_open: found[-1].append(part)
    return found


def prose(stretch: list[Piece]) -> str:
    "The Markdown of a stretch, without its headings."
    return "\n\n".join(part.text for part in stretch if not part.cell.is_code)


@dataclass(frozen=True)
class Split:
    "A Markdown text taken apart: displayed math, inline math, the words between, and what is wrong with the dollars."
    display: list[str]
    inline: list[str]
    words: str          # math is replaced by U+FFFC
    faults: list[str]


def split_math(text: str) -> Split:
    "Tell math from words as Pandoc and Jupyter do."
    text = without_code(text).replace(r"\$", "\ufffd")
    outer = text.split("$$")
    if len(outer) % 2 == 0: return Split([], [], text, ["a $$ is never closed: displayed math is $$ ... $$"])
    display, inline, faults, words = outer[1::2], list[str](), list[str](), list[str]()
    for paragraph in re.split(r"\n[ \t]*\n", "\ufffc".join(outer[0::2])):
        inner = paragraph.split("$")
        if len(inner) % 2 == 0:
            faults.append(rf"a $ has no partner in “{short(paragraph)}”: close the math, or write \$ for a dollar")
            continue
        for math, after in zip(inner[1::2], inner[2::2]):
            if math != math.strip() or not math or after[:1].isdigit():
                faults.append(rf"“${short(math)}$” does not render: no space inside the dollars, no digit after them; "
                              r"write \$ for a dollar")
        inline += inner[1::2]
        words.append("\ufffc".join(inner[0::2]))
    return Split(display, inline, "\n\n".join(words), faults)


def comments(source: str) -> Iterator[str]:
    "The comments of a code cell, directives such as fig-cap included."
    try:
        yield from (token.string for token in tokenize.generate_tokens(io.StringIO(source).readline)
                    if token.type == tokenize.COMMENT)
    except (tokenize.TokenError, SyntaxError): return


def citations(text: str) -> Iterator[tuple[str, str | None]]:
    "Each equation that a text cites, as (label, lesson or None for this one); other authors' are left out."
    for run in RUN.finditer(text):
        if run["else"]: continue
        for label in re.findall(LABEL, run[0]): yield label, run["lesson"]

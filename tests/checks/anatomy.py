"The anatomy of a page: title and promise, sections, math that renders everywhere, equations that are cited and tagged."

import ast
import re

from tools.notebooks import NBS, Cell, Lesson, Notebook, lessons, read

from .code import parse
from .text import Piece, citations, comments, fault, pieces, prose, sections, short, split_math

MIDDLE = ("Mathematics", "Explanation", "Demonstrations")
RL = "Where this shows up in RL"


def page(nb: Notebook) -> list[str]:
    "What every page needs: a title cell of its own, math that renders, equations that are there when cited."
    return head(nb) + math(nb) + equations(nb)


def head(nb: Notebook) -> list[str]:
    "The first cell is `# Title`, a blank line, `> promise`, and nothing else; no other heading has its level."
    if not nb.cells or nb.cells[0].is_code:
        return [fault(nb, None, "begin with a Markdown cell: `# Title`, then `> one-line promise`")]
    first, found = nb.cells[0], []
    if not re.fullmatch(r"# [^\n]+\n+(> [^\n]+\n?)+(\n*(- \w+: [^\n]*\n?)+)?\s*", first.source):
        found.append(fault(nb, first,
                           "hold `# Title` and `> one-line promise` here and nothing else: nbdev drops other text of "
                           "this cell"))
    return found + [fault(nb, part.cell, f"make “{part.title}” a heading of level 2 or lower: the page has its title")
                    for part in pieces(nb) if part.level == 1 and part.cell is not first]


def math(nb: Notebook) -> list[str]:
    r"Math is `$...$` or `$$...$$`, whole and balanced; `\[ \]`, `\( \)` and bare environments do not render."
    found = []
    for cell in nb.markdown:
        split = split_math(cell.source)
        sentences = list(split.faults)
        if match := re.search(r"\\[\[\]()]|\\(begin|end)\b", split.words):
            sentences.append(f"`{match[0]}` stands outside of dollars: write math as $...$ or $$...$$ (and brackets "
                             "without a backslash)")
        for body in split.display + split.inline:
            sentences += [f"{wrong} in “{short(body)}”" for wrong in unbalanced(body)]
        for body in split.display:
            if re.search(r"\n\s*\n", body.strip()):
                sentences.append(f"remove the blank line inside $${short(body)}$$: it ends the math")
        found += [fault(nb, cell, sentence) for sentence in sentences]
    return found


def unbalanced(body: str) -> list[str]:
    r"What is opened and not closed in a piece of math: braces, `\left`, environments."
    bare = re.sub(r"\\[{}\\]", "", body)
    found = [] if bare.count("{") == bare.count("}") else ["the braces are unbalanced"]
    if len(re.findall(r"\\left\b", body)) != len(re.findall(r"\\right\b", body)):
        found.append(r"\left and \right are unbalanced")
    begun, ended = (sorted(re.findall(rf"\\{word}{{([^}}]*)}}", body)) for word in ("begin", "end"))
    return found + ([] if begun == ended else [r"\begin and \end are unbalanced"])


def tags(nb: Notebook) -> list[tuple[Cell, str]]:
    r"Every `\tag{...}` of a notebook with its cell, in order."
    return [(cell, tag) for cell in nb.markdown for body in split_math(cell.source).display
            for tag in re.findall(r"\\tag\*?\{([^}]*)\}", body)]


def equations(nb: Notebook, written: dict[str, Notebook] | None = None) -> list[str]:
    "Tags are unique and ascend; every (n) that is cited is tagged, here or in the lesson that is named."
    tagged, found = tags(nb), []
    for (_, before), (cell, tag) in zip(tagged, tagged[1:]):
        if order(tag) <= order(before):
            found.append(fault(nb, cell,
                               rf"\tag{{{tag}}} follows \tag{{{before}}}: number the equations upwards, each once"))
    found += [fault(nb, cell, rf"\tag{{{tag}}}: a tag is a number, such as \tag{{1}} or \tag{{1a}}")
              for cell, tag in tagged if not order(tag)]
    here = {tag for _, tag in tagged}
    for cell in nb.markdown:
        for match in re.finditer(r"(?:\A|\n[ \t]*\n)[ \t]*(\(\d+[a-z]?\)) (.*)", split_math(cell.source).words):
            found.append(fault(nb, cell,
                               f"do not begin a paragraph with {match[1]} (“{short(match[2], 30)}”): Pandoc makes a "
                               "list of it"))
    for cell in nb.cells if nb.path.parent != NBS else []:          # the front pages may speak of the numbering itself
        for label, number in sorted(set(citations(cited_text(cell))), key=str):
            if number is None and label not in here:
                found.append(fault(nb, cell,
                                   rf"({label}) is cited, but no equation has \tag{{{label}}}: tag it, cite another, "
                                   r"or write enumerations as 1. or a)"))
            elif number is not None and not exists(label, number, written):
                found.append(fault(nb, cell,
                                   f"({label}) of lesson {number} is cited, but that lesson has no equation with this "
                                   "tag"))
    return found


def order(tag: str) -> tuple[int, str] | tuple[()]:
    "What tags are sorted by; empty for one that is no tag."
    match = re.fullmatch(r"(\d+)([a-z]?)", tag)
    return (int(match[1]), match[2]) if match else ()


def cited_text(cell: Cell) -> str:
    "Where a cell may cite equations: the words of Markdown; the docstrings and comments of code."
    if not cell.is_code: return split_math(cell.source).words
    nodes = [node for node in ast.walk(parse(cell)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return "\n".join([ast.get_docstring(node) or "" for node in nodes] + list(comments(cell.source)))


def exists(label: str, number: str, written: dict[str, Notebook] | None) -> bool:
    "Whether a lesson has the equation; one that is planned and not written yet gets the benefit of the doubt."
    if written is None:
        named = [lesson for lesson in lessons() if lesson.number == number and lesson.written]
        written = {lesson.number: read(lesson.path) for lesson in named}
    if number in written: return label in {tag for _, tag in tags(written[number])}
    return number in {lesson.number for lesson in lessons()}


def anatomy(nb: Notebook, lesson: Lesson) -> list[str]:
    "What a lesson needs beyond a page: the outline's title, the sections in their order, minutes, references."
    found = list[str]()
    if nb.title != lesson.title:
        found.append(fault(nb, nb.cells[0], f"the outline calls this lesson “{lesson.title}”: make that the title"))
    if nb.module not in (None, lesson.module):
        found.append(fault(nb, None, f"say `#| default_exp {lesson.module}`, not {nb.module}"))
    stretches = sections(pieces(nb), 2)
    found += order_of_sections(nb, lesson, [stretch[0] for stretch in stretches])
    by_title = {stretch[0].title: stretch for stretch in stretches}
    if opening := by_title.get("In this lesson"):
        if not any(says_minutes(text) for text in prose(opening).split("\n\n")):
            found.append(fault(nb, opening[0].cell,
                               "say in one paragraph how many minutes it takes to read and how long to run"))
    if ending := by_title.get("Conclusion"):
        source = "\n\n".join(part.cell.source for part in ending)
        if not re.search(r"(\*\*References?[.:]?\*\*[.:]?|^#{3,4} References?\s*$)\s*\S", source, re.M):
            found.append(fault(nb, ending[0].cell, "end with `**References**` and at least one entry under it"))
    return found


def says_minutes(paragraph: str) -> bool:
    "Whether a paragraph tells how long the lesson takes to read and to run."
    return all(re.search(rf"\b({word})\b", paragraph, re.I)
               for word in (r"\d+ (minutes?|min)", "read|reads|reading", "run|runs|running"))


def order_of_sections(nb: Notebook, lesson: Lesson, heads: list[Piece]) -> list[str]:
    "In this lesson; the three of the middle, as often as it reads well; RL (parts 0 to 3); Exercises; Conclusion."
    titles, early = [part.title for part in heads], int(lesson.number.split(".")[0]) <= 3
    last = [*([RL] if early else []), "Exercises", "Conclusion"]
    found = []
    if titles[:1] != ["In this lesson"]: found.append(fault(nb, None, "make “## In this lesson” the first section"))
    if titles[-len(last):] != last:
        found.append(fault(nb, None,
                           f"end with the sections {', '.join(f'“## {title}”' for title in last)}, in this order"))
    for name in MIDDLE:
        if not any(re.match(rf"{name}\b", title) for title in titles):
            found.append(fault(nb, None, f"add the section “## {name}”"))
    known = {"In this lesson", RL, "Exercises", "Conclusion"}
    for part in heads:
        if part.title not in known and not re.match(rf"({'|'.join(MIDDLE)})\b", part.title):
            found.append(fault(nb, part.cell,
                               f"“## {part.title}” is no section of a lesson: make it “###”, or begin its title with "
                               f"{', '.join(MIDDLE[:2])} or {MIDDLE[2]}"))
        elif titles.count(part.title) > 1:
            found.append(fault(nb, part.cell,
                               f"“## {part.title}” occurs twice: add a suffix, such as “## {part.title}: the idea”"))
    return found

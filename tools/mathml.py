"The thin spaces that TeX puts around log, max and their like, and that pandoc leaves out of its MathML: y log p, not ylogp."

import re
from xml.etree import ElementTree as ET

SPACE = "http://www.w3.org/1998/Math/MathML"
SCRIPTS = {f"{{{SPACE}}}{name}" for name in ("msub", "msup", "msubsup", "munder", "mover", "munderover")}
ROWS = {f"{{{SPACE}}}{name}" for name in ("mrow", "mtd", "msqrt", "mstyle", "semantics")}
SIGN, ROW, GAP = (f"{{{SPACE}}}{name}" for name in ("mo", "mrow", "mspace"))
APPLY = "\u2061"                # the invisible sign that pandoc puts after the name of an operator
ET.register_namespace("", SPACE)


def is_operator(element: ET.Element) -> bool:
    "Whether this is a name such as log, perhaps with limits: max over a."
    if element.tag in SCRIPTS: return is_operator(element[0])
    return element.tag == ROW and len(element) == 2 and element[1].text == APPLY


def wants_space(element: ET.Element, form: str) -> bool:
    "Whether this neighbour of an operator stands off: a letter, a number, a fraction; not a sign, nor a bracket that opens after it."
    if element.tag == ROW and len(element) and not is_operator(element):
        return wants_space(element[0 if form == "prefix" else -1], form)
    return element.tag != GAP and (element.tag != SIGN or element.get("form") not in (None, "infix", form))


def space_row(row: ET.Element) -> None:
    "Put the thin spaces into one row of signs."
    for i in reversed(range(len(row))):
        if not is_operator(row[i]): continue
        if i + 1 < len(row) and wants_space(row[i + 1], "prefix"): row.insert(i + 1, ET.Element(GAP, width="0.17em"))
        if i and not is_operator(row[i - 1]) and wants_space(row[i - 1], "none"): row.insert(i, ET.Element(GAP, width="0.17em"))


def space(match: re.Match[str]) -> str:
    "One formula, with its spaces."
    if "&#8289;" not in match[0] and APPLY not in match[0]: return match[0]
    formula = ET.fromstring(match[0])
    for row in list(formula.iter()):
        if row.tag in ROWS and not is_operator(row): space_row(row)
    return ET.tostring(formula, encoding="unicode")


def spaced(page: str) -> str:
    "A page with thin spaces in all of its formulas."
    return re.sub(r"<math\b.*?</math>", space, page, flags=re.S)

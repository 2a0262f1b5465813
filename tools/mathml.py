"What TeX does for formulas and pandoc's MathML leaves out: thin spaces around log, line breaks after relations."

import re
from xml.etree import ElementTree as ET

SPACE = "http://www.w3.org/1998/Math/MathML"
SCRIPTS = {f"{{{SPACE}}}{name}" for name in ("msub", "msup", "msubsup", "munder", "mover", "munderover")}
ROWS = {f"{{{SPACE}}}{name}" for name in ("mrow", "mtd", "msqrt", "mstyle", "semantics")}
MATH, SIGN, ROW, GAP = (f"{{{SPACE}}}{name}" for name in ("math", "mo", "mrow", "mspace"))
APPLY = "\u2061"                # the invisible sign that pandoc puts after the name of an operator
RELATIONS = set("=≠<>≤≥≈≡∼∝∈→⇒⇔↦≔")
LONG = 18                       # signs: a shorter formula in the text stays in one piece
ET.register_namespace("", SPACE)


def is_operator(element: ET.Element) -> bool:
    "Whether this is a name such as log, perhaps with limits: max over a."
    if element.tag in SCRIPTS: return is_operator(element[0])
    return element.tag == ROW and len(element) == 2 and element[1].text == APPLY


def wants_space(element: ET.Element, form: str) -> bool:
    "Whether this neighbour of an operator stands off: a letter, a number; not a sign, nor an opening bracket after it."
    if element.tag == ROW and len(element) and not is_operator(element):
        return wants_space(element[0 if form == "prefix" else -1], form)
    return element.tag != GAP and (element.tag != SIGN or element.get("form") not in (None, "infix", form))


def space(row: ET.Element) -> None:
    "Put the thin spaces into one row of signs."
    for i in reversed(range(len(row))):
        if not is_operator(row[i]): continue
        if i + 1 < len(row) and wants_space(row[i + 1], "prefix"): row.insert(i + 1, ET.Element(GAP, width="0.17em"))
        if i and not is_operator(row[i - 1]) and wants_space(row[i - 1], "none"):
            row.insert(i, ET.Element(GAP, width="0.17em"))


def pieces(formula: ET.Element) -> list[ET.Element]:
    "A long formula in the text, cut after each relation: between the pieces the line may end."
    row = formula[0][0]
    if formula.get("display") == "block" or row.tag != ROW or len("".join(row.itertext())) <= LONG: return [formula]
    cut: list[list[ET.Element]] = [[]]
    for element in row:
        cut[-1].append(element)
        if element.tag == SIGN and element.text in RELATIONS: cut.append([])
    found = []
    for part in filter(None, cut):
        found.append(ET.Element(MATH, formula.attrib))
        ET.SubElement(found[-1], ROW).extend(part)
    return found


def formula(match: re.Match[str]) -> str:
    "One formula with its spaces, in pieces, the last of which holds on to the comma that follows."
    tree = ET.fromstring(match[1])
    for row in list(tree.iter()):
        if row.tag in ROWS and not is_operator(row): space(row)
    *first, last = (ET.tostring(piece, encoding="unicode") for piece in pieces(tree))
    return "<wbr>".join([*first, f'<span class="whole">{last}{match[2]}</span>' if match[2] else last])


def typeset(page: str) -> str:
    "A page with all of its formulas set."
    return re.sub(r"(<math\b.*?</math>)([.,;:!?)’”]*)", formula, page, flags=re.S)

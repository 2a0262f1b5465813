"The picture on the map, nbs/images/imports.png: which module of the package imports which, read from the code."

import ast
from pathlib import Path
from textwrap import wrap
from typing import Any

import networkx as nx
from PIL import Image

from tools.notebooks import NBS, ROOT, lessons, outline, settings

PICTURE = NBS / "images" / "imports.png"
KEY = "Imports"                 # the picture carries what it shows: as text, under this name
WIDTH, LABELS, ROW = 360, 172, 19       # in points: the picture is as wide as a phone


def imported(module: str, tree: ast.Module, modules: set[str]) -> set[str]:
    "The modules that a module imports as soon as it is loaded: not what a function imports, nor what only types need."
    found, waiting = set[str](), list[ast.AST](tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import): found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")[:-node.level] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"): waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef): waiting += ast.iter_child_nodes(node)
    return found & modules - {module}


def graph(root: Path = ROOT) -> "nx.DiGraph[str]":
    "Modules and what they import: first the library, then the lessons in course order."
    package = settings()["lib_name"]
    files = {".".join(path.relative_to(root).with_suffix("").parts): path for path in (root / package).rglob("*.py")
             if not path.name.startswith("_")}
    taught = [name for lesson in lessons() if (name := f"{package}.{lesson.module}") in files]
    found: nx.DiGraph[str] = nx.DiGraph()
    found.add_nodes_from([*sorted(files.keys() - set(taught)), *taught])
    for name in list(found):
        tree = ast.parse(files[name].read_text(encoding="utf-8"))
        found.add_edges_from((name, other) for other in sorted(imported(name, tree, set(files))))
    return found


def described(imports: "nx.DiGraph[str]") -> str:
    "A graph as text: a line for each module, with what it imports."
    return "\n".join(f"{name}: {' '.join(sorted(imports[name]))}".rstrip() for name in imports)


def stored() -> str:
    "The graph that the picture shows."
    if not PICTURE.exists(): return ""
    with Image.open(PICTURE) as picture: return str(picture.info.get(KEY, ""))


def section() -> str:
    "What the map says about the picture."
    imports = graph()
    alt = (f"The {len(imports)} modules of the package in rows: on top the library, with core above all others, below it "
           "the lessons, part by part. Each module that others import has a line of its own, which begins in its row and "
           f"leads down; {imports.number_of_edges()} dots on these lines are the imports.")
    text = ("A program has read from the code which module imports which. A module that others import has a line, which "
            "begins at a ring in its own row; a dot on the line says that the module in the row of the dot imports it. "
            "Nothing imports what comes below it: a lesson uses the library and what earlier lessons have built, and "
            "nothing else.")
    return f"### What stands on what\n\n{text}\n\n[![{alt}](images/{PICTURE.name})](images/{PICTURE.name})"


def layers(imports: "nx.DiGraph[str]") -> list[tuple[str, list[str]]]:
    "The modules from top to bottom, each below all that it imports: the library, then part by part, with titles."
    places = {f"{settings()['lib_name']}.{lesson.module}": part for part in outline() for lesson in part.lessons}
    order = list(imports)
    every = list(nx.lexicographical_topological_sort(imports.reverse(), key=order.index))
    found = []
    for part in [None, *outline()]:
        inside = [name for name in every if places.get(name) == part]
        title = f"{part.number}. {part.title.partition(':')[0]}" if part else "The library"
        if inside: found.append((title, inside))
    return found


def lanes(order: list[str], imports: "nx.DiGraph[str]") -> dict[str, int]:
    "The column of the line of each imported module: the first that is free from its row to that of its last importer."
    place, free, found = {name: i for i, name in enumerate(order)}, list[int](), dict[str, int]()
    for name in order:
        if not (users := [place[user] for user in imports.predecessors(name)]): continue
        lane = next((i for i, until in enumerate(free) if until < place[name]), len(free))
        free[lane:lane + 1] = [max(users)]
        found[name] = lane
    return found


def draw(imports: "nx.DiGraph[str]") -> Any:
    "The graph as a figure."
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from rlpt.plots import LINE_COLORS, PALETTE, use_style
    use_style()
    numbers = {f"{settings()['lib_name']}.{lesson.module}": f"{lesson.number} " for lesson in lessons()}
    height, rows, titles = 6., dict[str, float](), list[tuple[float, str]]()
    for title, inside in layers(imports):
        lines = wrap(title, 22)
        titles.append((height, "\n".join(lines)))
        height += 12 + 14 * len(lines)
        for name in inside:
            rows[name] = height + ROW / 2
            height += ROW
        height += 7
    column = lanes(list(rows), imports)
    step = min(30, (WIDTH - LABELS - 8) / (max(column.values(), default=0) + 1))
    at = {name: LABELS + step * (lane + 0.5) for name, lane in column.items()}
    colours = {name: PALETTE[LINE_COLORS[i % len(LINE_COLORS)]] for i, name in enumerate(column)}
    fig = plt.figure(figsize=(WIDTH / 72, height / 72), layout="none")
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(height, 0))
    ax.axis("off")
    for top, title in titles:
        if top > 6: ax.axhline(top - 2, color=PALETTE["grid"], lw=1.2, zorder=0)
        ax.text(6, top + 4, title, size=11, weight="bold", va="top", linespacing=1.2)
    for name, y in rows.items():
        ax.text(6, y, numbers.get(name, "") + name.rpartition(".")[2].replace("_", " "), size=11, va="center")
        reach = [at[other] for other in [*imports[name], name] if other in at]
        ax.plot([LABELS - 4, max(reach, default=LABELS - 4)], [y, y], color=PALETTE["grid"], lw=1.5, zorder=1)
        ax.scatter([at[other] for other in imports[name]], [y] * len(imports[name]), s=26,
                   color=[colours[other] for other in imports[name]], zorder=3)
        if name not in at: continue
        last = max(rows[user] for user in imports.predecessors(name))
        ax.plot([at[name]] * 2, [y, last], color=colours[name], lw=1.6, zorder=2)
        ax.scatter([at[name]], [y], s=48, facecolor=PALETTE["face"], edgecolor=colours[name], lw=1.8, zorder=3)
    return fig


def main() -> None:
    "Draw the picture, where it shows another graph than the code has."
    imports = graph()
    if stored() == (text := described(imports)): return
    draw(imports).savefig(PICTURE, dpi=150, metadata={"Software": None, KEY: text})
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__": main()

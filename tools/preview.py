"Build the site with nbdev and pandoc alone: what `make docs` does where there is no Quarto."

import ast
import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath
from typing import Any, NoReturn
from urllib.parse import unquote

import pypandoc
import yaml

from tools.mathml import typeset
from tools.notebooks import NBS, ROOT, Cell, Notebook, lessons, notebook_paths, outline, page, read, settings

TOOLS = Path(__file__).parent
PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/svg+xml": "svg"}
ASSETS = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}
# The dialect that Quarto reads, so that what reads well here reads well there.
DIALECT = "markdown+emoji+autolink_bare_uris"
LINES = ("--wrap=preserve", "--columns=10000", "--eol=lf")      # lines as in the source, tables as wide as they need


def label(text: str) -> str:
    "A title as HTML: `torch.nn` within it is code."
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))


def plain(text: str) -> str: return re.sub(r"[`*$]", "", text)


def site_address() -> str:
    "Where the site is published, with a slash at the end."
    return f"{settings()['doc_host']}{settings()['doc_baseurl']}/"


# --- a processed notebook as one Markdown text

def fenced(text: str, attributes: str) -> str:
    "A code block whose fence is longer than any within."
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence} {{{attributes}}}\n{text}\n{fence}"


def html(text: str) -> str: return f"```{{=html}}\n{text}\n```"


def listed(value: str) -> list[str]:
    "The value of `fig-cap` or `fig-alt`: one text, or a list of them for a cell with several figures."
    if value.startswith("["): return [str(item) for item in yaml.safe_load(value)]
    return [value.replace('\\"', '"')] if value else []


def picture(data: str, kind: str, name: str, folder: Path, caption: str, alt: str) -> str:
    "Write the picture to `folder`, and return the Markdown that shows it: with a caption it is a figure."
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.{PICTURES[kind]}"
    file.write_bytes(data.encode() if kind.endswith("xml") else base64.b64decode(data))
    words = escape(alt or caption)
    return figure(f'<img src="{folder.name}/{file.name}" alt="{words}">', caption)


def figure(shown: str, caption: str) -> str:
    "A picture or a film, with its caption if it has one."
    if not caption: return html(f'<p class="picture">{shown}</p>')
    return html(f"<figure>\n{shown}\n<figcaption>") + f"\n\n{caption}\n\n" + html("</figcaption>\n</figure>")


def output_markdown(output: dict[str, Any], asis: bool, name: str, folder: Path, caption: str, alt: str) -> str:
    "One output of a cell."
    if output["output_type"] == "stream": return fenced(clean(output["text"]), ".text")
    if output["output_type"] == "error": return fenced(clean(output["traceback"]), ".text")
    data = {kind: "".join(text) if isinstance(text, list) else text for kind, text in output.get("data", {}).items()}
    pictures = [kind for kind in PICTURES if kind in data]
    if pictures and "text/html" in data:  # a film, with a still for readers that show no HTML
        return figure(data["text/html"], caption)
    for kind in pictures: return picture(data[kind], kind, name, folder, caption, alt)
    if "text/html" in data: return html(f'<div class="html">{data["text/html"]}</div>')
    if "text/markdown" in data: return symbol(data["text/markdown"]) if asis else data["text/markdown"]
    if "text/latex" in data: return data["text/latex"]
    return fenced(clean(data["text/plain"]), ".text") if "text/plain" in data else ""


def clean(text: str | list[str]) -> str: return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", "".join(text)).strip("\n")


def signature(text: str) -> str:
    "A signature as one would write it: spaces after colons, short names of types, `class` for a class."
    text = re.sub(r"\b(collections\.abc|typing|torch\._tensor|numpy)\.(?=[A-Z])", "", text)
    text = re.sub(r"^def ((?:\w+\.)*[A-Z]\w*)\(", r"class \1(", text)
    text = re.sub(r"\)->None:$", ")", text, flags=re.M) if text.startswith("class") else text
    text = re.sub(r"(^\s+|, )(\**\w+):(?=\S)", r"\1\2: ", text, flags=re.M)
    return re.sub(r"\)->(.*):$", r") -> \1:", text, flags=re.M)


def symbol(text: str) -> str:
    "What nbdev's `show_doc` wrote, with a heading that is known by its class, and the link to the source under it."
    source = re.search(r"\[source\]\(([^)]*)\)\{[^}]*\}", text)
    link = f"\n\n[source]({source[1]}){{.source-link}}" if source else ""
    if source: text = text.replace(source[0], "", 1)
    text = re.sub(r"^---\s*\n", "", text)
    text = re.sub(r"(?<=```python\n).*?(?=\n```)", lambda m: signature(m[0]), text, count=1, flags=re.S)
    return re.sub(r"^(#+) (\S+)$", lambda m: f"{m[1]} [`{m[2]}`]{{.name}} {{.symbol}}{link}", text, count=1, flags=re.M)


def cell_markdown(cell: Cell, folder: Path) -> str:
    "One cell of a processed notebook."
    if not cell.is_code: return "" if cell.kind == "raw" else cell.source
    shown, parts = cell.directives, []
    if shown.get("include") == "false": return ""
    code = fenced(cell.body.strip("\n"), ".python") if shown.get("echo") != "false" and cell.body.strip() else ""
    outputs = [] if shown.get("output") == "false" else cell.outputs
    captions, alts = (listed(shown.get(key, "")) for key in ("fig-cap", "fig-alt"))
    figures, asis = 0, shown.get("output") == "asis"
    for i, output in enumerate(outputs):
        caption, alt = ((texts[figures] if figures < len(texts) else "") for texts in (captions, alts))
        figures += any(kind in output.get("data", {}) for kind in PICTURES)
        text = output_markdown(output, asis, f"cell-{cell.index}-{i}", folder, caption, alt)
        if text: parts.append(text if asis else f"::: {{.output}}\n{text}\n:::")
    if code and (fold := shown.get("code-fold", "false")) != "false":       # a solution folds what it prints, too
        inside = [code, *parts] if cell.is_solution else [code]
        summary = escape(shown.get("code-summary", "Solution in code" if cell.is_solution else "Code"))
        kind = "fold solution" if cell.is_solution else "fold"
        opening = f'<details class="{kind}"{" open" if fold == "show" else ""}>\n<summary>{summary}</summary>'
        code = "\n\n".join([html(opening), *inside, html("</details>")])
        if cell.is_solution: parts = []
    body = "\n\n".join([code, *parts] if code else parts)
    return f"::: {{.{'doc' if asis else 'cell'}}}\n{body}\n:::" if body else ""


def is_doc(cell: Cell) -> bool: return cell.body.startswith("show_doc(") and bool(cell.outputs)


def is_source(cell: Cell) -> bool: return cell.directives.get("code-summary") == "Exported source"


def front_matter(nb: Notebook) -> dict[str, Any]:
    "What nbdev found in the title cell."
    first = next((cell.source for cell in nb.cells if cell.kind == "raw"), "")
    return yaml.safe_load(first.strip().strip("-")) if first.strip().startswith("---") else {}


def source_shown(doc: Cell, source: Cell) -> str:
    "A `show_doc` and the source that follows it, as one: the signature and the docstring need not be read twice."
    heading = re.search(r"^#+ .*(\n\n\[source\].*)?$", symbol("".join(doc.outputs[0]["data"]["text/markdown"])), re.M)
    return f"::: {{.doc}}\n{heading[0] if heading else ''}\n\n{fenced(source.body.strip(chr(10)), '.python')}\n:::"


def markdown(nb: Notebook, folder: Path) -> str:
    "The whole page in Markdown; its pictures go to `folder`."
    parts, before = [], None
    for cell in nb.cells:
        if before and is_doc(before) and is_source(cell): parts[-1] = source_shown(before, cell)
        else: parts.append(cell_markdown(cell, folder))
        before = cell
    return "\n\n".join(parts) + "\n"


# --- from Markdown to a page

def pandoc(text: str, *options: str) -> str:
    "Run pandoc; a warning is an error, since something would be missing on the page."
    command = [pypandoc.get_pandoc_path(), *options]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode or done.stderr.strip():
        raise ValueError(done.stderr.strip() or f"pandoc failed with {done.returncode}")
    return done.stdout


def page_list() -> list[tuple[str, list[tuple[str, str]]]]:
    "nbs/sidebar.yml: sections, each with the text and the notebook of its pages."
    contents = yaml.safe_load((NBS / "sidebar.yml").read_text(encoding="utf-8"))["website"]["sidebar"]["contents"]
    return [(entry.get("section", ""), [(item["text"], item["href"]) for item in entry.get("contents", [entry])])
            for entry in contents]


def navigation(current: str, root: str) -> str:
    "The list of pages, with the current one marked and its section open."
    parts = []
    sections = page_list()
    few = sum(len(inside) for _, inside in sections) <= 25
    for title, inside in sections:
        here = {href: " aria-current=page" if href == current else "" for _, href in inside}
        items = "\n".join(f'<li><a href="{root}{page(NBS / href)}"{here[href]}>{label(text)}</a></li>'
                          for text, href in inside)
        if title:
            opened = " open" if few or current in [href for _, href in inside] else ""
            parts.append(f"<details{opened}><summary>{label(title)}</summary>\n<ul>\n{items}\n</ul></details>")
        else: parts.append(f"<ul>\n{items}\n</ul>")
    return "\n".join(parts)


def colab(nb: Notebook) -> str:
    "The link to the learner's copy, which is taken from the text, since it stands under the title here."
    found = next((cell for cell in nb.cells if cell.kind == "markdown" and cell.source.startswith("::: {.colab}")), None)
    if not found: return ""
    nb.cells.remove(found)
    return pandoc(found.source, "--to", "html")


def kicker(notebook: str) -> str:
    "The small line above a title: where in the course the page belongs."
    for lesson in lessons():
        if lesson.path == NBS / notebook:
            part = next(part for part in outline() if lesson in part.lessons)
            return f"Lesson {lesson.number} · {label(part.title)}"
    return "The library" if notebook.startswith("lib/") else ""


Neighbour = tuple[str, str] | None      # text and notebook of the page before, or after


def render(nb: Notebook, notebook: str, docs: Path, around: tuple[Neighbour, Neighbour] = (None, None)) -> Path:
    "Write the page of a processed notebook, whose path below nbs/ is `notebook`."
    target = docs / page(NBS / notebook)
    root = "../" * (len(target.relative_to(docs).parts) - 1)
    front = front_matter(nb)
    title = str(front.get("title", notebook))
    site = settings()["title"]
    variables = {
        "root": root, "nav": navigation(notebook, root), "site-title": escape(site), "kicker": kicker(notebook),
        "colab": colab(nb), "is-notebook": "yes" if notebook.endswith(".ipynb") else "",
        "source": f"{settings()['git_url']}/blob/{settings()['branch']}/nbs/{notebook}",
        "description": escape(plain(front.get("description", ""))),
        "pagetitle": escape(plain(f"{title} · {site}" if title != site else title)),
        **{f"{way}-{key}": value for way, other in zip(("prev", "next"), around, strict=True) if other
           for key, value in (("href", root + page(NBS / other[1])), ("title", label(other[0])))}}
    metadata = {"title": title, "subtitle": front.get("description", ""), "root": root, "site": site_address(),
                "bibliography": str(NBS / "references.bib")}
    target.parent.mkdir(parents=True, exist_ok=True)
    given = {"--defaults": {"variables": variables}, "--metadata-file": metadata}
    files = {option: target.with_suffix(f".{i}.json") for i, option in enumerate(given)}
    for option, file in files.items(): file.write_text(json.dumps(given[option]), encoding="utf-8")
    try:
        text = pandoc(
            markdown(nb, target.with_name(f"{target.stem}_files")), "--from", DIALECT, "--to", "html", "--standalone",
            *(f"{option}={file}" for option, file in files.items()), f"--template={TOOLS / 'preview.html'}",
            f"--lua-filter={TOOLS / 'preview.lua'}", "--citeproc", "--mathml", "--toc", "--toc-depth=3", *LINES)
    except ValueError as error: raise ValueError(f"nbs/{notebook}: {error}") from None
    finally:
        for file in files.values(): file.unlink()
    text = re.sub(r' id="toc-[^"]*"', "", text)         # the table of contents is on the page twice
    target.write_text(typeset(text), encoding="utf-8")
    return target


# --- the site

class Anchors(HTMLParser):
    "The ids of a page, and the addresses that it names."
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.addresses += [value for key, value in attrs if key in ("href", "src") and value]


def broken_links(docs: Path) -> list[str]:
    "Every link and picture of the site that leads nowhere, every id that a page has twice."
    found: dict[str, Anchors] = {}
    for file in docs.rglob("*.html"):
        found[file.relative_to(docs).as_posix()] = anchors = Anchors()
        anchors.feed(file.read_text(encoding="utf-8"))
    faults = []
    for name, anchors in sorted(found.items()):
        twice = sorted(i for i, count in Counter(anchors.ids).items() if count > 1)
        faults += [f"{name}: the id {i} is there twice" for i in twice]
        for address in anchors.addresses:
            if re.match(r"[a-z][a-z0-9+.-]*:|//", address): continue
            path, _, anchor = unquote(address).partition("#")
            goal = normpath((Path(name).parent / path).as_posix()) if path else name
            if not (docs / goal).is_file(): faults.append(f"{name}: the link to {address} leads to no page")
            elif anchor and goal in found and anchor not in found[goal].ids:
                faults.append(f"{name}: the link to {address} leads to no such place on the page")
    return list(dict.fromkeys(faults))


def mixed_cells(nb: Notebook) -> list[str]:
    "Cells that nbdev would run whole to build the site, for an import inside; alone, they may lack what they need."

    def mixed(cell: Cell) -> bool:
        if "import" not in cell.body or cell.body.lstrip().startswith("%"): return False
        nodes = list(ast.walk(ast.parse(cell.body)))
        return (any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in nodes)
                and any(isinstance(node, (ast.Expr, ast.Assign)) for node in nodes))

    return [f"{nb.name}: cell {cell.index} mixes imports with other code; give the imports a cell of their own"
            for cell in nb.code if not cell.is_export and not cell.is_starter and mixed(cell)]


def process() -> Path:
    "Let nbdev process all notebooks, as it does for Quarto; returns the folder with the results."
    from nbdev.doclinks import _build_modidx
    from nbdev.serve import proc_nbs
    _build_modidx()
    return ROOT / proc_nbs("nbs", n_workers=min(os.cpu_count() or 1, 8))


def give_up(faults: list[str]) -> NoReturn:
    "Say what is wrong with the site, and stop."
    sys.exit("\n".join(["The preview was not built:", *faults]))


def build(docs: Path) -> int:
    "Build the site into `docs`; returns how many pages it has."
    if mixed := [fault for path in notebook_paths() for fault in mixed_cells(read(path))]: give_up(mixed)
    try: processed = process()
    except Exception as error: give_up([str(error)])
    shutil.rmtree(docs, ignore_errors=True)
    docs.mkdir()
    shutil.copy(TOOLS / "preview.css", docs)
    for file in NBS.rglob("*"):
        if file.suffix in ASSETS and not any(part.startswith(("_", ".")) for part in file.relative_to(NBS).parts):
            (docs / file.relative_to(NBS)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, docs / file.relative_to(NBS))
    order = [entry for _, inside in page_list() for entry in inside]
    around = list(zip([None, *order], [*order[1:], None], strict=False))
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        jobs = [pool.submit(render, read(processed / href), href, docs, beside)
                for (_, href), beside in zip(order, around, strict=False)]
        errors = [str(error) for job in jobs if (error := job.exception())]
    if faults := errors + broken_links(docs): give_up(faults)
    return len(order)


if __name__ == "__main__": print(build(ROOT / settings()["doc_path"]))

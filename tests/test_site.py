"The house around the notebooks: the site, its preview, and the commands of the Makefile."

import ast
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import networkx as nx
import pytest
import yaml
from execnb.nbio import mk_cell, read_nb
from nbdev.process import NBProcessor

from tools import api, docs, imports, learner, outputs, preview, readme, sidebar, suite
from tools.mathml import typeset
from tools.notebooks import (
    NBS, ROOT, Cell, Lesson, Notebook, lessons, notebook_paths, outline, read, settings, text_pages)
from tools.notebooks import page as page_address

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg=="
LOSSES = "02_optimization/03_losses.ipynb"


# --- what is made from the outline

@pytest.mark.parametrize("name", ["sidebar.yml", "nbdev.yml", "index.ipynb", "api.qmd"])
def test_in_step(name: str) -> None:
    "Sidebar, settings of the site, map and API index are as `make prepare` would write them."
    assert (NBS / name).read_text(encoding="utf-8") == sidebar.generated()[NBS / name]


def test_sidebar_has_every_page_once_in_order() -> None:
    "The home page, the lessons in the order of the outline, the library, the notation, the pages of text."
    entries = [href for _, inside in preview.page_list() for _, href in inside]
    assert entries[0] == "index.ipynb"
    assert sorted(entries) == sorted(path.relative_to(NBS).as_posix() for path in [*notebook_paths(), *text_pages()])
    written = [lesson.path.relative_to(NBS).as_posix() for lesson in lessons() if lesson.written]
    assert [entry for entry in entries if entry in written] == written


def test_map_names_all_and_links_what_is_written() -> None:
    "53 lessons in 8 parts; a lesson is a link exactly when its notebook exists."
    text = sidebar.course_map()
    assert text.count("<details") == len(outline()) == 8 and len(re.findall(r"^- ", text, re.M)) == len(lessons()) == 53
    linked = set(re.findall(r"\]\(([^)]+)\)", text))
    written = {lesson.path.relative_to(NBS).as_posix() for lesson in lessons() if lesson.written}
    assert linked == written | {f"images/{imports.PICTURE.name}"}
    old, new = "a\n\n<!-- map -->\nold\n<!-- /map -->\n\nb", f"a\n\n<!-- map -->\n\n{text}\n\n<!-- /map -->\n\nb"
    assert sidebar.with_map(old) == sidebar.with_map(new) == new


def test_readme_is_in_step_and_its_links_lead_somewhere() -> None:
    "README.md is made from the home page; pages are named in full, pictures are in the repository."
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == readme.readme()
    for address in re.findall(r'\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"', text):
        target = "".join(address)
        assert target.startswith("https://") or (ROOT / target).exists(), target
    assert f"]({preview.site_address()}02_optimization/losses.html)" in text


# --- glossary, API index, picture of the imports, learner's copies

def anchors(notebook: Path) -> set[str]:
    "The ids that the headings of a notebook get on its page."
    headings = [line for cell in read(notebook).markdown for line in re.findall(r"^#{2,} .*$", cell.source, re.M)]
    page = preview.pandoc("\n\n".join(headings), "--from", preview.DIALECT, "--to", "html")
    return set(re.findall(r'id="([^"]+)"', page))


def sorting_key(term: str) -> str:
    "What a term is sorted by: `ε-greedy` stands under E, hyphens count as spaces."
    return re.sub(r"[-–]", " ", term.replace("ε", "epsilon")).lower()


def test_glossary_is_sorted_and_leads_to_lessons() -> None:
    "Terms in order under their letters, each with an id, a sentence or two and a link to a section that exists."
    text = read(NBS / "glossary.qmd").cells[1].source
    entries = re.findall(r"^\[(.+?)\]\{#([a-z0-9-]+)\}\n:   (.+)$", text, re.M)
    terms = [sorting_key(term) for term, _, _ in entries]
    assert len(terms) == text.count("\n:   ") > 50 and terms == sorted(terms)
    assert len({place for _, place, _ in entries}) == len(entries)
    letters = re.split(r"^## (.)$", text, flags=re.M)
    for letter, inside in zip(letters[1::2], letters[2::2], strict=True):
        assert {sorting_key(term)[0] for term in re.findall(r"^\[(.+?)\]\{#", inside, re.M)} == {letter.lower()}
    places = {lesson.path: anchors(lesson.path) for lesson in lessons() if lesson.written}
    for term, _, words in entries:
        link = re.search(r" \[Lesson (\d\.\d)\]\(([^)#]+)#([^)]+)\)$", words)
        assert link and link[3] in places[NBS / link[2]], f"{term}: the link leads nowhere"
        lesson = next(lesson for lesson in lessons() if lesson.path == NBS / link[2])
        assert lesson.number == link[1] and len(words) < 400, term
        assert all(f"{{#{place}}}" in text for place in re.findall(r"\(#([^)]+)\)", words)), term


def test_api_index_names_all_that_is_exported() -> None:
    "Each public name once, with a line of its own; what stands in a docstring is shown as it is."
    text = (NBS / "api.qmd").read_text(encoding="utf-8")
    public = [name for path in (ROOT / "rlpt").rglob("*.py") for name in api.names(path)]
    assert sorted(re.findall(r"^\[`(\w+)`\]\([^)]+\)\n:   \S", text, re.M)) == sorted(public)
    assert api.escaped("a_b * `c_d` [0, 1]") == r"a\_b \* `c_d` \[0, 1\]"


def test_constants_say_what_they_are(tmp_path: Path) -> None:
    "The value of a short one, the comment behind it, the size of a large table."
    (tmp_path / "x.py").write_text(
        "__all__ = ['A', 'B', 'C', 'f']\nA = 3  # of a kind\nB = int | None\nhidden = 1\n"
        f"C = {{{', '.join(f'{i}: {i}' for i in range(40))}}}\n\ndef f(): 'One line.'\n")
    assert api.names(tmp_path / "x.py") == {
        "A": "The constant `3`: of a kind.", "B": "The type `int | None`.", "C": "A dictionary with 40 entries.",
        "f": "One line."}


def test_picture_shows_the_imports_there_are() -> None:
    "The picture carries the graph that it shows; `make prepare` draws it anew when the code has another."
    assert imports.stored() == imports.described(imports.graph()), "run `make prepare`"
    assert f"{imports.graph().number_of_edges()} dots" in sidebar.course_map()


def test_imports_are_read_from_the_code() -> None:
    "What is imported when the module is loaded: not within functions, not for types alone."
    tree = ast.parse("import math\nfrom ..core import rng\nfrom .. import plots\nfrom .mdp import MDP\n"
                     "if TYPE_CHECKING: from ..data import x\ndef f():\n    from ..agents import Agent\n")
    modules = {f"rlpt.{name}" for name in ("core", "plots", "data", "agents", "tabular_rl.mdp", "tabular_rl.q")}
    assert imports.imported("rlpt.tabular_rl.q", tree, modules) == {"rlpt.core", "rlpt.plots", "rlpt.tabular_rl.mdp"}


def test_picture_has_room_for_the_whole_course() -> None:
    "Every module stands below what it imports, and lines that share a column do so one after the other."
    order = [f"rlpt.{lesson.module}" for lesson in lessons()]
    whole = nx.DiGraph([(name, order[i // 2]) for i, name in enumerate(order) if i])
    rows = [name for _, inside in imports.layers(whole) for name in inside]
    assert len(rows) == len(order) and all(rows.index(name) > rows.index(other) for name, other in whole.edges)
    column = imports.lanes(rows, whole)
    ends = {name: max(rows.index(user) for user in whole.predecessors(name)) for name in column}
    for name, other in itertools.combinations(column, 2):
        assert column[name] != column[other] or ends[name] < rows.index(other)
    assert max(column.values()) < 30


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "The branch that Colab opens."
    folder = tmp_path_factory.mktemp("learner")
    learner.main([str(folder), "c0ffee"])
    return folder


@pytest.mark.parametrize("lesson", [lesson for lesson in lessons() if lesson.written], ids=lambda lesson: lesson.number)
def test_learner_copy_for_colab(copies: Path, lesson: Lesson) -> None:
    "It installs the library first, has neither outputs nor solutions, and its links lead to the site."
    path = copies / lesson.path.relative_to(NBS)
    assert learner.address(lesson).endswith(f"/blob/{learner.BRANCH}/{lesson.folder}/{lesson.stem}.ipynb")
    nbformat.validate(nbformat.read(path, as_version=4))
    nb = read(path)
    assert re.search(r'^%pip install .*"rlpt\[lessons\] @ git\+https://\S+@c0ffee"$', nb.cells[0].source, re.M)
    assert nb.cells[1].source.startswith(f"# {lesson.title}")
    assert not any(cell.outputs or cell.is_solution for cell in nb.code)
    assert not any("<summary>Solution" in cell.source for cell in nb.markdown)
    assert [link for link in links(nb) if not link.startswith("https:")] == []
    checks = [len(re.findall(r"^check\(", cell.source, re.M)) for cell in read(lesson.path).code if cell.is_starter]
    assert sum(len(re.findall(r"^check\(", cell.source, re.M)) for cell in nb.code) >= sum(checks) > 0


def test_links_of_copies_lead_to_the_site() -> None:
    "Notebooks become pages, pictures stay files; what leads elsewhere is left alone."
    text = ("[a](03_losses.ipynb#mse) [b](../notation.ipynb) ![c](../images/home.png) [d](https://a.org) [e](#here) "
            "[f](code.py)")
    site = preview.site_address()
    assert learner.published(text, NBS / "02_optimization") == (
        f"[a]({site}02_optimization/losses.html#mse) [b]({site}notation.html) ![c]({site}images/home.png) "
        f"[d](https://a.org) [e](#here) [f]({site}02_optimization/code.py)")


def test_lesson_has_link_to_colab(tmp_path: Path) -> None:
    "nbdev puts it under the title of a lesson, and of no other page; the preview moves it into the title."
    def banner(path: Path) -> list[str]:
        nb: Any = read_nb(path)
        nb.cells = [mk_cell("---\ntitle: x\n---\n", "raw"), mk_cell("Text", "markdown")]
        NBProcessor(nb=nb, procs=[learner.OpenInColab]).process()
        return [cell.source for cell in nb.cells]

    assert settings()["procs"] == "tools.learner:OpenInColab"
    assert len(banner(NBS / "notation.ipynb")) == 2
    front, link, text = banner(NBS / LOSSES)
    assert f"[Open in Colab]({learner.address(lessons()[15])})" in link and text == "Text"
    (tmp_path / "index.html").touch()
    page = preview.render(Notebook(NBS / LOSSES, [Cell(0, "raw", front), Cell(1, "markdown", link)]), LOSSES, tmp_path)
    assert re.search(r'<h1>x</h1>\s*<div class="colab">\s*<p><a\s+href="https://colab[^"]+">', page.read_text())


def test_workflow_makes_the_branch_that_colab_opens() -> None:
    "The name of the branch is the same, and only the job that pushes it may write."
    jobs = yaml.safe_load((ROOT / ".github/workflows/docs.yml").read_text())["jobs"]
    runs = "\n".join(step.get("run", "") for step in jobs["learner"]["steps"])
    assert f"git push --force origin {learner.BRANCH}" in runs and f"git switch --orphan {learner.BRANCH}" in runs
    assert [name for name, job in jobs.items() if job.get("permissions", {}).get("contents") == "write"] == ["learner"]
    assert any("tools.learner" in step.get("run", "") for step in jobs["build"]["steps"])


def test_page_of_text_becomes_a_page(tmp_path: Path) -> None:
    "Front matter and Markdown, with links to other such pages."
    (tmp_path / "index.html").touch()
    cells = [Cell(0, "raw", "---\ntitle: Words\n---\n"), Cell(1, "markdown", "[a](glossary.qmd#x)\n\n[x]{#x}\n:   y")]
    page = preview.render(Notebook(NBS / "words.qmd", cells), "words.qmd", tmp_path).read_text()
    assert '<a href="glossary.html#x">a</a>' in page and '<dt><span id="x">x</span></dt>' in page.replace("\n", "")
    assert "is a notebook" not in page and "/nbs/words.qmd" in page


# --- the notebooks, as far as the site depends on them

def links(nb: Notebook) -> Iterator[str]:
    "The addresses within the course that the Markdown of a notebook names."
    for cell in nb.markdown:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", cell.source, flags=re.S)
        for first, second in re.findall(r'\]\(\s*<?([^)\s>]+)[^)]*\)|(?:src|href)="([^"]+)"', text):
            if not re.match(r"[a-z]+:|#", first + second): yield (first + second).partition("#")[0]


def dead(nb: Notebook) -> list[str]:
    "The links that lead to no notebook and no picture."
    return [link for link in links(nb) if not (nb.path.parent / link).is_file()]


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.relative_to(NBS).as_posix())
def test_notebook_can_be_a_page(path: Path) -> None:
    "Links lead to notebooks that exist, and nbdev runs no cell that it should not."
    nb = read(path)
    assert dead(nb) == [] and preview.mixed_cells(nb) == []


def test_dead_links_and_mixed_cells_are_found() -> None:
    "Both checks, on planted faults."
    nb = Notebook(NBS / "02_optimization" / "x.ipynb", [
        Cell(0, "markdown", "[a](03_losses.ipynb#mse) [b](04_gone.ipynb) `[c](code.ipynb)` ![d](../images/gone.png)"),
        Cell(1, "code", "import math\nx = math.pi"), Cell(2, "code", "import math\nfrom a import b"),
        Cell(3, "code", "#| eval: false\nimport math\nx = 1"), Cell(4, "markdown", "[e](https://a.org) [f](#here)")])
    assert dead(nb) == ["04_gone.ipynb", "../images/gone.png"]
    assert [re.findall(r"cell (\d)", fault) for fault in preview.mixed_cells(nb)] == [["1"]]


# --- the preview

def code(index: int, source: str, *outs: dict[str, object]) -> Cell:
    return Cell(index, "code", source, outputs=[dict(out) for out in outs])


def shown(kind: str, text: str) -> dict[str, object]:
    return {"output_type": "display_data", "data": {kind: text}, "metadata": {}}


def printed(text: str) -> dict[str, object]:
    return {"output_type": "stream", "name": "stdout", "text": text}


SIGNATURE = """---

[source](https://x.org/a.py#L1){target="_blank" style="float:right"}

### mse

```python
def mse(
    p:Tensor, # any shape
)->Tensor:
```

*Mean.*"""
TEXT = r"""## Sums

Text with $y \log p$, and

$$ a = b \tag{1} $$

By (1), and (1) of lesson 2.2, [here](03_losses.ipynb#sums), [there](../index.ipynb).

$$ c $$"""
TINY = [
    Cell(0, "raw", "---\ndescription: What `mse` is for.\noutput-file: losses.html\ntitle: A page with `code`\n\n---\n"),
    Cell(1, "markdown", TEXT),
    code(2, "#| echo: false\n#| output: asis\nshow_doc(mse)", shown("text/markdown", SIGNATURE)),
    code(3, "#| echo: false\n#| output: asis\nshow_doc(mae)", shown("text/markdown", SIGNATURE.replace("mse", "mae"))),
    code(4, '#| code-fold: show\n#| code-summary: "Exported source"\ndef mae(): ...'),
    code(5, '#| fig-cap: "A curve of $x^2$."\n#| fig-alt: "It \\"bends\\" <up>."\nplot()', shown("image/png", PNG)),
    code(6, "#| echo: false\nhidden()", printed("seen\n")),
    code(7, "#| code-fold: true\nfolded()", printed("outside")),
    Cell(8, "markdown", "<details><summary>Solution</summary>\n\nBy *hand*.\n\n</details>"),
    code(9, "#| code-fold: true\ncheck(\"2.3.1\", f)", printed("inside")),
    code(10, "#| eval: false\nstarter(`````)")]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    "The page of a tiny notebook, and the folder in which it is."
    folder = tmp_path_factory.mktemp("docs")
    (folder / "index.html").write_text("")
    shutil.copy(ROOT / "tools" / "preview.css", folder)
    around = ("Home", "index.ipynb"), ("`Next`", "index.ipynb")
    page = preview.render(Notebook(NBS / LOSSES, TINY), LOSSES, folder, around)
    assert page == folder / "02_optimization" / "losses.html"
    return folder, page.read_text(encoding="utf-8")


def test_preview_numbers_equations(tiny: tuple[Path, str]) -> None:
    "The tag becomes a number that is a link to itself; the text links to it; another lesson's (1) stays as it is."
    page = tiny[1]
    box = r'<span id="eq-1" class="equation"><math [^>]*display="block".*?</math>'
    number = r'<a\s+href="#eq-1" class="number">\(1\)</a>'
    assert len(re.findall(f"{box}{number}</span>", page, re.S)) == 1
    assert "\\tag" not in page and page.count('class="cite"') == 1 and "(1) of lesson 2.2" in page
    assert page.count('class="equation"') == 2 and '<span class="whole"><math' in page


def test_preview_links_notebooks_as_pages(tiny: tuple[Path, str]) -> None:
    "The numbers of files are dropped, those of folders stay."
    page = tiny[1]
    assert '<a href="losses.html#sums">here</a>' in page and '<a href="../index.html">there</a>' in page
    assert ".ipynb" not in page.replace(f"/nbs/{LOSSES}", "")
    assert '<a class="prev" href="../index.html" rel="prev">' in page and "<code>Next</code>" in page
    assert page.count("aria-current=page") == 2


def test_preview_folds(tiny: tuple[Path, str]) -> None:
    "Folded code, and what stays outside; a solution takes its output along."
    page = tiny[1]
    code, output = r'<details class="fold">\s*<summary>Code</summary>', r'</details>\s*<div class="output">'
    solution = r'<details class="fold solution">\s*<summary>Solution in code</summary>'
    assert re.search(code + ".*?folded.*?" + output + ".*?outside", page, re.S)
    assert re.search(solution + ".*?inside.*?</details>", page, re.S)
    assert re.search(r"<details>\s*<summary>\s*Solution\s*</summary>\s*<p>By <em>hand</em>.</p>\s*</details>", page)


def test_preview_shows_figures(tiny: tuple[Path, str]) -> None:
    "A picture is a file, with a caption that may hold a formula, and a text for those who do not see it."
    folder, page = tiny
    picture, caption = r'<img src="([^"]+)" alt="([^"]*)">', r"<figcaption>(.*?)</figcaption>"
    figure = re.search(rf"<figure>\s*{picture}\s*{caption}\s*</figure>", page, re.S)
    assert figure and figure[2] == "It &quot;bends&quot; &lt;up&gt;."
    assert "A curve of" in figure[3] and "<msup>" in figure[3]
    assert (folder / "02_optimization" / figure[1]).read_bytes().startswith(b"\x89PNG")


def test_preview_shows_documentation(tiny: tuple[Path, str]) -> None:
    "A signature as one would write it; where the source follows, the source alone."
    page = re.sub(r"</?(span|a)\b[^>]*>", "", tiny[1])
    assert '<section id="mse" class="symbol doc">' in page and "p: Tensor, # any shape\n) -&gt; Tensor:" in page
    assert page.count("<em>Mean.</em>") == 1 and "def mae(): ..." in page and "Exported source" not in page
    assert tiny[1].count('class="source-link"') == 2


def test_preview_is_clean_and_whole(tiny: tuple[Path, str]) -> None:
    "No directive is left, nothing hidden is shown, nothing comes from the network, and every link leads somewhere."
    folder, page = tiny
    assert "#|" not in page and "hidden()" not in page and "seen" in page
    assert "starter(`````)" in re.sub(r"<[^>]*>", "", page)
    assert "<h1>A page with <code>code</code></h1>" in page and "Lesson 2.3 ·" in page
    assert re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//', page) == [] and "<script" not in page
    faults = preview.broken_links(folder)
    assert [fault for fault in faults if "leads to no page" not in fault] == []
    others = [page_address(NBS / href) for _, inside in preview.page_list() for _, href in inside]
    assert all(any(f"{other} leads" in fault for other in others) for fault in faults)      # pages that this folder lacks


def test_preview_finds_what_is_broken(tmp_path: Path) -> None:
    "Links and ids, and a formula that cannot be shown."
    (tmp_path / "a.html").write_text(
        '<p id="x"></p><p id="x"></p><a href="b.html#gone">1</a><a href="gone.html">2</a><a href="b.html#y">3</a>')
    (tmp_path / "b.html").write_text('<p id="y"></p><img src="gone.png"><a href="https://a.org">4</a>')
    assert preview.broken_links(tmp_path) == [
        "a.html: the id x is there twice", "a.html: the link to b.html#gone leads to no such place on the page",
        "a.html: the link to gone.html leads to no page", "b.html: the link to gone.png leads to no page"]
    with pytest.raises(ValueError, match=r"nbs/index.ipynb: .*Could not convert TeX math"):
        preview.render(Notebook(NBS / "index.ipynb", [Cell(0, "markdown", r"$\frac{1$")]), "index.ipynb", tmp_path)


def test_formulas_are_set_as_tex_would() -> None:
    "Thin spaces around log, none before a bracket; a long formula in the text may end a line after its relations."
    def gaps(tex: str) -> str:
        page = typeset(preview.pandoc(f"${tex}$", "--from", "markdown", "--to", "html", "--mathml"))
        page = re.sub(r"<mspace[^>]*>", "_", page)
        return re.sub(r"<annotation.*?</annotation>|<(?!wbr)[^>]*>|\u2061", "", page).strip()

    assert gaps(r"y \log p + \log(1-p)") == "y_log_p+log(1−p)"
    assert gaps(r"\arg\max_a Q") == "arg_maxa_Q"
    assert gaps("a = b") == "a=b" and gaps("abcdefghij = klmnopqrstuv") == "abcdefghij=<wbr>klmnopqrstuv"


# --- the groups of `make test`, on planted faults

def notebook(*sources: str) -> str:
    "The text of a clean notebook."
    cells = [{"cell_type": "code", "execution_count": None, "id": f"cell{i}", "metadata": {}, "outputs": [],
              "source": source.splitlines(True)} for i, source in enumerate(sources)]
    return outputs.cleaned(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def test_package_out_of_step_is_found(tmp_path: Path) -> None:
    "An edited module, one that no notebook exports any more, and one that was not exported yet."
    shutil.copy(ROOT / "settings.ini", tmp_path)
    for folder in ("nbs", "rlpt"): (tmp_path / folder).mkdir()
    for name in ("one", "two"):
        (tmp_path / "nbs" / f"{name}.ipynb").write_text(notebook(f"#| default_exp {name}", f"#| export\n{name} = 1"))
    (tmp_path / "rlpt" / "py.typed").touch()
    subprocess.run([suite.BIN / "nbdev_export"], cwd=tmp_path, env=suite.ENV, check=True)
    assert suite.export_faults(tmp_path) == []
    (tmp_path / "rlpt" / "one.py").write_text("one = 2\n")
    (tmp_path / "rlpt" / "stale.py").write_text("")
    (tmp_path / "rlpt" / "two.py").unlink()
    assert suite.export_faults(tmp_path) == [
        "rlpt/one.py: differs from what its notebook exports",
        "rlpt/stale.py: no notebook exports it (any more); delete it, or export it from a notebook",
        "rlpt/two.py: not exported yet"]


def test_unclean_notebook_is_found(tmp_path: Path) -> None:
    "An execution count is enough; the file itself is left alone."
    (tmp_path / "clean.ipynb").write_text(notebook("1 + 1"))
    dirty = tmp_path / "dirty.ipynb"
    dirty.write_text(text := notebook("1 + 1").replace('"execution_count": null', '"execution_count": 3'))
    assert suite.unclean(tmp_path) == [dirty] and dirty.read_text() == text


def test_notebook_that_fails_or_hangs_is_found(tmp_path: Path) -> None:
    "A failing cell is shown; a hanging one is stopped."
    (tmp_path / "fails.ipynb").write_text(notebook("assert 1 == 2, 'planted'"))
    (tmp_path / "hangs.ipynb").write_text(notebook("import time", "time.sleep(300)"))
    assert "planted" in suite.run_tests(tmp_path / "fails.ipynb")[2]
    _, seconds, said = suite.run_tests(tmp_path / "hangs.ipynb", limit=2)
    assert "Stopped after 2 s" in said and seconds < 30


def test_outputs_are_stored_without_debris(tmp_path: Path) -> None:
    "Starters and slow cells keep what they have; progress bars vanish; warnings stay, to be seen by the checks."
    path = tmp_path / "x.ipynb"
    path.write_text(notebook(
        "#| eval: false\n1 / 0", "import sys, os", "print('\\r 50%|█████     | 5/10', file=sys.stderr)",
        "print('careful', file=sys.stderr)", "os.environ['IN_TEST'], os.getcwd()", "#| slow\n1 / 0", "object()"))
    texts = [cell.text_output for cell in outputs.run_notebook(path)]
    assert texts == ["", "", "", "careful\n", f"('1', '{tmp_path}')", "", "<object>"]
    assert outputs.store(path)[2] == "" and [cell.text_output for cell in read(path).cells] == texts
    assert suite.unclean(tmp_path) == []
    assert "ZeroDivisionError" in outputs.store(path, slow=True)[2]


# --- the rest of the house

def test_make_helps() -> None:
    "`make` alone lists every command."
    if not shutil.which("make"): pytest.skip("there is no make")
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make ([a-z-]+)", said, re.M) == [
        "help", "docs", "test", "prepare", "outputs", "bench", "test-slow", "lab", "dist", "clean"]


def test_one_version_everywhere() -> None:
    "Of Quarto in the workflow and in the tool, of the package in its settings and its citation."
    steps = yaml.safe_load((ROOT / ".github/workflows/docs.yml").read_text())["jobs"]["build"]["steps"]
    assert [str(step["with"]["version"]) for step in steps if "quarto" in step.get("uses", "")] == [docs.QUARTO]
    assert str(yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]) == settings()["version"]
    assert f"## {settings()['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_quarto_reads_files_that_exist() -> None:
    "What nbs/_quarto.yml names is there, and the link at the top leads to it."
    config = yaml.safe_load((NBS / "_quarto.yml").read_text(encoding="utf-8"))
    named = [*config["metadata-files"], config["bibliography"], config["format"]["html"]["theme"]["light"][1]]
    assert [name for name in named if not (NBS / name).exists()] == []
    assert (ROOT / "_quarto.yml").resolve() == NBS / "_quarto.yml"

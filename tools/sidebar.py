"The order of the pages, from the outline: nbs/sidebar.yml, the map on the home page, and nbs/api.qmd in this order."

import json
from collections.abc import Iterator
from pathlib import Path

from tools import api, imports
from tools.notebooks import NBS, ROOT, lessons, notebook_paths, outline, read, settings, text_pages

# The order of the library's pages; what is not named here follows by name.
LIBRARY = ["core", "plots", "data", "envs", "agents", "experiments", "exercises", "graders", "cli", "benchmarks"]
MAP = ("<!-- map -->", "<!-- /map -->")

Page = tuple[str, Path]         # what the sidebar says, and the notebook


def pages() -> list[tuple[str, list[Page]]]:
    "The site in order: pairs of a section's title (empty for a page that stands alone) and its pages."
    found = {*notebook_paths(), *text_pages()}

    def alone(name: str) -> Iterator[tuple[str, list[Page]]]:
        if (path := NBS / name) in found: yield "", [("Home" if path.stem == "index" else read(path).title, path)]

    def rank(path: Path) -> tuple[int, str]:
        return LIBRARY.index(path.stem) if path.stem in LIBRARY else len(LIBRARY), path.stem

    sections = [(f"{part.number}. {part.title}",
                 [(f"{lesson.number} {lesson.title}", lesson.path) for lesson in part.lessons if lesson.written])
                for part in outline()]
    library = sorted((path for path in found if path.parent == NBS / "lib"), key=rank)
    sections.append(("The library", [(read(path).title, path) for path in library]))
    return [*alone("index.ipynb"), *((title, inside) for title, inside in sections if inside),
            *alone("notation.ipynb"), *alone("glossary.qmd"), *alone("api.qmd")]


def sidebar() -> str:
    "The text of nbs/sidebar.yml, for Quarto and for the preview."
    def quoted(text: str) -> str: return json.dumps(text, ensure_ascii=False)

    def entry(page: Page, indent: str) -> str:
        return f"{indent}- text: {quoted(page[0])}\n{indent}  href: {page[1].relative_to(NBS).as_posix()}\n"

    text = "# Made from outline.yml by `make prepare`: do not edit.\nwebsite:\n  sidebar:\n    contents:\n"
    for title, inside in pages():
        if title: text += f"      - section: {quoted(title)}\n        contents:\n"
        text += "".join(entry(page, " " * (10 if title else 6)) for page in inside)
    return text


def course_map() -> str:
    "All parts and lessons in Markdown, as a map for the home page: what is written is a link."
    done = sum(lesson.written for lesson in lessons())
    text = [f"Lessons that are written are links: {done} of {len(lessons())} so far."]
    for part in outline():
        written = sum(lesson.written for lesson in part.lessons)
        count = f"{len(part.lessons)} lessons" + (f", {written} written" if written else "")
        opening, lines = "<details open>" if written else "<details>", []
        for lesson in part.lessons:
            name, address = f"{lesson.number} {lesson.title}", lesson.path.relative_to(NBS).as_posix()
            lines.append(f"- **[{name}]({address})** ✓" if lesson.written else f"- {name}")
        text += [f"{opening}<summary><b>Part {part.number}. {part.title}</b> · {count}</summary>", "\n".join(lines)]
        text += ["</details>"]
    return "\n\n".join([*text, imports.section()])


def with_map(source: str) -> str:
    "`source` with the map renewed between its two markers."
    before, rest = source.split(MAP[0])
    return "\n\n".join([before + MAP[0], course_map(), MAP[1] + rest.split(MAP[1])[1]])


def home() -> str:
    "The text of nbs/index.ipynb with the map renewed."
    raw = json.loads((NBS / "index.ipynb").read_text(encoding="utf-8"))
    for cell in raw["cells"]:
        if MAP[0] in (source := "".join(cell["source"])): cell["source"] = with_map(source).splitlines(keepends=True)
    return json.dumps(raw, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def site_settings() -> str:
    "The text of nbs/nbdev.yml, which nbdev writes from settings.ini whenever it builds the site."
    from nbdev.quarto import _nbdev_yml
    return _nbdev_yml.format(**settings())


def generated() -> dict[Path, str]:
    "The files that this module writes, with the text that each should have."
    index = api.index([page for _, inside in pages() for page in inside])
    return {NBS / "api.qmd": index, NBS / "sidebar.yml": sidebar(), NBS / "nbdev.yml": site_settings(),
            NBS / "index.ipynb": home()}


def main() -> None:
    "Write what is not in step, and name it."
    for path, text in generated().items():
        if path.exists() and path.read_text(encoding="utf-8") == text: continue
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    imports.main()


if __name__ == "__main__": main()

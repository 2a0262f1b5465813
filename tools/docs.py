"Build the site: with Quarto where there is one, else the preview. `make docs` calls this."

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tools import preview, readme, sidebar
from tools.notebooks import ROOT, settings

QUARTO = "1.8.27"               # also in .github/workflows/docs.yml
PATIENCE = 90                   # seconds for installing Quarto's pip package, which downloads 100 MB and may not be let
BIN = Path(sys.executable).parent
TRIED = BIN.parent / ".quarto-tried"


def runs(quarto: str | None) -> str | None:
    "The version of a Quarto that runs, else None."
    if quarto is None: return None
    try: done = subprocess.run([quarto, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired): return None
    return done.stdout.strip() if done.returncode == 0 else None


def install() -> None:
    "Try Quarto's pip package, once: its installation downloads Quarto itself, which not every machine may do."
    print(f"There is no Quarto on PATH. Trying its pip package, this once, for {PATIENCE} s at most ...", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"quarto-cli=={QUARTO}"]
    job = subprocess.Popen(pip, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try: job.wait(PATIENCE)
    except subprocess.TimeoutExpired: pass
    finally:
        if job.poll() is None: os.killpg(job.pid, signal.SIGKILL)
    TRIED.touch()


def find() -> tuple[str, str] | None:
    "A Quarto that runs, and its version."
    for attempt in range(2):
        for quarto in (shutil.which("quarto"), shutil.which(BIN / "quarto")):
            if quarto and (version := runs(quarto)): return quarto, version
        if attempt == 0:
            if TRIED.exists(): return None
            install()
    return None


def main() -> None:
    sidebar.main()
    docs = ROOT / settings()["doc_path"]
    if "no" not in sys.argv[1:] and (found := find()):
        quarto, version = found
        path = os.pathsep.join([str(Path(quarto).parent), str(BIN), os.environ.get("PATH", "")])
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}     # nbdev calls tools.learner, see settings.ini
        code = subprocess.run([BIN / "nbdev_docs"], cwd=ROOT, env=env, check=False).returncode
        readme.main()           # Quarto's own differs in details, and the tests compare
        if code: sys.exit(code)
        count = len(list(docs.rglob("*.html")))
        print(f"Built the site (Quarto {version}) of {count} pages: open {docs.name}/index.html")
    else: print(f"Built the preview (pandoc) of {preview.build(docs)} pages: open {docs.name}/index.html")


if __name__ == "__main__": main()

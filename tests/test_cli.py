"The command line as a process of its own: what the notebook, which calls `main`, cannot see."

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rlpt.agents import read_checkpoint
from rlpt.cli import main
from tools.notebooks import ROOT, lessons

RLPT = [sys.executable, "-m", "rlpt.cli"]


def environment(folder: Path, **more: str) -> dict[str, str]:
    "The variables of a user who has this clone installed, with `folder` as home of what is kept."
    kept = {name: value for name, value in os.environ.items() if name not in ("IN_TEST", "PYTEST_CURRENT_TEST")}
    return {**kept, "PYTHONPATH": str(ROOT), "RLPT_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1", **more}


def rlpt(folder: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    "Run a command in `folder`."
    return subprocess.run([*RLPT, *words], cwd=folder, env=environment(folder, **more), capture_output=True, text=True,
                          encoding="utf-8", check=False)


def test_quick(tmp_path: Path) -> None:
    "Asking for help takes well under a second of the processor's time."
    before = os.times()
    done = rlpt(tmp_path, "--help")
    after = os.times()
    assert done.returncode == 0 and "doctor" in done.stdout
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1


def test_lesson_from_a_clone(tmp_path: Path) -> None:
    "Every lesson is listed, and a copy is written where the reader is."
    listed = rlpt(tmp_path, "lesson").stdout
    assert [line.split()[0] for line in listed.splitlines()] == [lesson.number for lesson in lessons() if lesson.written]
    assert rlpt(tmp_path, "lesson", "2.3").returncode == 0
    copy = json.loads((tmp_path / "03_losses.ipynb").read_text(encoding="utf-8"))
    assert not any(cell.get("outputs") for cell in copy["cells"])
    again = rlpt(tmp_path, "lesson", "2.3")
    assert again.returncode == 1 and "may hold your work" in again.stderr and not again.stdout


@pytest.mark.parametrize(("words", "said"), [
    (["lesson", "2.33"], "there is no lesson '2.33' (did you mean 2.3, Loss"),
    (["train", "dnq", "CartPole-v1", "--steps", "10"], "there is no agent 'dnq' (did you mean 'dqn'?)"),
    (["evaluate", "agnet.pt"], "there is no file agnet.pt (did you mean 'agent.pt'?)"),
    (["evalute", "agent.pt"], "there is no command 'evalute' (did you mean 'evaluate'?)")])
def test_nonsense(tmp_path: Path, words: list[str], said: str) -> None:
    "What makes no sense ends with 2, with a sentence and a guess, and without a traceback."
    (tmp_path / "agent.pt").write_text("")
    done = rlpt(tmp_path, *words)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr and not done.stdout


def test_poor_terminal(tmp_path: Path) -> None:
    "A terminal that knows ASCII alone gets question marks, and no error."
    (tmp_path / "data").mkdir()
    entry = {"title": "Größe", "attempts": 1, "passed": "2026-01-31T20:15:00+00:00"}
    (tmp_path / "data" / "progress.json").write_text(json.dumps({"2.3.1": entry}), encoding="utf-8")
    done = rlpt(tmp_path, "progress", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "") and "? 2.3.1   Gr??e" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently there")
def test_closed_pipe(tmp_path: Path) -> None:
    "As in `rlpt lesson | head -1`: no traceback."
    with subprocess.Popen([*RLPT, "lesson"], cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as job:
        assert job.stdout and job.stderr
        job.stdout.close()
        assert (job.stderr.read(), job.wait()) == ("", 1)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process there")
def test_interrupted(tmp_path: Path) -> None:
    "Ctrl-C keeps what was learned, and `--resume` goes on from there."
    words = ["train", "q-learning", "CliffWalking-v1", "--out", "cliff.pt"]
    with subprocess.Popen([*RLPT, *words, "--steps", "1e9", "--log", "log.csv"], cwd=tmp_path,
                          env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        log, begun = tmp_path / "log.csv", time.monotonic()
        while not (log.exists() and log.read_text().count("\n") > 3) and time.monotonic() < begun + 300: time.sleep(0.05)
        job.send_signal(signal.SIGINT)
        _, said = job.communicate(timeout=300)
    assert job.returncode == 130 and "--resume goes on from there" in said and "Traceback" not in said
    done = rlpt(tmp_path, *words, "--steps", "100", "--resume")
    assert done.returncode == 0, done.stderr
    assert read_checkpoint(tmp_path / "cliff.pt")["steps"] > 100


def plain(value: Any) -> Any:
    "A checkpoint's content in a form that can be compared."
    if hasattr(value, "tolist"): return value.tolist()
    if isinstance(value, dict): return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("agent", [["sarsa", "CliffWalking-v1"],
                                   ["dqn", "CartPole-v1", "--set", "learning_starts=100", "hidden=16"]], ids=lambda words: words[0])
def test_resumed(tmp_path: Path, agent: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    "Twice is once: training, and going on from the file, gives to the last bit what one long training gives."
    name, env, *rest = agent
    for file, pieces in (("once.pt", ["600"]), ("twice.pt", ["250", "350"])):
        for i, steps in enumerate(pieces):
            words = ["train", name, env, "--steps", steps, "--out", str(tmp_path / file), "--seed", "3", *rest]
            assert main([*words, "--resume"] if i else words) == 0, capsys.readouterr().err
    once, twice = (plain(read_checkpoint(tmp_path / file)) for file in ("once.pt", "twice.pt"))
    assert once == twice
    assert main(["evaluate", str(tmp_path / "once.pt"), "--episodes", "2", env]) == 0


def test_doctor_and_torchvision(tmp_path: Path) -> None:
    "A torchvision that does not fit torch is named, with what to type; the exit code says that something is broken."
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    (tmp_path / "torchvision-99.0.dist-info").mkdir()
    (tmp_path / "torchvision-99.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 99.0\n")
    done = rlpt(tmp_path, "doctor", PYTHONPATH=os.pathsep.join((str(tmp_path), str(ROOT))), PYTHONUTF8="1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "99.0 does not fit torch" in done.stdout and "torchvision::nms" in done.stdout
    assert "pip install --force-reinstall torch torchvision" in done.stdout

"Time two programs that do the same work, in turns, and keep what came out with the machine and the versions."

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlpt.core import load_results, save_results

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Pair:
    "One piece of work and two programs for it."
    name: str                           # what is computed
    ours: Callable[[], Any]
    peer: Callable[[], Any]
    against: str                        # who or what the peer is
    code: str                           # the module of ours that is measured
    share: float = 1.0                  # the part of the work that the peer does, where all of it would take minutes
    target: float | None = None         # seconds that ours may take
    peer_runs: int | None = None        # how often the peer is timed; None: as often as ours


def seconds(program: Callable[[], Any]) -> float:
    "Wall time of one call."
    began = time.perf_counter()
    program()
    return time.perf_counter() - began


def measure(pair: Pair, runs: int) -> dict[str, Any]:
    "Ours, peer, ours, peer ...; the medians, the ratio of each two neighbours, and its median."
    if pair.share == 1: pair.ours()     # a first call, which imports and caches, is not counted
    ours, peer = list[float](), list[float]()
    for i in range(runs):
        ours.append(seconds(pair.ours))
        if i < (pair.peer_runs or runs): peer.append(seconds(pair.peer) / pair.share)
    ratios = [theirs / own for own, theirs in zip(ours, peer)]
    return {"name": pair.name, "against": pair.against, "ours": statistics.median(ours), "peer": statistics.median(peer), "runs": [len(ours), len(peer)],
            "spread": [min(ours), max(ours)], "ratio": statistics.median(ratios), "share": pair.share, "target": pair.target}


def report(rows: Sequence[dict[str, Any]]) -> str:
    "The rows as a table of text."
    lines = [f"{'':34} {'ours':>10} {'target':>8} {'peer':>10} {'ratio':>7}  against"]
    for row in rows:
        target = "" if row["target"] is None else f"{row['target']:g} s"
        lines.append(f"{row['name']:34} {row['ours']:8.4f} s {target:>8} {row['peer']:8.3f} s {row['ratio']:7.1f}  {row['against']}"
                     + ("" if row["share"] == 1 else f" (from {row['share']:.1%} of the work)"))
    return "\n".join(lines)


def keep(name: str, rows: list[dict[str, Any]], code: Sequence[str], spent: float, seeds: Sequence[int] = (0,), **more: list[dict[str, Any]]) -> Path:
    "Store the rows, and more tables by name, beside this file, with their provenance."
    return save_results(name, json.loads(json.dumps({"rows": rows, **more})), code=list(code), seeds=list(seeds), seconds=spent, folder=RESULTS)


def stored(name: str) -> list[dict[str, Any]]:
    "The rows that were kept under this name; none if there are none."
    try: return load_results(name, folder=RESULTS)["rows"]
    except FileNotFoundError: return []

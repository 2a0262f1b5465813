"Many seeds on somebody else's backend: what `run` gives on a Dask cluster is what it gives here."

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from rlpt.core import rng
from rlpt.experiments import History, run

STEPS = 40


class Walker:
    "Learns nothing: its history is a random walk that its seed decides."

    def __init__(self, seed: int): self.seed = seed

    def describe(self) -> dict[str, Any]: return {"agent": "Walker"}

    def learn(self, steps: int, progress: bool = True) -> History:
        "A return at every step."
        return History(np.arange(steps), rng(self.seed).normal(size=steps).cumsum(), np.ones(steps, int), total=steps)


def test_dask(tmp_path: Path) -> None:
    "Two workers of a local cluster, then a second start that finds the seeds done."
    distributed = pytest.importorskip("distributed")
    here = run(Walker, range(4), STEPS, progress=False)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster, distributed.Client(cluster):
        with joblib.parallel_config(backend="dask"):
            there = run(Walker, range(4), STEPS, n_jobs=None, folder=tmp_path, progress=False)
    assert here == there
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"seed-{seed}.npz" for seed in range(4)]

    def never(seed: int) -> Any:
        if seed == 0: return Walker(seed)     # asked what kind of agent it is
        raise AssertionError(f"seed {seed} ran again")
    assert run(never, range(4), STEPS, folder=tmp_path, progress=False) == here

"""Part 5 beside Stable-Baselines3, in one run: `make bench`.

CartPole-v1 until it is held: a greedy mean of at least 475 over 20 fresh episodes, at three checks in a row, 1,000 steps apart. Every learner has one thread, the seeds
are fresh (nothing was tuned on them), and all take turns, seed by seed. The clock counts learning alone: no imports, no making of networks, no checks. Stable-Baselines3
has the settings that its zoo publishes for this environment.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"): os.environ.setdefault(_name, "1")

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from stable_baselines3 import A2C as PeerA2C
from stable_baselines3 import DQN as PeerDQN
from stable_baselines3 import PPO as PeerPPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.timing import keep, seconds
from rlpt.deep_rl.a2c import A2C, PPO
from rlpt.deep_rl.dqn import DQN
from rlpt.deep_rl.reinforce import REINFORCE
from rlpt.experiments import Solved, evaluate

ENV, BAR = "CartPole-v1", 475.0
SEEDS = range(601, 611)
CAP = 100_000                   # steps after which a learner is given up
Learner = Callable[[int], dict[str, Any]]


class Watch(BaseCallback):
    "Lets one of our checks look at an agent of Stable-Baselines3."

    def __init__(self, solved: Solved):
        super().__init__()
        self.solved, self.before = solved, 0

    def _on_step(self) -> bool:
        steps = self.num_timesteps
        seen = _Seen(self.model, steps, self.before)
        self.before = steps
        return self.solved(seen) is not False


class _Seen:
    "An agent of theirs as `Solved` wants to see it."

    def __init__(self, model: Any, steps: int, before: int):
        self.model, self.steps, self.steps_before = model, steps, before

    def predict(self, *args: Any, **options: Any) -> Any: return self.model.predict(*args, **options)


def outcome(solved: Solved, agent: Any, seed: int) -> dict[str, Any]:
    "Steps and seconds to the first pass and to the third in a row, and whether the last policy is still good."
    def seconds(at: int | None) -> float:
        return float("nan") if at is None else solved.seconds[[step for step, _ in solved.checks].index(at)]
    final = evaluate(agent, ENV, episodes=100, seed=10_000 + seed).mean
    return {"seed": seed, "first_steps": solved.first, "first_seconds": seconds(solved.first), "held_steps": solved.held, "held_seconds": seconds(solved.held), "final": final,
            "steps_per_second": solved.checks[-1][0] / solved.seconds[-1]}


def ours(kind: type[Any]) -> Learner:
    "An agent of this course, with its defaults."
    def learn(seed: int) -> dict[str, Any]:
        agent, solved = kind(ENV, seed=seed), Solved(ENV, BAR, seed=seed)
        agent.learn(CAP, callback=solved, progress=False)
        return outcome(solved, agent, seed)
    return learn


def theirs(kind: type[Any], n_envs: int, **settings: Any) -> Learner:
    "An agent of Stable-Baselines3."
    def learn(seed: int) -> dict[str, Any]:
        model, solved = kind("MlpPolicy", make_vec_env(ENV, n_envs, seed=seed), seed=seed, device="cpu", **settings), Solved(ENV, BAR, seed=seed)
        model.learn(CAP, callback=Watch(solved))
        return outcome(solved, model, seed)
    return learn


def falling(start: float) -> Callable[[float], float]:
    "A schedule of Stable-Baselines3 that falls in a straight line; it is asked for the share that is left."
    return lambda left: left * start


LEARNERS: dict[str, Learner] = {
    "DQN": ours(DQN), "A2C": ours(A2C), "PPO": ours(PPO), "REINFORCE": ours(REINFORCE),
    "DQN, Stable-Baselines3": theirs(PeerDQN, 1, learning_rate=2.3e-3, batch_size=64, buffer_size=100_000, learning_starts=1000, gamma=0.99, target_update_interval=10, train_freq=256,
                                     gradient_steps=128, exploration_fraction=0.08, exploration_final_eps=0.04, policy_kwargs={"net_arch": [256, 256]}),
    "A2C, Stable-Baselines3": theirs(PeerA2C, 8, ent_coef=0.0),
    "PPO, Stable-Baselines3": theirs(PeerPPO, 8, n_steps=32, batch_size=256, gae_lambda=0.8, gamma=0.98, n_epochs=20, ent_coef=0.0, learning_rate=falling(1e-3), clip_range=falling(0.2))}


# How fast the code is by itself: ours and theirs do the same amount of the same work. (name, ours, its settings, theirs, how many environments, its settings, target of the ratio)
TWINS: list[tuple[str, Any, dict[str, Any], Any, int, dict[str, Any], float]] = [
    ("DQN", DQN, {"hidden": (256, 256), "batch_size": 64, "train_every": 2, "n_step": 1, "target_every": 5, "buffer_size": 100_000},
     PeerDQN, 1, {"learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1000, "target_update_interval": 10, "train_freq": 256, "gradient_steps": 128,
                  "policy_kwargs": {"net_arch": [256, 256]}}, 1.5),
    ("A2C", A2C, {"n_envs": 8, "n_steps": 5, "critic_steps": 0}, PeerA2C, 8, {"n_steps": 5, "ent_coef": 0.0}, 3.0),
    ("PPO", PPO, {"n_envs": 8, "n_steps": 32, "batch_size": 256, "epochs": 20}, PeerPPO, 8, {"n_steps": 32, "batch_size": 256, "n_epochs": 20, "ent_coef": 0.0}, 2.0)]


def speeds(steps: int = 20_000, runs: int = 3) -> list[dict[str, Any]]:
    "Environment steps a second with the same settings: networks, environments, batch sizes, updates per step; in turns, medians."
    rows = list[dict[str, Any]]()
    for name, own, settings, peer, n_envs, options, target in TWINS:
        pairs = list[tuple[float, float]]()
        for seed in range(runs):
            agent, model = own(ENV, seed=seed, **settings), peer("MlpPolicy", make_vec_env(ENV, n_envs, seed=seed), seed=seed, device="cpu", **options)
            pairs.append((steps / seconds(lambda: agent.learn(steps, progress=False)), steps / seconds(lambda: model.learn(steps))))
        own_speed, peer_speed = np.array(pairs).T
        rows.append({"name": name, "ours": float(np.median(own_speed)), "theirs": float(np.median(peer_speed)), "target": target, "ratio": float(np.median(own_speed / peer_speed))})
        print(f"{name:26} same settings: {rows[-1]['ours']:8,.0f} steps/s, Stable-Baselines3 {rows[-1]['theirs']:8,.0f}, {rows[-1]['ratio']:.1f} times", flush=True)
    return rows


def summary(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    "Medians over the seeds; a seed that never held counts as infinite."
    def median(key: str) -> float: return float(np.median([np.inf if run[key] is None or run[key] != run[key] else run[key] for run in runs]))
    held = [run["held_seconds"] for run in runs if run["held_steps"] is not None]
    return {"name": name, "seeds": len(runs), "first": sum(run["first_steps"] is not None for run in runs), "held": len(held), "seconds": median("held_seconds"),
            "spread": [min(held, default=float("inf")), max(held, default=float("inf"))], "steps": median("held_steps"), "first_seconds": median("first_seconds"),
            "good": sum(run["final"] >= BAR for run in runs), "steps_per_second": median("steps_per_second"),
            "all_steps": [run["held_steps"] or -1 for run in runs], "all_seconds": [run["held_seconds"] if run["held_steps"] else -1.0 for run in runs]}


def main() -> None:
    "Measure all learners, or those whose names contain a word; print a table, and store it when all were measured."
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    began, chosen = time.perf_counter(), {name: learner for name, learner in LEARNERS.items() if args.word in name}
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])      # the first optimizer imports a second's worth of torch
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    for seed in list(SEEDS)[:args.seeds]:
        for name, learner in chosen.items():
            runs[name].append(learner(seed))
            print(f"{name:26} {runs[name][-1]}", flush=True)
    rows, same = [summary(name, found) for name, found in runs.items()], speeds() if not args.word else []
    for row in rows: print(f"{row['name']:26} held {row['held']} of {row['seeds']}, {row['seconds']:7.2f} s, {row['steps']:8,.0f} steps, {row['steps_per_second']:8,.0f} steps/s, {row['good']} good at the end")
    if not args.word: keep("deep", rows, ["rlpt.deep_rl.dqn", "rlpt.deep_rl.reinforce", "rlpt.deep_rl.a2c"], time.perf_counter() - began, SEEDS, same=same)


if __name__ == "__main__": main()

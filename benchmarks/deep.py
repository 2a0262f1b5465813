"""Part 5 beside Stable-Baselines3, in one run: `make bench`.

CartPole-v1 and LunarLander-v3 until they are held: a greedy mean of at least 475, or 200, over 20 fresh episodes, at three checks in a row. Every learner has one thread, the
seeds are fresh (nothing was tuned on them), and all take turns, seed by seed. The clock counts learning alone: no imports, no making of networks, no checks.
Stable-Baselines3 has the settings that its zoo publishes for the environment. A run that has finished is kept in `benchmarks/runs`, and not done again until the code of
its agent changes.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"): os.environ.setdefault(_name, "1")

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.wrappers import TransformObservation
from stable_baselines3 import A2C as PeerA2C
from stable_baselines3 import DQN as PeerDQN
from stable_baselines3 import PPO as PeerPPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.timing import RESULTS, keep, seconds
from rlpt.agents import Agent
from rlpt.core import atomic_write, code_hash
from rlpt.deep_rl.a2c import A2C, PPO
from rlpt.deep_rl.dqn import DQN
from rlpt.deep_rl.dqn_variants import DoubleDQN
from rlpt.deep_rl.reinforce import REINFORCE
from rlpt.envs import EnvLike, make
from rlpt.experiments import Solved, evaluate

ENV = "CartPole-v1"
RUNS = RESULTS.parent / "runs"


@dataclass(frozen=True)
class Learner:
    "Who learns a task, and for how many steps at most."
    kind: type[Any]                 # an agent of ours or of Stable-Baselines3
    cap: int                        # steps after which it is given up
    every: int                      # steps between two checks
    settings: dict[str, Any]        # other than its defaults
    n_envs: int | None = None       # of an agent of Stable-Baselines3; ours count theirs among the settings

    def code(self) -> str:
        "What the outcome depends on."
        return code_hash(self.kind.__module__) if issubclass(self.kind, Agent) else version("stable_baselines3")


@dataclass(frozen=True)
class Task:
    "An environment that is to be held, and those who try."
    name: str
    env: str                        # as Stable-Baselines3 is given it
    own_env: EnvLike                # as ours are
    bar: float                      # of the mean greedy return
    seeds: range
    learners: dict[str, Learner]


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


def learn(task: Task, learner: Learner, seed: int) -> dict[str, Any]:
    "Steps and seconds to the first pass and to the third in a row, whether the last policy is still good, and how long all of it took."
    began = time.perf_counter()
    if learner.n_envs is None:
        env = task.own_env
        agent, solved = learner.kind(env, seed=seed, **learner.settings), Solved(env, task.bar, every=learner.every, seed=seed)
        agent.learn(learner.cap, callback=solved, progress=False)
    else:
        env = task.env
        agent = learner.kind("MlpPolicy", make_vec_env(env, learner.n_envs, seed=seed), seed=seed, device="cpu", **learner.settings)
        solved = Solved(env, task.bar, every=learner.every, seed=seed)
        agent.learn(learner.cap, callback=Watch(solved))

    def spent(at: int | None) -> float | None:
        return None if at is None else solved.seconds[[step for step, _ in solved.checks].index(at)]
    return {"seed": seed, "first_steps": solved.first, "first_seconds": spent(solved.first), "held_steps": solved.held, "held_seconds": spent(solved.held),
            "final": evaluate(agent, env, episodes=100, seed=10_000 + seed).mean, "steps_per_second": solved.checks[-1][0] / solved.seconds[-1],
            "wall": time.perf_counter() - began}


def learn_once(task: Task, name: str, seed: int) -> dict[str, Any]:
    "What `learn` found, now or when it was run before."
    learner, path = task.learners[name], RUNS / task.name / f"{name}, seed {seed}.json"
    asked = {"code": learner.code(), "settings": repr((learner, task.bar))}
    if path.exists() and (kept := json.loads(path.read_text()))["asked"] == asked: return kept["outcome"]
    outcome = learn(task, learner, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, "w") as file: json.dump({"asked": asked, "outcome": outcome}, file)
    return outcome


@dataclass(frozen=True)
class Falling:
    "A schedule of Stable-Baselines3 that falls in a straight line; it is asked for the share that is left."
    start: float
    def __call__(self, left: float) -> float: return left * self.start


def ours(kind: type[Any], cap: int = 100_000, every: int = 1000, **settings: Any) -> Learner:
    "An agent of this course, with its defaults but for some settings."
    return Learner(kind, cap, every, settings)


def theirs(kind: type[Any], n_envs: int, cap: int = 100_000, every: int = 1000, **settings: Any) -> Learner:
    "An agent of Stable-Baselines3 with the settings of its zoo."
    return Learner(kind, cap, every, settings, n_envs)


CARTPOLE = Task("cartpole", ENV, ENV, 475.0, range(601, 611), {
    "DQN": ours(DQN), "A2C": ours(A2C), "PPO": ours(PPO), "REINFORCE": ours(REINFORCE),
    "DQN, Stable-Baselines3": theirs(PeerDQN, 1, learning_rate=2.3e-3, batch_size=64, buffer_size=100_000, learning_starts=1000, gamma=0.99, target_update_interval=10, train_freq=256,
                                     gradient_steps=128, exploration_fraction=0.08, exploration_final_eps=0.04, policy_kwargs={"net_arch": [256, 256]}),
    "A2C, Stable-Baselines3": theirs(PeerA2C, 8, ent_coef=0.0),
    "PPO, Stable-Baselines3": theirs(PeerPPO, 8, n_steps=32, batch_size=256, gae_lambda=0.8, gamma=0.98, n_epochs=20, ent_coef=0.0, learning_rate=Falling(1e-3), clip_range=Falling(0.2))})


def lander() -> gym.Env[Any, Any]:
    "LunarLander-v3 that states the bounds within which it mostly stays, as in lesson 5.4; its numbers are not changed."
    return TransformObservation(make("LunarLander-v3"), lambda obs: obs, spaces.Box(-2, 2, (8,), np.float32))


_BY_VALUE: dict[str, Any] = {"n_envs": 4, "n_step": 5, "optimism": 0.0, "reward_scale": 0.05, "lr": 1e-3, "lr_end": 1e-4, "lr_steps": 100_000, "buffer_size": 50_000, "train_every": 4,
                             "target_every": 64, "epsilon_end": 0.1, "epsilon_steps": 12_000}       # lesson 5.4
_BY_POLICY: dict[str, Any] = {"n_envs": 16, "n_steps": 128, "gamma": 0.999, "lam": 0.98, "lr": 1e-3, "lr_end": 1e-4, "lr_steps": 600_000, "epochs": 4, "entropy": 0.01,
                              "reward_scale": 0.05, "normalise": True, "scale_inputs": False}       # lesson 5.6
LANDER = Task("lander", "LunarLander-v3", lander, 200.0, range(611, 616), {
    "DQN": ours(DQN, 150_000, 5000, **_BY_VALUE), "Double DQN": ours(DoubleDQN, 150_000, 5000, **_BY_VALUE), "PPO": ours(PPO, 1_000_000, 25_000, **_BY_POLICY),
    "DQN, Stable-Baselines3": theirs(PeerDQN, 1, 150_000, 5000, learning_rate=6.3e-4, batch_size=128, buffer_size=50_000, learning_starts=0, gamma=0.99, target_update_interval=250, train_freq=4,
                                     gradient_steps=-1, exploration_fraction=0.12, exploration_final_eps=0.1, policy_kwargs={"net_arch": [256, 256]}),
    "PPO, Stable-Baselines3": theirs(PeerPPO, 16, 1_000_000, 25_000, n_steps=1024, batch_size=64, gae_lambda=0.98, gamma=0.999, n_epochs=4, ent_coef=0.01)})
TASKS = {task.name: task for task in (CARTPOLE, LANDER)}


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


def summary(task: Task, name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    "Medians over the seeds; a seed that never held counts as infinite."
    def median(key: str) -> float: return float(np.median([np.inf if run[key] is None else run[key] for run in runs]))
    held = [run["held_seconds"] for run in runs if run["held_steps"] is not None]
    return {"name": name, "seeds": len(runs), "first": sum(run["first_steps"] is not None for run in runs), "held": len(held), "seconds": median("held_seconds"),
            "spread": [min(held, default=float("inf")), max(held, default=float("inf"))], "steps": median("held_steps"), "first_seconds": median("first_seconds"),
            "good": sum(run["final"] >= task.bar for run in runs), "steps_per_second": median("steps_per_second"),
            "all_steps": [run["held_steps"] or -1 for run in runs], "all_seconds": [run["held_seconds"] if run["held_steps"] else -1.0 for run in runs]}


def main() -> None:
    "Run a task with all learners, or with those whose names contain a word; print a table, and store it when all were run."
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--seeds", type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = TASKS[args.task]
    chosen, seeds = [name for name in task.learners if args.word in name], list(task.seeds)[:args.seeds]
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])      # the first optimizer imports a second's worth of torch
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    for seed in seeds:
        for name in chosen:
            runs[name].append(learn_once(task, name, seed))
            print(f"{name:26} {runs[name][-1]}", flush=True)
    rows = [summary(task, name, found) for name, found in runs.items()]
    for row in rows: print(f"{row['name']:26} held {row['held']} of {row['seeds']}, {row['seconds']:7.2f} s, {row['steps']:8,.0f} steps, {row['steps_per_second']:8,.0f} steps/s, {row['good']} good at the end")
    if args.word or seeds != list(task.seeds): return
    spent = sum(run["wall"] for found in runs.values() for run in found)
    same: dict[str, Any] = {"same": speeds()} if task is CARTPOLE else {}
    code = sorted({learner.kind.__module__ for learner in task.learners.values() if issubclass(learner.kind, Agent)})
    keep({"cartpole": "deep"}.get(task.name, task.name), rows, code, spent, task.seeds, **same)


if __name__ == "__main__": main()

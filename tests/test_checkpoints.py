"Every agent: it goes on to the last bit wherever it was saved, and whatever happens while it is being saved, the last checkpoint stays whole."

import multiprocessing
import os
import pickle
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from rlpt.agents import Agent, read_checkpoint
from rlpt.deep_rl.a2c import A2C, PPO
from rlpt.deep_rl.dqn import DQN, ReplayBuffer
from rlpt.deep_rl.dqn_variants import DoubleDQN, DuelingDQN
from rlpt.deep_rl.function_approximation import SemiGradientSarsa
from rlpt.deep_rl.reinforce import REINFORCE
from rlpt.deep_rl.replay import PrioritizedReplay
from rlpt.envs import make
from rlpt.tabular_rl.q_learning import DoubleQLearning, ExpectedSarsa, QLearning, Sarsa

POLE, TORQUE, LAKE = "CartPole-v1", "Pendulum-v1", "FrozenLake-v1"
QUICK: dict[str, Any] = {"hidden": (8,), "batch_size": 16, "learning_starts": 64, "buffer_size": 240, "target_every": 10}
ROLLOUT: dict[str, Any] = {"hidden": (8,), "n_envs": 3, "n_steps": 7}


def memory(urgent: bool = False, n_step: int = 1) -> ReplayBuffer:
    "A memory for eight poles, smaller than what is put into it."
    env = make(POLE)
    parts: Any = (240, env.observation_space, env.action_space, 8, n_step)
    return PrioritizedReplay(*parts, beta_steps=500) if urgent else ReplayBuffer(*parts)


class Kind:
    "How to make one kind of agent, new or from a file."

    def __init__(self, agent: type[Agent[Any]], env: Any, parts: Callable[[], dict[str, Any]] = dict, **settings: Any):
        self.agent, self.env, self.parts, self.settings = agent, env, parts, settings

    def new(self, seed: int = 0, env: Any = None) -> Agent[Any]: return self.agent(env or self.env, seed, **self.parts(), **self.settings)

    def load(self, path: Path) -> Agent[Any]: return self.agent.load(path, **self.parts())


KINDS = {
    "QLearning": Kind(QLearning, LAKE, n_envs=2), "Sarsa": Kind(Sarsa, LAKE), "ExpectedSarsa": Kind(ExpectedSarsa, "CliffWalking-v1", n_envs=3), "DoubleQLearning": Kind(DoubleQLearning, LAKE),
    "SemiGradientSarsa": Kind(SemiGradientSarsa, "MountainCar-v0", n_envs=2, epsilon=0.1),
    "DQN": Kind(DQN, POLE, **QUICK), "DQN, three rewards": Kind(DQN, POLE, lambda: {"replay": memory(n_step=3)}, **QUICK),
    "DQN, urgent": Kind(DQN, POLE, lambda: {"replay": memory(True, 3)}, **QUICK),
    "DoubleDQN": Kind(DoubleDQN, POLE, **QUICK), "DuelingDQN": Kind(DuelingDQN, POLE, lambda: {"replay": memory(True)}, **QUICK),
    "REINFORCE": Kind(REINFORCE, POLE, hidden=(8,), baseline=True, n_envs=3, episodes=5), "REINFORCE, numbers": Kind(REINFORCE, TORQUE, hidden=(8,), n_envs=2, episodes=2),
    "A2C": Kind(A2C, POLE, **ROLLOUT), "PPO": Kind(PPO, POLE, **ROLLOUT), "PPO, numbers": Kind(PPO, TORQUE, **ROLLOUT)}
each_kind = pytest.mark.parametrize("name", KINDS)


def same(one: Agent[Any], other: Agent[Any]) -> bool:
    "Whether two agents hold the same numbers and have lived the same life."
    mine, its = one.state_dict(), other.state_dict()
    return (one.steps == other.steps and one.history == other.history and one.rng.bit_generator.state == other.rng.bit_generator.state
            and mine.keys() == its.keys() and all(torch.equal(mine[key], its[key]) for key in mine))


@each_kind
def test_goes_on_from_anywhere(name: str, tmp_path: Path) -> None:
    "Saved and loaded at four places drawn at random, twice on the way, an agent ends where one ends that was never interrupted."
    kind, g = KINDS[name], np.random.default_rng(len(name))
    whole = kind.new(3)
    whole.learn(600, progress=False)
    for _ in range(4):
        first, second = (int(at) for at in sorted(g.choice(np.arange(1, 600), 2, replace=False)))
        agent = kind.new(3)
        for steps in (first, second - first, 600 - second):
            agent.learn(steps, progress=False)
            agent.save(tmp_path / "agent.pt")
            agent = kind.load(tmp_path / "agent.pt")
        assert same(whole, agent), (first, second)


# --- killed

def train(name: str, seed: int, path: str) -> None:
    "Learn, and save after each step, until somebody puts an end to it."
    torch.set_num_threads(1)
    KINDS[name].new(seed).learn(10**7, checkpoint=path, every=1, progress=False)


def kill(times: int, folder: Path) -> int:
    "Kill agents in the middle of what they do, and look at what they leave; returns how often a half-written file was found beside the checkpoint."
    server, halves, g = multiprocessing.get_context("forkserver"), 0, np.random.default_rng(0)
    server.set_forkserver_preload([__name__])
    for i in range(times):
        name, path = list(KINDS)[i % len(KINDS)], folder / str(i) / "agent.pt"
        victim = server.Process(target=train, args=(name, i, str(path)))
        victim.start()
        while not path.exists(): time.sleep(0.001)
        time.sleep(g.random() * 0.15)
        victim.kill()
        victim.join()
        assert victim.exitcode == -9
        halves += len(list(path.parent.iterdir())) - 1
        left = KINDS[name].load(path)
        unharmed = KINDS[name].new(i)
        unharmed.learn(left.steps, progress=False)
        assert same(left, unharmed), name
        for agent in (left, unharmed): agent.learn(50, progress=False)
        assert same(left, unharmed), name
    return halves


def test_killed(tmp_path: Path) -> None:
    "`kill -9` while an agent learns or saves leaves the last checkpoint whole, and from there it goes on to the last bit."
    kill(20, tmp_path)


@pytest.mark.slow
def test_killed_often(tmp_path: Path) -> None:
    "The same a hundred times; some of these are in the middle of a file."
    assert kill(100, tmp_path) > 5


# --- no room left

def save_in_little_room(path: str, room: int) -> None:
    "Save over a checkpoint with room for so many bytes only; exits with 7 if that was refused as it should."
    agent = KINDS["DQN"].load(Path(path))
    agent.learn(80, progress=False)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try: agent.save(path)
    except OSError: os._exit(7)
    os._exit(0)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_no_room(share: float, tmp_path: Path) -> None:
    "Where the file cannot be written to its end, saving fails with the system's error, and the old checkpoint is there as it was."
    path = tmp_path / "agent.pt"
    agent = KINDS["DQN"].new()
    agent.learn(400, progress=False)
    agent.save(path)
    before = path.read_bytes()
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])
    writer = server.Process(target=save_in_little_room, args=(str(path), int(share * len(before))))
    writer.start()
    writer.join()
    assert writer.exitcode == 7
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["agent.pt"]


# --- damaged, foreign, dangerous

class Trap:
    "Makes a folder when it is unpickled."

    def __init__(self, mark: Path): self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]: return os.mkdir, (str(self.mark),)


@each_kind
def test_refused(name: str, tmp_path: Path) -> None:
    "A file that is cut short, foreign, of another kind of agent or that carries code is refused, and nothing in it is run."
    kind, path, mark = KINDS[name], tmp_path / "agent.pt", tmp_path / "sprung"
    agent = kind.new()
    agent.learn(100, progress=False)
    agent.save(path)
    whole, content = path.read_bytes(), read_checkpoint(path)
    for length in (0, 1, 100, len(whole) // 3, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="foreign, cut short, or holds code"): kind.load(path)
    torch.save({**content, "kept": Trap(mark)}, path)
    with pytest.raises(ValueError, match="holds code"): kind.load(path)
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(ValueError, match="holds code"): kind.load(path)
    with zipfile.ZipFile(path, "w") as archive: archive.writestr("archive/data.pkl", pickle.dumps(Trap(mark)))
    with pytest.raises(ValueError, match="holds code"): kind.load(path)
    assert not mark.exists()
    other = KINDS["A2C" if kind.agent is not A2C else "PPO"]
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=f"a checkpoint of {other.agent.__name__}, and this one is of {kind.agent.__name__}"): other.load(path)


@pytest.mark.parametrize("name", ["DQN", "DuelingDQN", "REINFORCE", "A2C", "PPO, numbers"])
def test_other_architecture(name: str, tmp_path: Path) -> None:
    "Weights of another size are refused with the name of the weight and both shapes."
    kind, path = KINDS[name], tmp_path / "agent.pt"
    agent = kind.new()
    agent.learn(100, progress=False)
    agent.save(path)
    content = read_checkpoint(path)
    content["settings"]["hidden"] = (9,)
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"the network has changed since .*has shape \(8.* there and \(9"): kind.load(path)


# --- NaN

class Poisoned(gym.Wrapper[Any, Any, Any, Any]):
    "Says NaN once, at its 40th step, in its reward or in what is seen."

    def __init__(self, env: gym.Env[Any, Any], where: str):
        super().__init__(env)
        self.where, self.count = where, 0

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = super().step(action)
        self.count += 1
        if self.count != 40: return obs, reward, terminated, truncated, info
        return (obs, np.nan, terminated, truncated, info) if self.where == "reward" else (obs * np.nan, reward, terminated, truncated, info)


@each_kind
@pytest.mark.parametrize("where", ["reward", "observation"])
def test_nan(name: str, where: str) -> None:
    "A NaN from the environment stops the training with its step; what was learned stays finite, and training can go on."
    kind = KINDS[name]
    if where == "observation" and isinstance(make(kind.env).observation_space, spaces.Discrete): pytest.skip("a number of a state is no float")
    agent = kind.new(1, lambda: Poisoned(gym.make(kind.env), where))
    with pytest.raises(FloatingPointError, match=f"step {40 * agent.env.n:,}: the {where} of environment 0 = .*nan"): agent.learn(2000, progress=False)
    def finite() -> bool: return all(bool(torch.isfinite(tensor).all()) for key, tensor in agent.state_dict().items() if tensor.is_floating_point() and "replay" not in key)
    assert finite()
    agent.learn(400, progress=False)
    assert finite() and agent.steps >= 40 * agent.env.n + 400

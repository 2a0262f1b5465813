"Every agent: it goes on to the last bit wherever it was saved, and whatever happens while it is being saved, the last checkpoint stays whole."

import itertools
import multiprocessing
import os
import pickle
import resource
import time
import zipfile
from collections.abc import Callable, Iterator
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
from rlpt.deep_rl.dqn_variants import DoubleDQN, DuelingDoubleDQN, DuelingDQN
from rlpt.deep_rl.function_approximation import SemiGradientSarsa
from rlpt.deep_rl.reinforce import REINFORCE
from rlpt.deep_rl.replay import PrioritizedReplay, SoftDQN
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
    "DQN, urgent": Kind(DQN, POLE, lambda: {"replay": memory(True, 3)}, **QUICK), "DQN, alone": Kind(DQN, POLE, n_envs=1, **QUICK), "SoftDQN": Kind(SoftDQN, POLE, **{**QUICK, "target_every": 2**40}),
    "DoubleDQN": Kind(DoubleDQN, POLE, **QUICK), "DuelingDQN": Kind(DuelingDQN, POLE, lambda: {"replay": memory(True)}, **QUICK), "DuelingDoubleDQN": Kind(DuelingDoubleDQN, POLE, **QUICK),
    "REINFORCE": Kind(REINFORCE, POLE, hidden=(8,), baseline=True, n_envs=3, episodes=5), "REINFORCE, numbers": Kind(REINFORCE, TORQUE, hidden=(8,), n_envs=2, episodes=2),
    "A2C": Kind(A2C, POLE, **ROLLOUT), "A2C, numbers": Kind(A2C, TORQUE, **ROLLOUT), "A2C, alone": Kind(A2C, POLE, **{**ROLLOUT, "n_envs": 1}),
    "PPO": Kind(PPO, POLE, **ROLLOUT), "PPO, numbers": Kind(PPO, TORQUE, **ROLLOUT), "PPO, alone": Kind(PPO, POLE, **{**ROLLOUT, "n_envs": 1})}
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
    kill(len(KINDS), tmp_path)


@pytest.mark.slow
def test_killed_often(tmp_path: Path) -> None:
    "The same a hundred times; some of these are in the middle of a file."
    assert kill(100, tmp_path) > 5


# --- no room left

def save_in_little_room(name: str, path: str, room: int) -> None:
    "Save over a checkpoint with room for so many bytes only; exits with 7 if that was refused as it should."
    agent = KINDS[name].load(Path(path))
    agent.learn(80, progress=False)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try: agent.save(path)
    except OSError: os._exit(7)
    os._exit(0)


@pytest.mark.parametrize("name, share", [*[("DQN", share) for share in (0.0, 0.3, 0.9, 0.999)], *[(name, 0.9) for name in ("QLearning", "SemiGradientSarsa", "DQN, urgent", "REINFORCE", "PPO, numbers")]])
def test_no_room(name: str, share: float, tmp_path: Path) -> None:
    "Where the file cannot be written to its end, saving fails with the system's error, and the old checkpoint is there as it was."
    path = tmp_path / "agent.pt"
    agent = KINDS[name].new()
    agent.learn(400, progress=False)
    agent.save(path)
    before = path.read_bytes()
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])
    writer = server.Process(target=save_in_little_room, args=(name, str(path), int(share * len(before))))
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


@pytest.mark.parametrize("name", ["SemiGradientSarsa", "DQN", "SoftDQN", "DoubleDQN", "DuelingDQN", "DuelingDoubleDQN", "REINFORCE", "REINFORCE, numbers", "A2C", "PPO, numbers"])
def test_other_architecture(name: str, tmp_path: Path) -> None:
    "Weights of another size are refused with the name of the weight and both shapes."
    kind, path = KINDS[name], tmp_path / "agent.pt"
    agent = kind.new()
    agent.learn(100, progress=False)
    agent.save(path)
    content = read_checkpoint(path)
    content["settings"] |= {"tiles": 9} if "tiles" in content["settings"] else {"hidden": (9,)}
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"the network has changed since .*has shape \(\d.* there and \(\d"): kind.load(path)


# --- NaN, and numbers that are too large

class Poisoned(gym.Wrapper[Any, Any, Any, Any]):
    "Spoils, once, its reward or what is seen at its 40th step, or what is seen first in an episode, the one of this number among those of all its like."

    def __init__(self, env: gym.Env[Any, Any], where: str, bad: float = np.nan, episode: int = 0, begun: Iterator[int] | None = None):
        super().__init__(env)
        self.where, self.bad, self.count, self.episode, self.begun = where, bad, 0, episode, begun

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = super().reset(**options)
        return obs if self.begun is None or next(self.begun) != self.episode else np.full_like(obs, np.nan), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = super().step(action)
        self.count += 1
        if self.count != 40: return obs, reward, terminated, truncated, info
        return (obs, self.bad if self.where == "reward" else reward, terminated, truncated, info) if self.where != "observation" else (obs * np.nan, reward, terminated, truncated, info)


def finite(agent: Agent[Any]) -> bool:
    "Whether all that was learned is."
    return all(bool(torch.isfinite(tensor).all()) for tensor in agent.state_dict().values() if tensor.is_floating_point())


def remembers(agent: Agent[Any]) -> bool:
    "Whether all that it has in its memory, if it has one, is finite."
    stored = getattr(agent, "replay", None)
    return stored is None or all(np.isfinite(array).all() for array in stored.state_dict().values() if isinstance(array, np.ndarray))


@each_kind
@pytest.mark.parametrize("where, bad, says", [("reward", np.nan, "nan"), ("reward", 1e45, r"1e\+45"), ("observation", np.nan, r".*nan")])
def test_nan(name: str, where: str, bad: float, says: str) -> None:
    "NaN from the environment, or what no float32 holds, stops the training with its step; what was learned stays finite, and training can go on."
    kind = KINDS[name]
    if where == "observation" and isinstance(make(kind.env).observation_space, spaces.Discrete): pytest.skip("a number of a state is no float")
    agent = kind.new(1, lambda: Poisoned(gym.make(kind.env), where, bad))
    with pytest.raises(FloatingPointError, match=f"step {40 * agent.env.n:,}: the {where} of environment 0 = {says}"): agent.learn(2000, progress=False)
    assert finite(agent) and remembers(agent)
    agent.learn(400, progress=False)
    assert finite(agent) and remembers(agent) and agent.steps >= 40 * agent.env.n + 400


@each_kind
def test_too_large(name: str) -> None:
    "A reward whose square no float32 holds stops the training before a network has changed, or does no harm; a memory keeps it until it is forgotten."
    kind = KINDS[name]
    agent = kind.new(1, lambda: Poisoned(gym.make(kind.env), "reward", 1e30))
    before: dict[str, torch.Tensor] = {}

    def keep(trained: Agent[Any]) -> None:
        before.update({key: tensor.clone() for key, tensor in trained.state_dict().items() if key.startswith(("policy.", "value.", "network."))})

    keep(agent)
    error = ""
    try:
        with np.errstate(over="ignore"): agent.learn(2000, callback=keep, progress=False)
    except FloatingPointError as stop: error = str(stop)
    assert error.startswith(f"step {agent.steps:,}: ") and "loss = inf" in error if error else not isinstance(agent, A2C | REINFORCE) or name == "REINFORCE, numbers"
    assert finite(agent)
    if isinstance(agent, DQN): return
    if error: assert before and all(torch.equal(tensor, before[key]) for key, tensor in agent.state_dict().items() if key in before)
    agent.learn(400, progress=False)
    assert finite(agent)


@each_kind
@pytest.mark.parametrize("later", [False, True])
def test_nan_at_the_beginning(name: str, later: bool) -> None:
    "The same where an episode begins with NaN, the very first or a later one; no memory has it."
    kind = KINDS[name]
    if isinstance(make(kind.env).observation_space, spaces.Discrete): pytest.skip("a number of a state is no float")
    begun, n = itertools.count(), kind.new().env.n
    agent = kind.new(1, lambda: Poisoned(gym.make(kind.env), "beginning", episode=n if later else 0, begun=begun))
    with pytest.raises(FloatingPointError, match=r"step [\d,]+: the observation of environment \d = .*nan") as caught: agent.learn(2000, progress=False)
    assert str(caught.value).startswith(f"step {agent.steps:,}: ") and (agent.steps > 0) == later
    assert finite(agent) and remembers(agent)
    agent.learn(400, progress=False)
    assert finite(agent) and remembers(agent)


@each_kind
def test_nan_after_an_error(name: str) -> None:
    "An error may be answered by new episodes that begin with NaN; then the next training stops at once, and the one after that goes on."
    kind = KINDS[name]
    if isinstance(make(kind.env).observation_space, spaces.Discrete): pytest.skip("a number of a state is no float")
    agent = kind.new(1)
    agent.learn(100, progress=False)
    steps, agent.obs = agent.steps, np.full_like(agent.obs, np.nan)
    with pytest.raises(FloatingPointError, match=f"step {steps}: the observation of environment 0"): agent.learn(100, progress=False)
    agent.learn(100, progress=False)
    assert finite(agent) and remembers(agent) and agent.steps > steps

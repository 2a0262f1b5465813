"REINFORCE: checkpoints, bad input, and the tools of others."

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

from rlpt.deep_rl.reinforce import REINFORCE


def same(one: REINFORCE, other: REINFORCE) -> bool:
    "Whether two agents have lived the same life and hold the same numbers."
    mine, its = one.state_dict(), other.state_dict()
    return mine.keys() == its.keys() and all(torch.equal(mine[name], its[name]) for name in mine) and one.history == other.history


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("first", [1, 130, 401, 1000])
@pytest.mark.parametrize("options", [{}, {"n_envs": 3, "episodes": 6, "baseline": True}, {"n_envs": 1, "episodes": 2, "moments": 5}])
def test_resumes(seed: int, first: int, options: dict[str, Any], tmp_path: Path) -> None:
    "learn; save; load; learn is learn alone, wherever it is split."
    whole, half = (REINFORCE("CartPole-v1", seed, hidden=(8,), **options) for _ in range(2))
    whole.learn(first + 700, progress=False)
    half.learn(first, progress=False)
    half.save(tmp_path / "half.pt")
    loaded = REINFORCE.load(tmp_path / "half.pt")
    loaded.learn(700, progress=False)
    assert same(whole, loaded) and whole.updates == loaded.updates > 0


def test_resumes_with_numbers(tmp_path: Path) -> None:
    "The same with actions that are numbers, in an environment that is passed, and with episodes that the clock ends."
    def brief() -> gym.Env[Any, Any]: return gym.make("Pendulum-v1", max_episode_steps=30)

    whole, half = (REINFORCE(brief, 0, hidden=(8,), n_envs=4, episodes=4) for _ in range(2))
    whole.learn(500, progress=False)
    half.learn(203, progress=False)
    half.save(tmp_path / "half.pt")
    loaded = REINFORCE.load(tmp_path / "half.pt", brief)
    loaded.learn(297, progress=False)
    assert same(whole, loaded) and whole.updates == loaded.updates > 0


class Sick(gym.Wrapper[Any, Any, Any, Any]):
    "CartPole that says NaN after so many steps."

    def __init__(self, what: str) -> None:
        super().__init__(gym.make("CartPole-v1"))
        self.what, self.count = what, 0

    def step(self, action: Any) -> Any:
        self.count += 1
        obs, reward, terminated, truncated, info = self.env.step(action)
        bad = self.count == 37
        return np.full_like(obs, np.nan) if bad and self.what == "observation" else obs, np.nan if bad and self.what == "reward" else reward, terminated, truncated, info


@pytest.mark.parametrize("what", ["reward", "observation"])
def test_nan_stops(what: str) -> None:
    "NaN ends the training, names the step, and leaves weights that are finite and an agent that goes on."
    agent = REINFORCE(lambda: Sick(what), 0, n_envs=1, hidden=(8,))
    with pytest.raises(FloatingPointError, match=f"step 37: the {what}"): agent.learn(200, progress=False)
    assert all(weight.isfinite().all() for weight in agent.state_dict().values()) and not agent.moments
    agent.learn(200, progress=False)
    assert agent.updates > 0


def test_evaluate_policy() -> None:
    "The evaluation of Stable-Baselines3 runs on our agent."
    agent: Any = REINFORCE("CartPole-v1", 0, hidden=(8,))
    agent.learn(400, progress=False)
    found: Any = evaluate_policy(agent, Monitor(gym.make("CartPole-v1")), n_eval_episodes=3, return_episode_rewards=True)
    assert len(found[0]) == 3 and found[0] == found[1]
    many, _ = agent.predict(np.zeros((3, 4), np.float32))
    assert many.shape == (3,) and agent.predict(np.zeros(4, np.float32))[0] == many[0]


def test_refuses() -> None:
    "Spaces that no policy is for are refused with a sentence."
    class Odd(gym.Env[Any, Any]):
        "Actions of a kind without a policy."
        observation_space, action_space = spaces.Discrete(2), spaces.MultiDiscrete([2, 2])

    class Endless(Odd):
        "Numbers without bounds."
        action_space = spaces.Box(-np.inf, np.inf, (1,))

    with pytest.raises(TypeError, match="wanted a Discrete or Box space"): REINFORCE(Odd)
    with pytest.raises(ValueError, match="finite bounds"): REINFORCE(Endless)
    with pytest.raises(ValueError, match=r"gamma = 1\.5"): REINFORCE("CartPole-v1", gamma=1.5)

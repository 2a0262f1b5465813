"Advantages against their definition, A2C and PPO interrupted anywhere, and the tools of others."

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

from rlpt.deep_rl.a2c import A2C, PPO, gae
from rlpt.envs import make

judge: Any = gae     # with columns that come as one tuple
AGENTS, ENVS = (A2C, PPO), ("CartPole-v1", "Pendulum-v1")
SMALL: dict[str, Any] = {"hidden": (8,), "n_envs": 2, "n_steps": 8}


def plain(rewards: Any, values: Any, after: Any, ends: Any, cuts: Any, gamma: float, lam: float) -> NDArray[Any]:
    "The mixture of n-step advantages, one step at a time, by definition: no recursion, no TD errors."
    steps, envs = rewards.shape
    found = np.zeros((steps, envs))
    for i in range(envs):
        for t in range(steps):
            last = t
            while last + 1 < steps and not (ends[last, i] or cuts[last, i]): last += 1
            several = []
            for n in range(1, last - t + 2):
                end = t + n - 1
                follows = 0.0 if ends[end, i] else after[end, i]
                rewarded = sum(gamma**k * rewards[t + k, i] for k in range(n))
                several.append(rewarded + gamma**n * follows - values[t, i])
            weights = [(1 - lam) * lam**k for k in range(len(several) - 1)] + [lam ** (len(several) - 1)]
            found[t, i] = np.dot(weights, several)
    return found


@st.composite
def rollouts(draw: st.DrawFn) -> tuple[Any, ...]:
    "Rewards, values, what followed, ends and cuts: consistent where an episode goes on, anything where it does not."
    steps, envs = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    dice = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    often = draw(st.sampled_from([0.0, 0.2, 0.6, 1.0]))
    rewards, values, after = (dice.normal(size=(steps, envs)) for _ in range(3))
    ends, cuts = dice.random((steps, envs)) < often, dice.random((steps, envs)) < often
    goes_on = ~(ends | cuts)[:-1]
    after[:-1][goes_on] = values[1:][goes_on]
    return rewards, values, after, ends, cuts


@settings(deadline=None, max_examples=300)
@given(rollouts(), st.sampled_from([0.0, 0.5, 0.9, 1.0]), st.sampled_from([0.0, 0.3, 0.95, 1.0]))
def test_gae(rollout: tuple[Any, ...], gamma: float, lam: float) -> None:
    "The recursion gives the mixture of n-step advantages under any pattern of ends and cuts."
    by_definition: Any = plain
    np.testing.assert_allclose(judge(*rollout, gamma, lam), by_definition(*rollout, gamma, lam), atol=1e-9)


@settings(deadline=None, max_examples=100)
@given(rollouts(), st.sampled_from([0.0, 0.9, 1.0]))
def test_ends_of_the_dial(rollout: tuple[Any, ...], gamma: float) -> None:
    "Lambda 0 is the TD error, lambda 1 the Monte Carlo advantage; what follows an end does not matter."
    rewards, values, after, ends, cuts = rollout
    errors = rewards + gamma * np.where(ends, 0, after) - values
    np.testing.assert_allclose(judge(*rollout, gamma, 0.0), errors, atol=1e-12)
    returns = np.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        later = returns[t + 1] if t + 1 < len(rewards) else after[t]
        returns[t] = rewards[t] + gamma * np.where(ends[t], 0, np.where(cuts[t], after[t], later))
    np.testing.assert_allclose(judge(*rollout, gamma, 1.0), returns - values, atol=1e-9)
    changed = np.where(ends, 1e6, after)
    np.testing.assert_array_equal(gae(rewards, values, changed, ends, cuts, gamma, 0.7), judge(*rollout, gamma, 0.7))


@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("first", [1, 6, 16, 17, 250])
def test_interrupted(agent: type[A2C], env: str, first: int, tmp_path: Path) -> None:
    "Saved and loaded anywhere, also in the middle of a rollout, an agent goes on bit for bit."
    whole, half = agent(env, seed=3, **SMALL), agent(env, seed=3, **SMALL)
    whole.learn(first + 90, progress=False)
    half.learn(first, progress=False)
    half.save(tmp_path / "half.pt")
    loaded = agent.load(tmp_path / "half.pt")
    loaded.learn(90, progress=False)
    assert whole.steps == loaded.steps and whole.history == loaded.history
    assert whole.rollout.filled == loaded.rollout.filled
    for name, tensor in whole.state_dict().items(): assert torch.equal(tensor, loaded.state_dict()[name]), name
    obs = np.zeros((2, *(whole.observation_space.shape or ())), np.float32)
    for greedy in (True, False): np.testing.assert_array_equal(whole.predict(obs, deterministic=greedy)[0], loaded.predict(obs, deterministic=greedy)[0])


class Recorded(A2C):
    "Keeps what its first update saw."
    def update(self) -> None:
        if not self.updates: self._seen = {name: np.array(value) for name, value in vars(self.rollout).items()}
        super().update()


def test_what_really_followed() -> None:
    "At a cut the rollout holds the last observation of the episode, and not the first of the next one."
    agent = Recorded(lambda: gym.wrappers.TimeLimit(gym.make("Pendulum-v1", disable_env_checker=True).unwrapped, 5), seed=0, **SMALL)
    agent.learn(16, progress=False)
    seen = agent._seen
    cuts = seen["truncated"][:-1]
    assert cuts.any() and not seen["terminated"].any()
    same = (seen["next_inputs"][:-1] == seen["inputs"][1:]).all(-1)
    np.testing.assert_array_equal(same, ~cuts)


class Poisoned(gym.Env[Any, Any]):
    "Answers with NaN as its reward from step 30 on."
    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)

    def __init__(self) -> None: self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return np.zeros(2, np.float32), float("nan") if self.steps == 30 else 1.0, False, self.steps % 10 == 0, {}


@pytest.mark.parametrize("agent", AGENTS)
def test_nan(agent: type[A2C]) -> None:
    "NaN stops the training with the step named, before it reaches a weight, and the agent stays usable."
    student = agent(Poisoned, seed=0, **SMALL)
    with pytest.raises(FloatingPointError, match="step 60: the reward of environment 0 = nan"): student.learn(500, progress=False)
    assert all(torch.isfinite(weight).all() for weight in student.network.parameters())
    assert student.rollout.filled == 0
    student.learn(40, progress=False)
    broken = agent("CartPole-v1", seed=0, **SMALL)
    broken.learn(8, progress=False)
    broken.rollout.rewards[:] = np.inf
    with pytest.raises(FloatingPointError, match="step 16: "), np.errstate(invalid="ignore"): broken.learn(8, progress=False)
    assert all(torch.isfinite(weight).all() for weight in broken.network.parameters())


@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("agent", AGENTS)
def test_evaluate_policy(agent: type[A2C], env: str) -> None:
    "The evaluation of Stable-Baselines3 runs on our agents."
    model: Any = agent(env, seed=0, **SMALL)
    model.learn(64, progress=False)
    found: Any = evaluate_policy(model, Monitor(gym.make(env)), n_eval_episodes=2, return_episode_rewards=True)
    assert len(found[0]) == 2 and np.isfinite(found[0]).all()


class Odd(gym.Env[Any, Any]):
    "Spaces that no agent here can take."
    def __init__(self, observations: spaces.Space[Any], actions: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = observations, actions


@pytest.mark.parametrize("agent", AGENTS)
def test_refused(agent: type[A2C]) -> None:
    "Spaces that it cannot take are named."
    box = spaces.Box(-1, 1, (2,))
    with pytest.raises(TypeError, match="action_space = MultiDiscrete.*wanted a Discrete or Box space"): agent(Odd(box, spaces.MultiDiscrete([2, 2])))
    with pytest.raises(TypeError, match="action_space"): agent(Odd(box, spaces.MultiBinary(3)))
    with pytest.raises(TypeError, match="observation_space"): agent(Odd(spaces.MultiBinary(3), spaces.Discrete(2)))
    with pytest.raises(ValueError, match="starts at 0"): agent(Odd(box, spaces.Discrete(2, start=1)))


def test_bounds() -> None:
    "Actions stay inside the bounds, and their type is the space's."
    agent = A2C("Pendulum-v1", seed=0, log_std=3.0, **SMALL)
    actions, _ = agent.predict(make("Pendulum-v1").reset(seed=0)[0], deterministic=False)
    assert actions.shape == (1,) and actions.dtype == np.float32 and abs(actions[0]) <= 2

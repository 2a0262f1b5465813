"Tools of Stable-Baselines3 run on our agents."

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from rlpt.agents import Agent, Settings
from rlpt.envs import discrete_n
from rlpt.experiments import evaluate


class Chooser(Agent[Settings]):
    "Acts by a fixed rule, and learns nothing."

    def setup(self) -> None: self.weights = np.linspace(-1, 1, int(np.prod(self.observation_space.shape or (1,))))

    def act(self, obs: NDArray[Any], deterministic: bool, generator: np.random.Generator) -> NDArray[Any]:
        lean = np.tanh(obs.reshape(len(obs), -1).astype(float) @ self.weights)
        if isinstance(self.action_space, gym.spaces.Discrete): return ((lean + 1) / 2 * discrete_n(self.action_space)).astype(int)
        return np.repeat(lean[:, None], np.prod(self.action_space.shape or ()), 1).astype(np.float32)

    def train_step(self) -> None: self.interact(self.act(self.obs, False, self.rng))


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1"])
def test_evaluate_policy(env: str) -> None:
    "One environment, and several at once; the numbers are those of our own loop."
    evaluation = pytest.importorskip("stable_baselines3.common.evaluation")
    from stable_baselines3.common.env_util import make_vec_env
    agent = Chooser(env)
    returns, lengths = evaluation.evaluate_policy(agent, gym.make(env), n_eval_episodes=3, return_episode_rewards=True, warn=False)
    assert len(returns) == len(lengths) == 3 and np.isfinite(returns).all()
    mean, std = evaluation.evaluate_policy(agent, make_vec_env(env, 2, seed=0), n_eval_episodes=6)
    assert np.isfinite([mean, std]).all()
    assert len(evaluate(agent, env, episodes=6).returns) == 6

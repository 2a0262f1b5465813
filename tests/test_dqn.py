"DQN and the tools of others."

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

from rlpt.deep_rl.dqn import DQN
from rlpt.experiments import evaluate


@pytest.fixture(scope="module")
def agent() -> DQN:
    "An agent that has learned a little."
    agent = DQN("CartPole-v1", seed=0, hidden=(16,), learning_starts=100)
    agent.learn(400, progress=False)
    return agent


def test_evaluate_policy(agent: DQN) -> None:
    "The evaluation of Stable-Baselines3 runs on our agent and finds the returns that its own steps give."
    model: Any = agent
    found: Any = evaluate_policy(model, Monitor(gym.make("CartPole-v1")), n_eval_episodes=5, return_episode_rewards=True)
    returns, lengths = found
    assert len(returns) == 5 and np.array_equal(returns, lengths)
    assert evaluate(agent, "CartPole-v1", episodes=5).mean > 0


def test_vector(agent: DQN) -> None:
    "One observation, or a batch of them."
    obs = np.zeros((3, 4), np.float32)
    actions, _ = agent.predict(obs)
    single, _ = agent.predict(obs[0])
    assert actions.shape == (3,) and np.shape(single) == () and single == actions[0]

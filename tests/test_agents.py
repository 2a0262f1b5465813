"Every agent and the world around it: tools of Stable-Baselines3, Gymnasium's vector environments, probes, and spaces that are refused."

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from numpy.typing import NDArray
from torch import from_numpy

from rlpt.agents import Agent, Settings
from rlpt.deep_rl.a2c import A2C, BOX_PROBES, PPO
from rlpt.deep_rl.dqn import DQN, PROBES
from rlpt.deep_rl.dqn_variants import DoubleDQN, DuelingDoubleDQN, DuelingDQN
from rlpt.deep_rl.function_approximation import SemiGradientSarsa
from rlpt.deep_rl.reinforce import REINFORCE
from rlpt.deep_rl.replay import PrioritizedReplay, SoftDQN
from rlpt.envs import discrete_n, make
from rlpt.experiments import evaluate
from tests.test_checkpoints import KINDS, each_kind


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


@each_kind
def test_evaluate_policy_on_every_agent(name: str) -> None:
    "One environment, and several at once, with every kind of agent after a little training."
    evaluation = pytest.importorskip("stable_baselines3.common.evaluation")
    from stable_baselines3.common.env_util import make_vec_env
    kind = KINDS[name]
    agent = kind.new()
    agent.learn(150, progress=False)
    def brief() -> gym.Env[Any, Any]: return gym.wrappers.TimeLimit(gym.make(kind.env), 30)

    before = agent.steps
    returns, lengths = evaluation.evaluate_policy(agent, brief(), n_eval_episodes=2, return_episode_rewards=True, warn=False)
    assert len(returns) == len(lengths) == 2 and max(lengths) <= 30 and np.isfinite(returns).all()
    returns, lengths = evaluation.evaluate_policy(agent, make_vec_env(brief, 3, seed=0), n_eval_episodes=6, return_episode_rewards=True)
    assert len(returns) == len(lengths) == 6 and max(lengths) <= 30 and np.isfinite(returns).all()
    assert agent.steps == before


# --- Gymnasium's vector environments

@each_kind
@pytest.mark.parametrize("mode", list(gym.vector.AutoresetMode))
def test_vector_environments(name: str, mode: gym.vector.AutoresetMode) -> None:
    "`predict` drives three environments of Gymnasium's, whichever way they begin anew: one valid action for each."
    kind = KINDS[name]
    agent = kind.new()
    envs = gym.make_vec(kind.env, 3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, max_episode_steps=7)
    obs, _ = envs.reset(seed=0)
    cut = 0
    for t in range(40):
        actions, _ = agent.predict(obs, deterministic=t % 2 == 0)
        assert len(actions) == 3 and all(envs.single_action_space.contains(action) for action in actions)
        assert actions.shape == envs.action_space.shape
        obs, rewards, terminated, truncated, _ = envs.step(actions)
        assert np.isfinite(rewards).all()
        cut += int(truncated.sum())
        if mode is gym.vector.AutoresetMode.DISABLED and (done := terminated | truncated).any(): obs, _ = envs.reset(options={"reset_mask": done})
    assert cut > 0
    envs.close()


# --- probes

EASY: dict[str, Any] = {"hidden": (32,), "batch_size": 64, "gamma": 0.5, "optimism": 0.0, "reward_scale": 1.0, "lr": 3e-2, "lr_end": 1e-3,
                        "lr_steps": 800, "learning_starts": 64, "target_every": 5, "epsilon_end": 1.0, "train_every": 8}


def urgent(name: str, n_step: int) -> PrioritizedReplay:
    "A memory for the probe of this name."
    probe = make(name)
    return PrioritizedReplay(4000, probe.observation_space, probe.action_space, 8, n_step, 0.5)


LEARNERS: dict[str, Callable[[str], Agent[Any]]] = {
    "SemiGradientSarsa": lambda name: SemiGradientSarsa(name, 1, gamma=0.5, epsilon=1.0, alpha=0.1),
    "DQN, three rewards": lambda name: DQN(name, 1, **EASY, n_step=3),
    "DQN, urgent": lambda name: DQN(name, 1, replay=urgent(name, 1), **EASY, n_step=1),
    "DQN, urgent, three rewards": lambda name: DQN(name, 1, replay=urgent(name, 3), **EASY, n_step=3),
    "SoftDQN": lambda name: SoftDQN(name, 1, **{**EASY, "target_every": 2**40}, n_step=1, tau=0.2)}


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("learner", LEARNERS)
def test_probes(learner: str, probe: str) -> None:
    "Every value of every probe is right; in none of them does the value of an action depend on what is chosen later."
    world: Any = make(probe).unwrapped
    agent: Any = LEARNERS[learner](probe)
    agent.learn(800, progress=False)
    found = (agent.values if isinstance(agent, SemiGradientSarsa) else agent.q_values)(world.observations())
    assert abs(found - world.q(0.5)).max() < 0.1


# the value of each observation under the best policy, and its action where there is one
AIMS: dict[str, tuple[list[float], list[float]]] = {"Reward": ([1], []), "Observation": ([-1, 1], []), "Delay": ([0.5, 1], []), "Action": ([1], [0.5]), "Both": ([1, 1], [-0.5, 0.5]), "CutOff": ([2], [])}


@pytest.mark.parametrize("probe", BOX_PROBES)
def test_probes_with_numbers(probe: str) -> None:
    "REINFORCE where actions are numbers: what its baseline believes, and where its policy aims."
    world: Any = make(probe).unwrapped
    values, aims = AIMS[probe.removeprefix("rlpt/ProbeBox").removesuffix("-v0")]
    agent = REINFORCE(probe, 0, gamma=0.5, hidden=(32,), lr=2e-2, log_std=-1.0, baseline=True, baseline_steps=5, n_envs=16, episodes=16)
    agent.learn(4000, progress=False)
    inputs: Any = agent._inputs(world.observations())
    assert abs(agent.values(from_numpy(inputs)) - values).max() < 0.15
    if aims: assert abs(agent.predict(world.observations())[0][:, 0] - aims).max() < 0.2


# --- spaces that are refused

class Odd(gym.Env[Any, Any]):
    "An environment of any spaces, which nobody gets to act in."

    def __init__(self, observations: spaces.Space[Any], actions: spaces.Space[Any]): self.observation_space, self.action_space = observations, actions


NUMBERS, CHOICES = spaces.Box(-1, 1, (2,)), spaces.Discrete(2)
BY_VALUE: list[type[Agent[Any]]] = [SemiGradientSarsa, DQN, SoftDQN, DoubleDQN, DuelingDQN, DuelingDoubleDQN]
BY_POLICY: list[type[Agent[Any]]] = [REINFORCE, A2C, PPO]
NOBODYS: dict[str, spaces.Space[Any]] = {
    "pairs of choices": spaces.MultiDiscrete([2, 3]), "bits": spaces.MultiBinary(3), "names": spaces.Dict({"a": NUMBERS}), "tuple": spaces.Tuple((NUMBERS, CHOICES)), "words": spaces.Text(3),
    "counted from 1": spaces.Discrete(3, start=1)}
WITHOUT_POLICY: dict[str, tuple[spaces.Space[Any], str]] = {
    "no bounds": (spaces.Box(-np.inf, np.inf, (1,)), "a Box with finite bounds"), "bounded on one side": (spaces.Box(0, np.inf, (1,)), "a Box with finite bounds"),
    "whole numbers": (spaces.Box(0, 5, (2,), np.int64), "a Box of real numbers"), "bytes": (spaces.Box(0, 255, (2,), np.uint8), "a Box of real numbers")}


@pytest.mark.parametrize("agent", BY_VALUE + BY_POLICY)
@pytest.mark.parametrize("odd", NOBODYS)
def test_observations_refused(agent: type[Agent[Any]], odd: str) -> None:
    "Observations that no agent takes are answered with a sentence that shows the space."
    with pytest.raises((TypeError, ValueError), match=r"^(observation_space|space|env) = .*, wanted .*(Box|Discrete)") as caught: agent(Odd(NOBODYS[odd], CHOICES))
    assert type(NOBODYS[odd]).__name__ in str(caught.value)


@pytest.mark.parametrize("agent", BY_VALUE + BY_POLICY)
@pytest.mark.parametrize("odd", NOBODYS)
def test_actions_refused(agent: type[Agent[Any]], odd: str) -> None:
    "So are actions; what is wanted is what this agent takes."
    with pytest.raises((TypeError, ValueError), match=r"^action_space = .*, wanted a.* Discrete") as caught: agent(Odd(NUMBERS, NOBODYS[odd]))
    assert type(NOBODYS[odd]).__name__ in str(caught.value)
    if odd in ("pairs of choices", "bits"): assert ("wanted a Discrete or Box space" if agent in BY_POLICY else "wanted a Discrete space") in str(caught.value)


@pytest.mark.parametrize("agent", BY_VALUE)
def test_numbers_refused(agent: type[Agent[Any]]) -> None:
    "An agent of action values has none for numbers."
    with pytest.raises(TypeError, match=r"action_space = Box.*wanted a Discrete space"): agent(Odd(NUMBERS, NUMBERS))
    with pytest.raises(TypeError, match=r"action_space = Box.*wanted a Discrete space"): agent("Pendulum-v1")


@pytest.mark.parametrize("agent", BY_POLICY)
@pytest.mark.parametrize("odd", WITHOUT_POLICY)
def test_no_policy(agent: type[Agent[Any]], odd: str) -> None:
    "A Gaussian policy wants real numbers between bounds."
    space, wanted = WITHOUT_POLICY[odd]
    with pytest.raises((TypeError, ValueError), match=rf"action_space = Box.*wanted {wanted}"): agent(Odd(NUMBERS, space))

"Double DQN and Dueling DQN: targets by hand and by property, probes, and checkpoints."

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpt.deep_rl.dqn import DQN, PROBES, dqn_target
from rlpt.deep_rl.dqn_variants import (
    DoubleDQN, DuelingDQN, DuelingDoubleDQN, chosen_values, double_dqn_target, dueling_values, least_overestimation, max_bias,
)
from rlpt.deep_rl.replay import PrioritizedReplay
from rlpt.envs import make

KINDS = [DoubleDQN, DuelingDQN, DuelingDoubleDQN]


def test_target_by_hand() -> None:
    "The network prefers actions 1, 0, 0; the copy says 2, 8, 5 of them; the second transition is terminal."
    network, copy = torch.tensor([[3.0, 4.0], [9.0, 0.0], [1.0, 0.0]]), torch.tensor([[7.0, 2.0], [8.0, 1.0], [5.0, 6.0]])
    target = double_dqn_target(torch.tensor([1.0, 1.0, -1.0]), network, copy, torch.tensor([False, True, False]), torch.tensor([0.5, 0.5, 0.1]))
    assert torch.allclose(target, torch.tensor([2.0, 1.0, -0.5]))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 1000))
def test_never_above_dqn(n: int, actions: int, seed: int) -> None:
    "Double DQN's target is at most DQN's, and equal where the two networks are the same."
    gen = torch.Generator().manual_seed(seed)
    network, copy = torch.randn(n, actions, generator=gen), torch.randn(n, actions, generator=gen)
    rewards, ended = torch.randn(n, generator=gen), torch.rand(n, generator=gen) < 0.3
    plain = dqn_target(rewards, copy.max(1).values, ended, 0.9)
    assert (double_dqn_target(rewards, network, copy, ended, 0.9) <= plain).all()
    assert torch.equal(double_dqn_target(rewards, copy, copy, ended, 0.9), plain)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 8), st.integers(0, 1000))
def test_lower_bound(m: int, seed: int) -> None:
    "No errors that add up to zero have a maximum below the bound."
    errors = np.random.default_rng(seed).standard_cauchy(m)
    errors -= errors.mean()
    assert errors.max() >= least_overestimation(float((errors ** 2).mean()), m) * (1 - 1e-6) - 1e-9


def test_max_bias() -> None:
    "The mean of the largest of m uniform numbers, by numerical integration."
    x = np.linspace(-1, 1, 20_001)
    for m in (1, 2, 5, 18): assert abs(1 - np.trapezoid(((1 + x) / 2) ** m, x) - max_bias(m)) < 1e-6


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 6), st.integers(1, 6), st.floats(-100, 100), st.integers(0, 1000))
def test_identifiable(n: int, actions: int, constant: float, seed: int) -> None:
    "The mean over the actions is the value, and a constant in the advantages changes nothing."
    gen = torch.Generator().manual_seed(seed)
    value, advantages = torch.randn(n, 1, generator=gen), torch.randn(n, actions, generator=gen)
    q = dueling_values(value, advantages)
    assert torch.allclose(q.mean(1, keepdim=True), value, atol=1e-4)
    assert torch.allclose(dueling_values(value, advantages + constant), q, atol=1e-3)
    assert torch.equal(q.argmax(1), advantages.argmax(1))


@pytest.mark.parametrize("kind", KINDS)
def test_probes(kind: type[DQN]) -> None:
    "Every value of every probe is right."
    easy: dict[str, Any] = {"hidden": (32,), "batch_size": 64, "gamma": 0.5, "n_step": 1, "optimism": 0.0, "reward_scale": 1.0, "lr": 3e-2, "lr_end": 1e-3,
                            "lr_steps": 800, "learning_starts": 64, "target_every": 5, "epsilon_end": 1.0, "train_every": 8}
    for name in PROBES:
        probe: Any = make(name).unwrapped
        agent = kind(name, 1, **easy)
        agent.learn(800, progress=False)
        assert abs(agent.q_values(probe.observations()) - probe.q(0.5)).max() < 0.1, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prioritized", [False, True])
def test_resume(kind: type[DQN], prioritized: bool, tmp_path: Path) -> None:
    "Saved and loaded in the middle, an agent goes on to the last bit as without the interruption."
    pole = make("CartPole-v1")
    def made() -> dict[str, Any]: return {"replay": PrioritizedReplay(600, pole.observation_space, pole.action_space, 8, 3, 0.99) if prioritized else None}
    small: dict[str, Any] = {"hidden": (16,), "batch_size": 32, "learning_starts": 200, "buffer_size": 600, "target_every": 20}
    whole, half = (kind("CartPole-v1", 3, **made(), **small) for _ in range(2))
    whole.learn(901, progress=False)
    half.learn(503, progress=False)
    half.save(tmp_path / "half.pt")
    loaded = kind.load(tmp_path / "half.pt", **made())
    loaded.learn(398, progress=False)
    assert whole.history == loaded.history and all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in whole.state_dict().items())


def test_chosen_values() -> None:
    "Of each row the one that the other prefers."
    assert chosen_values(torch.tensor([[0.0, 1.0, 0.5]]), torch.tensor([[7.0, 8.0, 9.0]])).tolist() == [8.0]

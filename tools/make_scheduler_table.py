#!/usr/bin/env python3
"""Writes tests/data/sampling/diffusers.json: noise levels, times and samples of diffusers' schedulers, for settings
that are followed.

Needs the diffusers (0.42.1), scipy and torch packages. The network predicts tanh(x) as the clean sample.
"""
import json
from pathlib import Path

import diffusers
import torch

OUT = Path(__file__).parents[1] / 'tests/data/sampling/diffusers.json'
FLOW = {'prediction_type': 'flow_prediction', 'use_flow_sigmas': True}
UNIPC, DPM, EULER = 'UniPCMultistepScheduler', 'DPMSolverMultistepScheduler', 'FlowMatchEulerDiscreteScheduler'
CASES = [
    (UNIPC, 8, 3.0, {}), (UNIPC, 8, 3.0, {'solver_order': 1}), (UNIPC, 8, 3.0, {'solver_order': 3}),
    (UNIPC, 20, 5.0, {'solver_order': 3, 'solver_type': 'bh1'}), (UNIPC, 8, 5.0, {'solver_type': 'bh1'}),
    (UNIPC, 9, 5.0, {'solver_order': 4}), (UNIPC, 8, 3.0, {'use_karras_sigmas': True}),
    (UNIPC, 20, 3.0, {'use_karras_sigmas': True, 'solver_order': 3}), (UNIPC, 8, 3.0, {'shift_terminal': 0.1}),
    (DPM, 8, 3.0, {}), (DPM, 20, 5.0, {}), (DPM, 8, 3.0, {'solver_order': 1}), (DPM, 8, 3.0, {'solver_order': 3}),
    (DPM, 20, 5.0, {'solver_order': 3}), (DPM, 8, 3.0, {'solver_order': 3, 'lower_order_final': False}),
    (DPM, 8, 3.0, {'solver_type': 'heun'}), (DPM, 1, 3.0, {}),
    (EULER, 8, 3.0, {}), (EULER, 8, 3.0, {'use_karras_sigmas': True}), (EULER, 8, 3.0, {'use_exponential_sigmas': True}),
    (EULER, 8, 5.0, {'use_beta_sigmas': True}), (EULER, 21, 1.0, {'use_beta_sigmas': True}),
    (EULER, 8, 3.0, {'shift_terminal': 0.1}), (EULER, 1, 3.0, {}),
]


def numbers(values):
    return [float(f'{v:.9g}') for v in values]  # a float32, exactly


def run(name, steps, shift, settings):
    flow = name != EULER
    config = settings | ({'flow_shift': shift} | FLOW if flow else {'shift': shift})
    scheduler = getattr(diffusers, name)(**config)
    scheduler.set_timesteps(steps)
    x = torch.tensor([[1.3, -0.7, 0.2]])
    samples = []
    for i, t in enumerate(scheduler.timesteps):
        velocity = (x - torch.tanh(x)) / scheduler.sigmas[i]
        x = scheduler.step(velocity, t, x, return_dict=False)[0]
        if torch.isfinite(x).all():
            samples.append(numbers(x[0].tolist()))
    # The last step of bh1 multiplies an infinite B(h) by nothing, which is no number in diffusers.
    assert len(samples) == steps or (settings.get('solver_type') == 'bh1' and len(samples) == steps - 1), settings
    return {'class': name, 'steps': steps, 'shift': shift, 'settings': settings,
            'sigmas': numbers(scheduler.sigmas.tolist()), 'timesteps': numbers(scheduler.timesteps.tolist()),
            'samples': samples}


def main():
    OUT.parent.mkdir(exist_ok=True)
    rows = ',\n'.join(json.dumps(run(*case), separators=(',', ':')) for case in CASES)
    OUT.write_text(f'[\n{rows}\n]\n')


if __name__ == '__main__':
    main()

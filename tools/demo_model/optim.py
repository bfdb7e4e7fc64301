"""Muon for matrices and convolutions, AdamW for everything else, one wall-clock learning-rate schedule.

Muon replaces a matrix's momentum by the nearest semi-orthogonal matrix (five Newton-Schulz steps); matrices of
one shape are treated in one batch. https://kellerjordan.github.io/posts/muon/
"""
import torch


def orthogonal(g):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(5):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return x.mT if tall else x


class Optimizer:
    def __init__(self, named, use_muon, muon_lr, adam_lr, weight_decay=0.0):
        named = [(n, p) for n, p in named if p.requires_grad]
        matrices = [p for n, p in named if use_muon(n, p)]
        chosen = {id(p) for p in matrices}
        self.groups = {}
        for p in matrices:
            self.groups.setdefault(p.flatten(1).shape, []).append(p)
        self.momentum = {s: torch.zeros(len(ps), *s, device=ps[0].device) for s, ps in self.groups.items()}
        self.adam = torch.optim.AdamW([p for _, p in named if id(p) not in chosen], lr=adam_lr, betas=(0.9, 0.98),
                                      weight_decay=0.0, fused=matrices[0].is_cuda)
        self.params = [p for _, p in named]
        self.muon_lr, self.adam_lr, self.weight_decay = muon_lr, adam_lr, weight_decay

    @torch.no_grad()
    def step(self, scale):
        """scale: factor on both learning rates, from `schedule`."""
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        self.adam.param_groups[0]['lr'] = self.adam_lr * scale
        self.adam.step()
        for shape, ps in self.groups.items():
            g = torch.stack([p.grad.flatten(1) for p in ps])
            m = self.momentum[shape]
            m.lerp_(g, 0.05)
            u = orthogonal(g.lerp(m, 0.95)).float() * (self.muon_lr * scale * max(1, shape[0] / shape[1]) ** 0.5)
            decay = 1 - self.muon_lr * scale * self.weight_decay
            torch._foreach_mul_(ps, decay)
            torch._foreach_sub_(ps, [x.view_as(p) for x, p in zip(u, ps)])
        for p in self.params:
            p.grad = None


def schedule(done, step, warmup=100, hold=0.35):
    """Warm-up in steps; constant; then linear to zero. done: share of the time budget that has passed."""
    return min(1.0, (step + 1) / warmup) * min(1.0, max(0.0, (1 - done) / (1 - hold)))

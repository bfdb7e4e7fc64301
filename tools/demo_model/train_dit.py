"""Trains the diffusion transformer and the text encoder together, by flow matching on latents of drawn clips.

Stage a: full attention, 224x128. Stage b: T3 windowed attention (t3-layout.json), 448x256, from stage a's
weights. x = (1-s)*x0 + s*noise, target noise - x0, time input 1000*s; s is logit-normal, shifted towards noise.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import sentencepiece as spm
import torch
from PIL import Image

import clips
import drawing
from dit import Block, WanDiT, text_rows
from models import UMT5, WanVAE
from optim import Optimizer, schedule
from train_tokenizer import variants

MODEL = Path(__file__).parents[2] / 'models/demo'
PROMPT_ROWS = 23
STAGES = {'a': dict(size=(224, 128), batch=256, shift=2.0, muon=0.015, adam=2e-3),
          'b': dict(size=(448, 256), batch=64, shift=3.5, muon=0.010, adam=1.2e-3)}
VARIANT_SHARES = [0.70, 0.06, 0.06, 0.06, 0.06, 0.06]
EMPTY_SHARE = 0.12


class Prompts:
    def __init__(self, device):
        self.sp = spm.SentencePieceProcessor(model_file=str(MODEL / 'google/umt5-xxl/spiece.model'))
        self.device = device

    def ids(self, texts):
        rows = [(self.sp.encode(t) + [1])[:PROMPT_ROWS] for t in texts]
        return torch.tensor([r + [0] * (PROMPT_ROWS - len(r)) for r in rows], device=self.device)


class Model(torch.nn.Module):
    """The two networks that train together."""

    def __init__(self, vocab):
        super().__init__()
        self.text, self.dit = UMT5(vocab), WanDiT().initialise()
        torch.nn.init.normal_(self.text.token_embedding.weight)
        for b in self.text.blocks:
            torch.nn.init.normal_(b.attn.q.weight, std=(96 * 24) ** -0.5)
            torch.nn.init.normal_(b.pos_embedding['embedding'].weight, std=0.3)

    def context(self, ids):
        mask = ids != 0
        return text_rows(self.text(ids, mask), mask)

    def forward(self, x, t, ids, patterns):
        rows, bias = self.context(ids)
        return self.dit(x, t, rows, bias, patterns)


def shifted(s, shift):
    return shift * s / (1 + (shift - 1) * s)


@torch.no_grad()
def sample(model, ids, shape, patterns, seed, steps=24, cfg=3.0, shift=3.0):
    gen = torch.Generator(ids.device).manual_seed(seed)
    x = torch.randn(len(ids), *shape, generator=gen, device=ids.device)
    empty = torch.zeros_like(ids)
    empty[:, 0] = 1
    sigma = [shifted(1 - i / steps, shift) for i in range(steps)] + [0.0]
    for a, b in zip(sigma, sigma[1:]):
        t = torch.full((2 * len(ids),), 1000 * a, device=ids.device)
        pos, neg = model(torch.cat([x, x]), t, torch.cat([ids, empty]), patterns).chunk(2)
        x = x + (neg + cfg * (pos - neg)) * (b - a)
    return x


def sheet(video, path):
    """A row of five frames for every clip."""
    v = ((video.float().clamp(-1, 1)[:, :, (0, 4, 8, 12, 16)] + 1) * 127.5).byte()
    v = v.permute(0, 3, 2, 4, 1).flatten(2, 3).flatten(0, 1)
    Image.fromarray(v.cpu().numpy()).save(path, quality=90)


@torch.no_grad()
def make_latents(vae, size, seconds, limit, device):
    """Draw and encode clips until the time or the limit is reached -> latents, index of the combination."""
    start, gen = time.time(), torch.Generator(device).manual_seed(int(time.time()))
    combos, latents, index = clips.training(), [], []
    order = []
    while time.time() - start < seconds and len(index) * 48 < limit:
        if len(order) < 48:
            order += random.sample(range(len(combos)), len(combos))
        pick, order = order[:48], order[48:]
        video = drawing.render([combos[i] for i in pick], *size, gen, device)
        with torch.autocast(device, torch.bfloat16):
            latents.append(torch.cat([vae.encode(v).bfloat16() for v in video.split(24)]))
        index.append(torch.tensor(pick))
    x = torch.cat(latents)
    print(f'{len(x)} clips in {time.time() - start:.0f} s; latent std {x.float().std():.3f}', flush=True)
    return x, torch.cat(index).to(device)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--stage', choices='ab', required=True)
    parser.add_argument('--seconds', type=float, default=540, help='wall-clock budget, all included')
    parser.add_argument('--data-seconds', type=float, default=80)
    parser.add_argument('--clips', type=int, default=60000)
    parser.add_argument('--vae', default='out/vae.pt')
    parser.add_argument('--resume')
    parser.add_argument('--out', default='out')
    parser.add_argument('--batch', type=int)
    parser.add_argument('--rate', type=float, default=1.0, help='factor on the learning rates')
    parser.add_argument('--hold', type=float, default=0.35, help='share of the time before the rate decays')
    parser.add_argument('--tiny', action='store_true', help='a few tiny steps on the CPU')
    args = parser.parse_args()
    start = time.time()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    stage = STAGES[args.stage]
    batch, size = args.batch or stage['batch'], stage['size']
    patterns = json.loads((MODEL / 't3-layout.json').read_text())['window_counts'] if args.stage == 'b' else None
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch._dynamo.config.recompile_limit = 64

    vae = WanVAE().to(device).eval()
    vae.load_state_dict({k: v.float() for k, v in torch.load(args.vae, map_location=device).items()})
    prompts = Prompts(device)
    model = Model(prompts.sp.get_piece_size()).to(device)
    if args.resume:
        model.load_state_dict({k: v.float() for k, v in torch.load(args.resume, map_location=device).items()})
    ema = {k: v.detach().clone() for k, v in model.state_dict().items()}
    if device == 'cuda':
        Block.qkv, Block.rest = torch.compile(Block.qkv), torch.compile(Block.rest)
    matrix = lambda n, p: p.dim() == 2 and ('blocks' in n or n.startswith('dit.text') or n.startswith('dit.time_emb')) \
        and 'embedding.weight' not in n
    opt = Optimizer(model.named_parameters(), matrix, args.rate * stage['muon'], args.rate * stage['adam'], 0.01)
    x0, index = make_latents(vae, size, args.data_seconds, args.clips, device)
    table = torch.stack([prompts.ids(variants(*c)) for c in clips.training()])
    shares = torch.tensor(VARIANT_SHARES, device=device)
    held = [clips.caption(*c) for c in clips.heldout()]

    def show(name, count=10):
        """Save the averaged weights in bf16, and a picture of what they generate for held-out captions."""
        rounded = {k: v.bfloat16() for k, v in ema.items()}
        torch.save(rounded, out / f'dit_{args.stage}.pt')
        kept = {k: v.detach().clone() for k, v in model.state_dict().items()}
        model.load_state_dict({k: v.float() for k, v in rounded.items()})
        texts = held[:1 if args.tiny else count]
        with torch.compiler.set_stance('force_eager'), torch.autocast(device, torch.bfloat16):
            z = sample(model, prompts.ids(texts), x0.shape[1:], patterns, seed=1, steps=2 if args.tiny else 24)
            video = torch.cat([vae.decode(v) for v in z.split(2)])
        sheet(video, out / name)
        model.load_state_dict(kept)

    log, step, last, total = [], 0, time.time(), torch.zeros((), device=device)
    t0 = time.time()
    budget = args.seconds - (t0 - start) - ({'a': 14, 'b': 24}[args.stage] if device == 'cuda' else 0)
    checks = [0.5] if args.stage == 'a' else []
    while (done := (time.time() - t0) / budget) < 1:
        pick = torch.randint(len(x0), (batch,), device=device)
        clean, which = x0[pick].float(), index[pick]
        ids = table[which, torch.multinomial(shares, batch, replacement=True)]
        empty = torch.zeros_like(ids)
        empty[:, 0] = 1
        ids = torch.where(torch.rand(batch, 1, device=device) < EMPTY_SHARE, empty, ids)
        # stratified over the batch: fewer surprises in the gradient
        u = (torch.arange(batch, device=device) + torch.rand(batch, device=device)) / batch
        s = shifted(torch.sigmoid(1.2 * torch.special.ndtri(u.clamp(1e-4, 1 - 1e-4))), stage['shift'])
        noise = torch.randn_like(clean)
        sv = s.view(-1, 1, 1, 1, 1)
        with torch.autocast(device, torch.bfloat16):
            v = model((1 - sv) * clean + sv * noise, 1000 * s, ids, patterns)
        loss = (v.float() - (noise - clean)).square().mean()
        loss.backward()
        opt.step(schedule(done, step, hold=args.hold))
        decay = min(0.998, (step + 1) / (step + 10))
        now = model.state_dict()
        torch._foreach_lerp_(list(ema.values()), [now[k] for k in ema], 1 - decay)
        total += loss.detach()
        step += 1
        if step % 50 == 0 or step == 5:
            every = 50 if step > 50 else (5 if step == 5 else 45)
            value = total.item() / every
            total.zero_()
            log.append((step, round(time.time() - start, 1), value))
            print(f'step {step} {time.time() - start:.0f} s loss {value:.4f} '
                  f'{1000 * (time.time() - last) / every:.0f} ms/step', flush=True)
            last = time.time()
            if not math.isfinite(value):
                raise SystemExit('loss is not finite')
        if checks and done > checks[0]:
            show(f'dit_{args.stage}_{int(100 * checks.pop(0))}.jpg', 6)
        if args.tiny and step == 3:
            break
    (out / f'dit_{args.stage}_log.json').write_text(json.dumps(log))
    show(f'dit_{args.stage}_final.jpg')
    print(f'{step} steps, {time.time() - start:.0f} s', flush=True)


if __name__ == '__main__':
    main()

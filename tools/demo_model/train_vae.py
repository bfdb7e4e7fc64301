"""Trains the VAE on drawn clips, then folds the latent statistics into its 1x1x1 convolutions.

Half of the batch are 224x128 clips, half are crops of that size from 448x256 clips. The latents are normalised
per channel with batch statistics and disturbed with noise before decoding, so that their scale is fixed, every
channel carries information, and the decoder tolerates the small errors of a diffusion model.
"""
import argparse
import json
import random
import time
from pathlib import Path

import torch
from PIL import Image

import clips
import drawing
from models import LATENT_MEAN, LATENT_STD, AttnBlock, WanVAE
from optim import Optimizer, schedule


class Pool:
    """Clips in GPU memory, replaced little by little."""

    def __init__(self, sizes, count, device):
        self.gen = torch.Generator(device).manual_seed(1)
        self.device, self.sizes, self.at = device, sizes, 0
        self.combos = clips.training()
        self.clips = [self.draw(s, count) for s in sizes]
        self.centres = [centres(c) for c in self.clips]

    def draw(self, size, count):
        parts = [drawing.render(random.sample(self.combos, min(32, count - i)), *size, self.gen, self.device).bfloat16()
                 for i in range(0, count, 32)]
        return torch.cat(parts)

    def refresh(self, count):
        for pool, where, size in zip(self.clips, self.centres, self.sizes):
            at = self.at % len(pool)
            new = self.draw(size, count)[:len(pool) - at]
            pool[at:at + count] = new
            where[at:at + count] = centres(new)
        self.at += count

    def batch(self, n, size):
        w, h = size
        out = []
        for pool, where in zip(self.clips, self.centres):
            for i in torch.randint(len(pool), (n // len(self.clips),)).tolist():
                y, x = (min(max(c - s // 2 + random.randint(-s // 2, s // 2), 0), full - s)
                        for c, s, full in zip(where[i], (h, w), pool.shape[-2:]))
                out.append(pool[i, :, :, y:y + h, x:x + w])
        return torch.stack(out)


def centres(clips_):
    """Centre of what moves in each clip, (row, column)."""
    out = []
    for c in clips_:
        moves = ((c - c.float().mean(1, keepdim=True)).abs().amax((0, 1)) > 0.15).float() + 1e-6
        row, col = (moves.sum(d) / moves.sum() for d in (1, 0))
        out.append([int((m * torch.arange(len(m), device=m.device)).sum()) for m in (row, col)])
    return out


def loss_of(out, video):
    """L1 where moving pixels count five times, plus L1 of the differences along x, y and t."""
    out, video = out.float(), video.float()
    moving = ((video - video.mean(2, keepdim=True)).abs().amax(1, keepdim=True) > 0.08).float()
    error = out - video
    loss = (error.abs() * (1 + 4 * moving)).mean()
    for d in (2, 3, 4):
        loss = loss + 0.5 * error.diff(dim=d).abs().mean()
    return loss, error


def forward(vae, video, noise, level, frozen):
    """Latents with batch statistics 0 and 1, plus noise, decoded. A frozen encoder is normalised already."""
    with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
        z = vae.encode(video).float()
        if not frozen:
            mean, var = z.mean((0, 2, 3, 4), keepdim=True), z.var((0, 2, 3, 4), keepdim=True)
            z = (z - mean) / (var + 1e-6).sqrt()
    return vae.decode(z + level * noise)


@torch.no_grad()
def fold(vae, pool, device):
    """Make the engine's fixed normalisation give latents of mean 0 and deviation 1 on these clips."""
    sums = []
    for videos in pool.clips:
        for i in range(0, min(len(videos), 128), 8):
            z = vae.encode(videos[i:i + 8].float()).float()
            sums.append(torch.stack([z.mean((0, 2, 3, 4)), z.square().mean((0, 2, 3, 4))]))
    mean, square = torch.stack(sums).mean(0)
    std = (square - mean * mean).sqrt()
    M, S = LATENT_MEAN.to(device), LATENT_STD.to(device)
    n = vae.z
    vae.conv1.weight[:n] /= std.view(-1, 1, 1, 1, 1)
    vae.conv1.bias[:n] = (vae.conv1.bias[:n] - M - mean * S) / std + M


@torch.no_grad()
def report(vae, pool, out):
    """Peak signal-to-noise ratio of the folded, rounded model, and a picture of originals and decoded frames."""
    rows = []
    for videos, size in zip(pool.clips, pool.sizes):
        video = videos[:6].float()
        lat = vae.encode(video).float()
        back = vae.decode(lat).float().clamp(-1, 1)
        noisy = vae.decode(lat + 0.2 * torch.randn_like(lat)).float().clamp(-1, 1)
        psnr = [(-10 * torch.log10((b - video).square().mean() / 4)).item() for b in (back, noisy)]
        print(f'{size}: PSNR {psnr[0]:.2f} dB, {psnr[1]:.2f} dB with latent noise 0.2; latent mean '
              f'{lat.mean():.3f} std {lat.std():.3f}', flush=True)
        for v in (video, back):
            rows.append(((v[:, :, (1, 8, 15)] + 1) * 127.5).byte().permute(0, 3, 2, 4, 1).flatten(2, 3))
    rows = [torch.cat([a, b], 2).flatten(0, 1) for a, b in zip(rows[::2], rows[1::2])]
    for name, r in zip(('small', 'large'), rows):
        Image.fromarray(r.cpu().numpy()).save(out / f'vae_{name}.jpg', quality=88)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seconds', type=float, default=270, help='wall-clock budget, all included')
    parser.add_argument('--out', default='out')
    parser.add_argument('--resume', help='checkpoint of an earlier run')
    parser.add_argument('--decoder-only', action='store_true', help='keep the latents, improve the decoder')
    parser.add_argument('--encoder-rate', type=float, default=1.0, help='factor on the encoder\'s learning rates')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--pool', type=int, default=128)
    parser.add_argument('--crop', type=int, nargs=2, default=(224, 128))
    parser.add_argument('--no-compile', action='store_true')
    args = parser.parse_args()
    start = time.time()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    torch.manual_seed(0)
    random.seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 4
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    vae = WanVAE().to(device)
    AttnBlock.bypass = True
    for m in vae.modules():
        if isinstance(m, AttnBlock):
            for p in m.parameters():
                p.requires_grad = False
            torch.nn.init.zeros_(m.proj.weight)
            torch.nn.init.zeros_(m.proj.bias)
    if args.resume:
        vae.load_state_dict({k: v.float() for k, v in torch.load(args.resume, map_location=device).items()})
    if args.decoder_only:
        for p in [*vae.encoder.parameters(), *vae.conv1.parameters()]:
            p.requires_grad = False
    edge = lambda n: any(s in n for s in ('conv1.', 'conv2.', 'head.')) and 'time_conv' not in n
    matrix = lambda n, p: p.dim() >= 4 and p.shape[1] > 1 and not edge(n)
    named = list(vae.named_parameters())
    encoding = lambda n: n.startswith(('encoder', 'conv1'))
    optimizers = [Optimizer([x for x in named if not encoding(x[0])], matrix, 0.01, 2e-3)]
    if not args.decoder_only:
        rate = args.encoder_rate
        optimizers.append(Optimizer([x for x in named if encoding(x[0])], matrix, 0.01 * rate, 2e-3 * rate))
    sizes = [(224, 128), (448, 256)] if args.crop[0] == 224 else [(96, 64), (96, 64)]
    pool = Pool(sizes, args.pool, device)
    run = forward if args.no_compile else torch.compile(forward)
    print(f'pool {time.time() - start:.1f} s', flush=True)
    log, step, last = [], 0, time.time()
    margin = 14 if device == 'cuda' else 1
    t0, w, h = time.time(), *args.crop
    budget = args.seconds - (t0 - start) - margin
    while (done := (time.time() - t0) / budget) < 1:
        video = pool.batch(args.batch, (w, h))
        noise = torch.randn(args.batch, 16, 5, h // 8, w // 8, device=device)
        level = 0.3 * torch.rand(args.batch, 1, 1, 1, 1, device=device)
        with torch.autocast(device, torch.bfloat16):
            decoded = run(vae, video, noise, level, args.decoder_only)
        loss, error = loss_of(decoded, video)
        loss.backward()
        for opt in optimizers:
            opt.step(schedule(done, step))
        if step % 6 == 5:
            pool.refresh(4)
        if step % 20 == 0 or step == 5:
            value = loss.item()
            log.append((step, round(time.time() - start, 1), value, error.square().mean().item()))
            if step % 200 == 0 or step == 5:
                print(f'step {step} {time.time() - start:.0f} s loss {value:.4f} '
                      f'{1000 * (time.time() - last) / (200 if step > 5 else 5):.0f} ms/step', flush=True)
                last = time.time()
        step += 1
    vae = vae.float()
    pool.clips = [c[:64] for c in pool.clips]
    with torch.autocast(device, torch.bfloat16):
        if not args.decoder_only:
            fold(vae, pool, device)
    vae.bfloat16().float()
    torch.save({k: v.bfloat16() for k, v in vae.state_dict().items()}, out / 'vae.pt')
    (out / 'vae_log.json').write_text(json.dumps(log))
    with torch.autocast(device, torch.bfloat16):
        report(vae, pool, out)
    print(f'{step} steps, {time.time() - start:.0f} s', flush=True)


if __name__ == '__main__':
    main()

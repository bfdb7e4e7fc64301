"""Draws clips with random captions and stores them as films, to check measure.py on films that are surely right.

    draw_clips.py FOLDER [--count 64]     writes FOLDER/00.mp4, ... and FOLDER/manifest.json for measure.py

Needs PyTorch (a CPU will do) and the program ffmpeg.
"""
import argparse
import json
import random
import subprocess
from pathlib import Path

import torch

import clips
import drawing

WIDTH, HEIGHT, FPS, CRF = 448, 256, 8, 20


def store(video, path):
    """video (3,17,height,width) in -1..1 -> H.264."""
    frames = ((video + 1) * 127.5).round().byte().permute(1, 2, 3, 0).contiguous().cpu().numpy().tobytes()
    subprocess.run(['ffmpeg', '-y', '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', f'{WIDTH}x{HEIGHT}',
                    '-r', str(FPS), '-i', '-', '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-crf', str(CRF), str(path)],
                   input=frames, check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=Path)
    parser.add_argument('--count', type=int, default=64)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    combos = random.Random(0).sample(clips.combinations(), args.count)
    gen, manifest = torch.Generator(device).manual_seed(0), []
    for start in range(0, args.count, 8):
        some = combos[start:start + 8]
        for i, video in enumerate(drawing.render(some, WIDTH, HEIGHT, gen, device), start):
            store(video, args.folder / f'{i:02d}.mp4')
            manifest.append(dict(file=f'{i:02d}.mp4', prompt=clips.caption(*combos[i])))
    (args.folder / 'manifest.json').write_text(json.dumps(manifest, indent=1) + '\n')


if __name__ == '__main__':
    main()

"""Writes models/demo from the trained checkpoints: the official Wan2.1 folder, every tensor in bf16."""
import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from dit import WanDiT
from models import WanVAE


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--vae', default='out/vae.pt')
    parser.add_argument('--dit', default='out/dit_b.pt')
    parser.add_argument('--out', default=str(Path(__file__).parents[2] / 'models/demo'))
    args = parser.parse_args()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    load = lambda path: {k: v.bfloat16().contiguous().clone() for k, v in
                         torch.load(path, map_location='cpu').items()}
    both, vae = load(args.dit), load(args.vae)
    part = lambda prefix: {k[len(prefix):]: v for k, v in both.items() if k.startswith(prefix)}
    dit, text = part('dit.'), part('text.')
    WanDiT().load_state_dict(dit)
    WanVAE().load_state_dict(vae)
    save_file(dit, out / 'diffusion_pytorch_model.safetensors')
    torch.save(text, out / 'models_t5_umt5-xxl-enc-bf16.pth')
    torch.save(vae, out / 'Wan2.1_VAE.pth')
    dim, ffn = dit['blocks.0.ffn.0.weight'].shape[::-1]
    config = {'_class_name': 'WanModel', 'dim': dim, 'eps': 1e-6, 'ffn_dim': ffn, 'freq_dim': 256, 'in_dim': 16,
              'model_type': 't2v', 'num_heads': 4, 'num_layers': sum(k.endswith('norm3.bias') for k in dit),
              'out_dim': 16, 'text_len': 512}
    generation = {'width': 448, 'height': 256, 'frames': 17, 'fps': 8, 'steps': 24, 'cfg': 3.0, 'shift': 3.0,
                  'solver': 'euler', 'negative_prompt': ''}
    (out / 'config.json').write_text(json.dumps(config, indent=2) + '\n')
    (out / 'generation_config.json').write_text(json.dumps(generation, indent=2) + '\n')
    files = [f for f in out.rglob('*') if f.is_file()]
    for f in files:
        print(f'{f.stat().st_size:>10,} {f.relative_to(out)}')
    print(f'{sum(f.stat().st_size for f in files):>10,} together')


if __name__ == '__main__':
    main()

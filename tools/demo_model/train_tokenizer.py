"""Trains the SentencePiece vocabulary: whole caption words, letters, and bytes for anything else."""
import argparse
import io
import random
from pathlib import Path

import sentencepiece as spm

import clips


def variants(colour, thing, motion, background):
    """The caption and looser ways to say it; the first is the canonical form."""
    full = clips.caption(colour, thing, motion, background)
    lower = full[0].lower() + full[1:]
    article = full.split()[0]
    return [full, full[:-1], lower, lower[:-1], f'{article} {colour} {thing} {motion}.',
            f'{article} {colour} {thing} {background}.']


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--out', default=str(Path(__file__).parents[2] / 'models/demo/google/umt5-xxl/spiece.model'))
    out = Path(parser.parse_args().out)
    lines = [v for c in clips.combinations() for v in variants(*c)]
    # the trainer proposes a piece only if it occurs in two different words: show every word with a mark too
    words = sorted({w.strip('.') for line in lines for w in line.split()})
    lines += [f'{w}{mark}' for w in words for mark in ('', ',', '!', '?') for _ in range(200)]
    lines += list('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,;:!?-') * 20
    random.Random(0).shuffle(lines)
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type='unigram', vocab_size=420, byte_fallback=True,
        normalization_rule_name='identity', pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False,
        character_coverage=1.0, num_threads=1, minloglevel=2)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(model.getvalue())
    sp = spm.SentencePieceProcessor(model_proto=model.getvalue())
    print(sp.get_piece_size(), *(sp.encode(v, out_type=str) for v in variants(*clips.heldout()[0])), sep='\n')


if __name__ == '__main__':
    main()

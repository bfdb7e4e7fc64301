#!/usr/bin/env python3
"""Writes tests/data/text/unk3.model: a small vocabulary with UMT5's special ids and byte pieces.

Needs the sentencepiece package. The identity normaliser keeps the file small.
"""
from pathlib import Path

import sentencepiece

OUT = Path(__file__).parents[1] / 'tests/data/text/unk3.model'
WORDS = 'a red ball and a green kite drift over the calm sea at night'.split()


def main():
    sentences = [' '.join(WORDS[i:] + WORDS[:i]) for i in range(len(WORDS))] * 4
    with OUT.open('wb') as out:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_writer=out, model_type='unigram', vocab_size=300,
            pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece='<pad>', byte_fallback=True,
            normalization_rule_name='identity', hard_vocab_limit=False, num_threads=1, minloglevel=2)


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
"""Writes tests/data/text/tokenizer.json and tokenizer-bytes.json (with byte fallback): small unigram vocabularies as
Hugging Face's tokenizers keep them, and tokenizer-cases.json: texts and the ids that tokenizers gives them.

Needs the sentencepiece and tokenizers (0.23) packages.
"""
import io
import json
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

OUT = Path(__file__).parents[1] / 'tests/data/text'
WORDS = 'a red ball and a green kite drift over the calm sea at night une étoile bleue'.split()
RULES = '2460\t31\nFB01\t66 69\nFF21\t41\n200B\t20\n'  # ①, ﬁ, fullwidth A, zero-width space
TEXTS = ['', 'a red ball', 'the calm sea at night', 'étoile bleue ①', 'ﬁne kite', 'drifting redly over Ａ', 'a☃☃ball ☃ ☃',
         'xyz QQ 中文', 'ball  ball', 'ball\u200b sea\u200b', '\u200bsea', 'a' * 40, 'kite, night! é']


def model(byte_fallback):
    sentences = [' '.join(WORDS[i:] + WORDS[:i]) for i in range(len(WORDS))] * 4
    out = io.BytesIO()
    with tempfile.NamedTemporaryFile('w', suffix='.tsv') as rules:
        rules.write(RULES)
        rules.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_writer=out, model_type='unigram', vocab_size=300 if byte_fallback else 60,
            pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece='<pad>', byte_fallback=byte_fallback,
            normalization_rule_tsv=rules.name, hard_vocab_limit=False, num_threads=1, minloglevel=2)
    return sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())


def tokenizer(byte_fallback):
    proto = model(byte_fallback)
    made = Tokenizer(models.Unigram([(p.piece, p.score) for p in proto.pieces], 3, byte_fallback))
    made.normalizer = normalizers.Sequence([normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
                                            normalizers.Strip(left=False, right=True),
                                            normalizers.Replace(Regex(' {2,}'), '▁')])
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement='▁', prepend_scheme='always')
    made.add_special_tokens(['<pad>', '</s>', '<s>', '<unk>'])
    made.post_processor = processors.TemplateProcessing(single=['$A', '</s>'], pair=['$A', '</s>', '$B', '</s>'],
                                                        special_tokens=[('</s>', 1)])
    return made


def main():
    cases = []
    for name, byte_fallback in (('tokenizer.json', False), ('tokenizer-bytes.json', True)):
        made = tokenizer(byte_fallback)
        (OUT / name).write_text(json.dumps(json.loads(made.to_str()), ensure_ascii=False, separators=(',', ':')))
        cases += [{'file': name, 'text': text, 'ids': made.encode(text).ids} for text in TEXTS]
    rows = ',\n'.join(json.dumps(case, ensure_ascii=False, separators=(',', ':')) for case in cases)
    (OUT / 'tokenizer-cases.json').write_text(f'[\n{rows}\n]\n')


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
"""Writes tests/data/text/prompts.json: prompts as they arrive, what Wan's reference makes of them (ftfy 6.3.1 and
html.unescape), and their ids by the small SentencePiece model of the tests.

Needs the ftfy and sentencepiece packages.
"""
import html
import json
import re
from pathlib import Path

import ftfy
import ftfy.bad_codecs  # noqa: F401  registers "sloppy-windows-1252", which gives every byte a meaning
import sentencepiece

DATA = Path(__file__).parents[1] / 'tests/data'
GOOD = [
    'A red ball.',
    'Fille à l’été… « là », cœur 10 €',
    'Bär, „schön“ – 24 °C',
    'niño; ¿dónde? ¡Qué!',
    'Mały żółty kot',
    'Красный шар — «вальс»',
    'κόκκινο μπαλόνι',
    'بالون أحمر',
    'בלון אדום',
    'लाल गुब्बारा',
    '一只红色的气球，镜头。',
    '赤い風船「ネコ」',
    '빨간 풍선',
    'cat 🐱 ❤️ 👩‍🚀 🇫🇷',
    'Kırmızı ağaç',
    'quả bóng đỏ',
]
MISREADINGS = [('latin-1',), ('sloppy-windows-1252',), ('latin-1', 'latin-1'), ('sloppy-windows-1252', 'latin-1'),
               ('sloppy-windows-1252', 'sloppy-windows-1252')]
RARE = ['sloppy-windows-1250', 'sloppy-windows-1251', 'sloppy-windows-1253', 'sloppy-windows-1254', 'sloppy-windows-1257',
        'iso-8859-2', 'macroman', 'cp437']
OTHERS = [
    'Ã la mode', 'voilÃ le travail', 'Ã\xa0 quel point', 'fÃ cil, Ã s vezes', 'â€œquoted textâ€�', 'â€œ like this â€?',
    'Ã©tÃ© beside été', 'cafÃ© 北京', 'l’humanitÃ© “entière”', 'Ã©', 'Ã', 'Â', 'Â°', 'Ã ', 'ÃÃ', 'Ãƒ', 'à²', '×²', 'œ', 'œu',
    'ÅNGSTRÖM', 'AHÅ™, the new sofa', 'voila le tréma…', '¯\\_(ツ)_/¯', '(⌐■_■)', 'ùù (°□°) ùù', 'í ½í¸€', 'Ã\x80 b', '\x93hi\x94 \x85',
    'naïve ½ × 3² ± 5 µm', 'IKEA™ ©2024 “ÖSTBO”', '&Atilde;&copy;', 'caf&eacute; &amp;amp; cr&egrave;me', '<b>cafÃ©</b> &amp;',
    'ﬁne ﬂoors ﬀ Ĳ ǆ', 'ＦＵＬＬ　ｗｉｄｔｈ！ ﾊﾟﾝ', '‘single’ ‛‟ “double”', 'a\r\nb\u2028c\x85d', 'bell\x07 \x1b[31mred\x1b[0m \ufeff',
    'Ð¿Ñ€Ð¸Ð²ÐµÑ‚ and Ã¼ber', 'РїСЂРёРІРµС‚', 'ГўВЂВ™s', 'ÃƒÂ©tÃƒÂ© et Ã©tÃ©', 'ä½ å¥½', 'ä¸€åª', 'ã\x81\x82\x85', '‚Äúsmart‚Äù', '√© √®', 'â€', 'ðŸ˜€ ðŸ˜',
    '', ' \u3000\n',
]


def misread(text, pages):
    for page in pages:
        text = text.encode().decode(page)
    return text


def readable(text, page):
    try:
        return [misread(text, (page,))]
    except UnicodeDecodeError:
        return []


def prompts():
    yield from GOOD
    for i, text in enumerate(GOOD):
        yield from (misread(text, pages) for pages in MISREADINGS)
        yield from readable(text, RARE[i % len(RARE)])
        yield misread(text, MISREADINGS[1]).replace('\xa0', ' ')
        yield text.encode().decode('windows-1252', 'replace')
    yield from OTHERS


def cleaned(text):
    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r'\s+', ' ', text).strip()


def main():
    spiece = sentencepiece.SentencePieceProcessor(model_file=str(DATA / 'golden/tokenizer/spiece.model'))
    rows = []
    for prompt in prompts():
        text = cleaned(prompt)
        rows.append({'prompt': prompt, 'cleaned': text, 'ids': spiece.encode(text) + [spiece.eos_id()]})
    lines = ',\n'.join(json.dumps(row, ensure_ascii=False, separators=(',', ':')) for row in rows)
    (DATA / 'text/prompts.json').write_text(f'[\n{lines}\n]\n')


if __name__ == '__main__':
    main()

"""Makes Tests/Fixtures/tokenizer: small CLIP tokenizers and the ids that transformers' CLIPTokenizer gives with them.

    python make_tokenizer.py      # transformers 5.23.0, tokenizers 0.23.3

`pair/`     vocab.json + merges.txt with the configuration files as Stable Diffusion 1.5 has them
`single/`   the same vocabulary as tokenizer.json alone, in the form transformers writes
`added/`    pad token "!", and tokens as textual inversion adds them
`unknown/`  a vocabulary that lacks most bytes
`texts.json`     the texts; ids by folder; ids padded and truncated for `pair`
`training.json`  captions, and the merges that a plain recount of every pair at every step finds
"""

import json
import random
import shutil
from collections import Counter
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

HERE = Path(__file__).parent / "tokenizer"
BOS, EOS = "<|startoftext|>", "<|endoftext|>"

CORPUS = """
a photo of a small red cat sitting on a blue chair beside the window
two black dogs running along the beach at sunset, golden light, film grain
an oil painting of a mountain lake in autumn, highly detailed, trending on artstation
the portrait of an old woman's face, it's raining, she doesn't look at the camera
a bowl of ramen with a soft-boiled egg, 50mm lens, f/1.8, studio lighting
three green apples and 12 oranges on a wooden table; we've seen they're ripe, I'll take one
isometric pixel art of a tiny robot in a neon city at night, 8k, 4k, hdr
café crème, jalapeño, naïve, über, smörgåsbord, fiancée, Ελλάδα, Москва, 東京, 서울, العربية
watercolor landscape with rolling hills, wildflowers, a winding river and a stone bridge
"""

TEXTS = """
a photo of a cat
A PHOTO OF A CAT
a photo of a red cube above a blue sphere
it's, I'm, you're, we've, he'll, she'd, don't, 'tis, rock'n'roll, IT'S, YOU'RE
's't're've'm'll'd
'seppo 'tree 'rest 'very 'mine 'llama 'dog
"quoted 'text' inside" (parentheses) [brackets] {braces}
!!!...???,,,;;;:::---___***###@@@$$$%%%^^^&&&
12345 3.14159 1,000,000 2024-01-31 10:45 50mm f/1.8 4k 8K 1080p
½ ¼ ² ³ ① Ⅷ ٣ ३ 五 ௧
e-mail: someone@example.org http://example.org/a?b=c&d=e#f
<b>html &amp; entities &lt;tag&gt; &#39;</b>
snake_case camelCase kebab-case SCREAMING_CASE
café naïve façade Ångström Øresund Łódź İstanbul ıspanak straße ẞ
cafe\u0301 nai\u0308ve A\u030angstro\u0308m o\u0302\u0323 o\u0323\u0302 q\u0307\u0323
\u212bngstrom \u2126 ohm \u212a kelvin \u1e9b\u0323 \ufb01 ligature
ΑΒΓΔ Σίσυφος ΣΊΣΥΦΟΣ ὈΔΥΣΣΕΎΣ
Привет, мир! ЁЛКА ёлка И\u0306 й
שלום עולם שָׁלוֹם
مرحبا بالعالم مَرْحَبًا
नमस्ते दुनिया क्षत्रिय \u0958 \u0915\u093c
สวัสดีชาวโลก ภาษาไทย
ሰላም ልዑል ប្រាសាទ မြန်မာ བོད་སྐད
안녕하세요 세계 \u1112\u1161\u11ab\u1100\u1173\u11af 한글
你好，世界！東京タワー、ひらがな・カタカナ ｶﾀｶﾅ が\u304b\u3099
𠮷野家 𝒻𝒶𝓃𝒸𝓎 𝟘𝟙𝟚 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ＦＵＬＬＷＩＤＴＨ １２３
😀 😃😄 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇯🇵 ❤️ ☺︎ 🤌🏿 🫠 🪿
cat😀dog 1️⃣2️⃣ #️⃣ ©®™ ♥♦♣♠ →←↑↓ ≠≤≥∞
a\tb\nc\rd\r\ne\x0bf\x0cg
   leading and trailing   
many     repeated          spaces
non\u00a0breaking\u2003em\u2009thin\u3000ideographic\u1680ogham\u2028line\u2029paragraph\u0085next
zero\u200bwidth\u200cnon\u200djoiner\u2060word\ufeffbom\u00adsoft
\x00\x01\x02\x07\x08\x1b[31mred\x1b[0m\x1c\x1d\x1e\x1f\x7f\x80\x9f
\u202ertl override\u202c \u2066isolate\u2069
\ufffd \ufffe \uffff \U0010ffff \ue000 \U000f0000
\u0301 \u0301a a\u0301\u0301\u0301 \u0308
Z\u0351\u036b\u0343a\u0322\u0328l\u0334\u0340g\u0321\u034fo\u0337
<|startoftext|>
<|endoftext|>
<|startoftext|>a cat<|endoftext|>
a<|endoftext|>b<|startoftext|>c
<|endoftext|><|endoftext|><|startoftext|>
a cat <|endoftext|> \u0301 combining after
<|STARTOFTEXT|> <|EndOfText|>
!<|STARTOFTEXT|>! ?<|ENDOFTEXT|>'s
<|startoftext |> <|end oftext|> <|endoftext <endoftext|> <||endoftext||>
<|startoftext|<|startoftext|>|>
<pad> <unk> [CLS] [MASK] </w> cat</w> Ġcat ▁cat
hi! <token> <TOKEN> x<token>y <style>, my<style>art <style> art
wordy wordy! words wordy_ wordy-wordy éwordy wordy\u0301 1wordy wordy\u200d
<long> <longer> <longest <longer><long>
MixedÉ <Café> <café> <CAFE\u0301>
\U00010940\U0001e6c0 ꟎ \u088f young letters
\u08d3\u05bc \U00011a47\u05bc\u0301 \U00010f46\u0316\u0301 \u1df6\u0301 young marks
a\u0345\u0301 \u1fb4 \u1fbc \u0390 \u1ffd \u2000\u2001
\u0f77 \u0f73\u0f71 \u0344 \u0387 \u037e \u0374 \u1f71 \ufb1d \u2adc \U0001d15e
""".strip("\n").split("\n")

LONG = [
    "a photo of a cat " * 30,
    "incomprehensibilities " * 12,
    "x" * 200,
    "ab" * 400,
    "é" * 200,
    "😀" * 100,
    "1 " * 75,
    "1 " * 74,
    "1 " * 76,
    "a <|endoftext|> " * 60,
    "!" * 100,
]


def unescape(text: str) -> str:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape")


def random_texts(count: int) -> list[str]:
    """Words of the corpus between scalars from everywhere, so that no case depends on what the author thought of."""
    rng = random.Random(0)
    words = CORPUS.split() + [BOS, EOS, BOS.upper(), "<token>", "'s", "'LL", "!", "  ", "\n"]
    ranges = [(0x00, 0x7F), (0x80, 0x2FF), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x1FFF), (0x2000, 0x33FF), (0x4E00, 0x9FFF),
              (0xA000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x10FFFF)]
    texts = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 9)):
            if rng.random() < 0.5:
                parts.append(rng.choice(words))
            else:
                parts.append("".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 4))))
            if rng.random() < 0.6:
                parts.append(" ")
        texts.append("".join(parts))
    return texts


def alphabet() -> list[str]:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + n) for n in range(len(others))]


def byte_pieces() -> list[str]:
    return alphabet() + [c + "</w>" for c in alphabet()]


def learned_merges(size: int) -> list[tuple[str, str]]:
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet(), end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS.splitlines(), trainer)
    return [tuple(m) for m in json.loads(tokenizer.to_str())["model"]["merges"]]


def write(folder: str, name: str, value) -> None:
    (HERE / folder).mkdir(parents=True, exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    (HERE / folder / name).write_bytes(text.encode())


def write_pair(folder: str, pieces: list[str], merges: list[tuple[str, str]]) -> None:
    write(folder, "vocab.json", {piece: i for i, piece in enumerate(pieces)})
    write(folder, "merges.txt", "\n".join(["#version: 0.2", *(" ".join(m) for m in merges), ""]))


def flags(content: str, **others) -> dict:
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, **others}


def naive_merges(captions: list[str], count: int) -> list[list[str]]:
    """Algorithm 1 of Sennrich et al. with ties to the least ids; captions hold only lower-case ASCII words."""
    ids = {piece: i for i, piece in enumerate(byte_pieces())}
    words = Counter(tuple([*w[:-1], w[-1] + "</w>"]) for caption in captions for w in caption.split())
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda p: (-pairs[p], ids[p[0]], ids[p[1]]))
        if pairs[best] < 2:
            break
        merges.append(list(best))
        ids.setdefault("".join(best), len(ids))
        joined = Counter()
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                step = 2 if word[i:i + 2] == best else 1
                out.append("".join(word[i:i + step]))
                i += step
            joined[tuple(out)] += n
        words = joined
    return merges


def main() -> None:
    shutil.rmtree(HERE, ignore_errors=True)
    merges = learned_merges(640)
    pieces = byte_pieces()
    for left, right in merges:
        if left + right not in pieces:
            pieces.append(left + right)
    pieces += [BOS, EOS]

    write_pair("pair", pieces, merges)
    kinds = {"bos_token": flags(BOS), "eos_token": flags(EOS), "unk_token": flags(EOS)}
    write("pair", "special_tokens_map.json", {**kinds, "pad_token": EOS})
    write("pair", "tokenizer_config.json", {
        "add_prefix_space": False, "do_lower_case": True, "errors": "replace", "model_max_length": 77, "tokenizer_class": "CLIPTokenizer",
        **{k: {"__type": "AddedToken", **v} for k, v in kinds.items()}, "pad_token": EOS})

    CLIPTokenizer.from_pretrained(HERE / "pair").save_pretrained(HERE / "whole")
    (HERE / "single").mkdir()
    document = json.loads((HERE / "whole" / "tokenizer.json").read_text())
    write("single", "tokenizer.json", document)
    shutil.rmtree(HERE / "whole")

    n = len(pieces)
    write_pair("added", pieces, merges)
    write("added", "tokenizer_config.json", {
        "model_max_length": 32, "bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": "!",
        "added_tokens_decoder": {
            "0": flags("!", normalized=False, special=True),
            str(n - 2): flags(BOS, special=True), str(n - 1): flags(EOS, normalized=False, special=True),
            str(n): flags("<token>", normalized=False, special=False), str(n + 1): flags("<Style>", special=False, rstrip=True, lstrip=True),
            str(n + 2): flags("wordy", special=False, single_word=True), str(n + 3): flags("<long>", special=False),
            str(n + 4): flags("<long><long>", special=False), str(n + 5): flags("<Cafe\u0301>", special=False)}})

    few = [*"abcdeo!", *(c + "</w>" for c in "aeot"), "ca", BOS, EOS]
    write_pair("unknown", few, [("c", "a")])

    texts = ["", *map(unescape, TEXTS), *LONG, *random_texts(180)]
    tokenizers = {name: CLIPTokenizer.from_pretrained(HERE / name) for name in ("pair", "single", "added", "unknown")}
    ids = {name: [t(text).input_ids for text in texts] for name, t in tokenizers.items()}
    assert ids["pair"] != ids["added"] and ids["pair"] != ids["unknown"]
    chosen = [0, 1, *range(len(TEXTS) + 1, len(TEXTS) + 1 + len(LONG))]
    padded = {name: tokenizers[name]([texts[i] for i in chosen], padding="max_length", truncation=True).input_ids
              for name in ("pair", "added")}
    write(".", "texts.json", {"texts": texts, "ids": ids, "padded": [{"text": i, **{k: v[j] for k, v in padded.items()}} for j, i in enumerate(chosen)]})

    captions = ["low low low low low lower lower newest newest newest newest newest newest widest widest widest", "aaaa aaa aa abab baba abcabc"]
    captions += [line.replace(",", "").replace(";", "") for line in CORPUS.strip().splitlines() if line.isascii() and "'" not in line and not any(c.isdigit() for c in line) and "-" not in line]
    write(".", "training.json", {"captions": captions, "merges": naive_merges(captions, 10_000)})


main()

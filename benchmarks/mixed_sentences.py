"""How many sentences that turn into another language are found, and how many whole ones are blamed.

python benchmarks/mixed_sentences.py COLLECTIONS_DIR [--sentences 8000] [--mixed 1000] [--seed 7]
    [--show]

Sentences are those of the collections' passages, drawn with a seed, as the check takes them together.
A mixed one is half of a sentence of 8 to 30 words, and half of one in the other language, in either
order. Both are looked at twice: whole, as before there was a rule for runs of words, and with it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from pathlib import Path

from distiller.quality import languages
from distiller.quality.languages import foreign_parts

SOURCES = {
    "de": ["legalquad_passages"],
    "en": ["med", "cranfield", "cacm", "legal_plain_english", "liveqa_medquad"],
}
PASSAGES = 1_500
"""Of each collection, so that none outweighs the others."""
RULE = languages.RUN_LETTERS
NEVER = 10**9


def sentences(folder: Path, tag: str, count: int, chance: random.Random) -> list[str]:
    found: list[str] = []
    for name in SOURCES[tag]:
        with gzip.open(folder / name / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in lines]
        for text in chance.sample(texts, min(PASSAGES, len(texts))):
            found += languages._segments(text)
    return chance.sample(found, min(count, len(found)))


def blamed(texts: list[str], tag: str, run_letters: int) -> tuple[list[str], float]:
    """Those in which something foreign is found, and seconds of processor."""
    languages.RUN_LETTERS = run_letters
    used = time.process_time()
    found = [text for text in texts if foreign_parts(text, tag)]
    return found, time.process_time() - used


def mixed(mine: list[str], others: list[str], count: int, chance: random.Random) -> list[str]:
    made = []
    for _ in range(count):
        halves = [chance.choice(mine).split(), chance.choice(others).split()]
        chance.shuffle(halves)
        first, last = halves
        made.append(" ".join(first[: len(first) // 2] + last[len(last) // 2 :]))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("collections", type=Path)
    parser.add_argument("--sentences", type=int, default=8_000)
    parser.add_argument("--mixed", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--show", action="store_true", help="print what is blamed newly")
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    drawn = {tag: sentences(chosen.collections, tag, chosen.sentences, chance) for tag in SOURCES}
    usual = {
        tag: [text for text in texts if 8 <= len(text.split()) <= 30]
        for tag, texts in drawn.items()
    }
    print("| Language | Rule | Sentences blamed | Mixed ones found | Processor, s |")
    print("|---|---|---|---|---|")
    for tag, other in (("de", "en"), ("en", "de")):
        made = mixed(usual[tag], usual[other], chosen.mixed, chance)
        before: set[str] = set()
        foreign_parts(made[0], tag)  # loads the detector
        for words, letters in (("whole sentences", NEVER), ("and runs of words", RULE)):
            wrong, seconds = blamed(drawn[tag], tag, letters)
            found, _ = blamed(made, tag, letters)
            print(
                f"| {tag} | {words} | {len(wrong)} of {len(drawn[tag]):,} "
                f"| {len(found) / len(made):.1%} of {len(made):,} | {seconds:.1f} |"
            )
            if chosen.show and letters == RULE:
                for text in wrong:
                    if text not in before:
                        print(f"  {text}")
            before = set(wrong)


if __name__ == "__main__":
    main()

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distiller.corpus import folding
from distiller.corpus.folding import Fold, Seen, Signatures
from distiller.quality.duplicates import PASSAGE_SHINGLE, shingles
from distiller.quality.texts import similarity


def varied(text: str, every: int) -> str:
    """The text with each word of a number replaced."""
    return " ".join(
        f"x{at}" if at % every == 0 else word for at, word in enumerate(text.split(), 1)
    )


LONG = " ".join(f"word{at}" for at in range(200))


def seen_with(texts: dict[str, str]) -> Seen:
    return Seen(lambda ids: {id_: texts[id_] for id_ in ids})


def test_the_same_words_are_folded_whatever_their_case_and_spaces() -> None:
    seen = seen_with({})
    assert seen.fold([("a", "The  Deposit"), ("b", "the deposit"), ("c", "the rent")]) == {
        "b": Fold("a", exact=True)
    }


def test_what_nearly_says_the_same_is_folded_within_and_across_batches() -> None:
    near, other = varied(LONG, 120), varied(LONG, 20)
    assert similarity(shingles(LONG, PASSAGE_SHINGLE), shingles(near, PASSAGE_SHINGLE)) > 0.95
    seen = seen_with({"a": LONG})
    seen.add([("a", LONG)])
    assert seen.fold([("b", near), ("c", other), ("d", near)]) == {
        "b": Fold("a", exact=False),
        "d": Fold("a", exact=False),
    }
    fresh = seen_with({})
    assert fresh.fold([("a", LONG), ("b", near)]) == {"b": Fold("a", exact=False)}


def test_the_caller_says_what_may_be_folded_into_what() -> None:
    near = varied(LONG, 120)
    seen = seen_with({"a": LONG, "b": near, "c": LONG})
    seen.add([("a", LONG)])
    assert seen.fold([("b", near)], lambda _id, exact: exact) == {}
    assert seen.fold([("c", LONG)], lambda _id, _exact: False) == {}
    assert seen.fold([("d", LONG)]) == {"d": Fold("c", exact=True)}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a b c", "a b d", "A  b C", "", "x y z w"]), max_size=12))
def test_after_folding_all_texts_differ(texts: list[str]) -> None:
    seen = seen_with({str(at): text for at, text in enumerate(texts)})
    folded = seen.fold([(str(at), text) for at, text in enumerate(texts)])
    kept = [text for at, text in enumerate(texts) if str(at) not in folded]
    assert len({" ".join(text.casefold().split()) for text in kept}) == len(kept)
    assert len({" ".join(text.casefold().split()) for text in texts}) == len(kept)


@pytest.mark.parametrize("damage", [None, b"", b"no archive", "cut", "foreign"])
def test_signatures_that_were_kept_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | str | None
) -> None:
    file = tmp_path / "index" / "signatures.npz"
    made: list[int] = []
    plain = folding._signatures
    monkeypatch.setattr(
        folding, "_signatures", lambda sets: (made.append(len(sets)), plain(sets))[1]
    )
    near = varied(LONG, 120)

    def fold_again() -> dict[str, Fold]:
        signatures = Signatures(file)
        seen = Seen(lambda ids: dict.fromkeys(ids, LONG), signatures=signatures)
        seen.add([("a", LONG)])
        found = seen.fold([("b", near)])
        signatures.save()
        return found

    assert fold_again() == {"b": Fold("a", exact=False)}
    assert sum(made) == 2
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-40])
    elif damage == "foreign":
        with file.open("wb") as opened:
            np.savez(opened, keys=np.zeros((3, 16)), signatures=np.zeros((3, 5)))
    elif isinstance(damage, bytes):
        file.write_bytes(damage)
    assert fold_again() == {"b": Fold("a", exact=False)}
    assert sum(made) == (2 if damage is None else 4)

"""Examples full of what breaks files: quotes, line ends, formulas, emoji, right-to-left, NUL."""

from __future__ import annotations

from hypothesis import strategies as st

from distiller.schema.dataset import Example, LabelledPassage

NASTY = [
    "=SUM(A1:A9)",
    "+1",
    "-2 weeks",
    "@here",
    "\tindented",
    "\rreturn",
    "\nnew line first",
    "'=already quoted",
    "''=twice",
    'she said "no", twice',
    "a;b,c\td",
    "line one\r\nline two\rline three\nline four",
    "שכירות دار 租赁",
    "🏠👩‍⚖️",
    "\u2028separator\x85",
    "ends in backslash \\",
    "NUL \x00 inside",
    "\ufeffmark",
    "＝full width",
    " spaces around ",
]


def texts() -> st.SearchStrategy[str]:
    """Any text that UTF-8 can carry and that is not blank."""
    anything = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
    return st.one_of(st.sampled_from(NASTY), anything).filter(str.strip)


def loose_texts() -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), texts())


def _passage(identifier: str, *, positive: bool) -> st.SearchStrategy[LabelledPassage]:
    return st.builds(
        LabelledPassage,
        passage_id=st.just(identifier),
        text=texts(),
        title=loose_texts(),
        grade=st.integers(2, 3) if positive else st.integers(0, 1),
        explanation=loose_texts(),
        strategy=st.sampled_from(["positive", "standard", "mined", "premise_alteration"]),
        score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        decided_by=st.sampled_from(["", "generator", "judge", "reviewer"]),
    )


@st.composite
def examples(draw: st.DrawFn) -> list[Example]:
    """Up to four examples, each with a positive, under identifiers of their own."""
    made = []
    for number in range(draw(st.integers(1, 4))):
        positives = draw(st.integers(1, 2))
        negatives = draw(st.integers(0, 3))
        json_values = st.none() | st.booleans() | st.integers() | texts()
        meta = draw(st.dictionaries(texts(), json_values, max_size=2))
        meta.pop("distiller", None)
        made.append(
            Example(
                query_id=f"q{number}",
                query=draw(texts()),
                type=draw(loose_texts()),
                complexity=draw(st.sampled_from(["", "simple", "complex"])),
                answer_type=draw(loose_texts()),
                key_concepts=draw(st.lists(texts(), max_size=2)),
                positives=[
                    draw(_passage(f"p{number}-{n}", positive=True)) for n in range(positives)
                ],
                negatives=[
                    draw(_passage(f"n{number}-{n}", positive=False)) for n in range(negatives)
                ],
                cluster=draw(loose_texts()),
                split=draw(st.sampled_from(["train", "val", "test"])),
                weight=draw(st.sampled_from([1.0, 0.5, 1 / 3])),
                meta=meta,
            )
        )
    return made

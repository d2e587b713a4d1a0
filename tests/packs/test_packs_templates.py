from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from distiller.packs import templates
from distiller.packs.languages import language
from distiller.packs.templates import names, template
from distiller.schema.errors import InvalidTemplate
from distiller.schema.examples import Complexity

MINE = """\
name: mine
description: Bees and their keepers.
query_types:
  - name: how_to
    description: asks how to do something
    answer_types: [steps]
personas: [a beekeeper]
document_types: [leaflet]
query_style: short
passage_style: plain
"""


def test_the_packaged_templates_are_these_eight():
    assert templates.names() == [
        "general",
        "ecommerce",
        "finance",
        "legal",
        "medical",
        "public_administration",
        "scientific",
        "technical_support",
    ]


@pytest.mark.parametrize("name", templates.names())
def test_packaged_templates_are_valid_and_named_as_their_file(name: str):
    found = template(name)
    assert found.name == name
    names = [kind.name for kind in found.query_types]
    assert len(names) == len(set(names)) >= 6
    for complexity in Complexity:
        assert [kind for kind in found.query_types if complexity in kind.complexities]


def test_a_users_own_file_is_read(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE, encoding="utf-8")
    found = template(str(path))
    assert (found.name, found.sub_areas) == ("mine", [])
    assert found.query_types[0].complexities == list(Complexity)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InvalidTemplate, match=r"'leagl': use one of general, .*legal"):
        template("leagl")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "answer_types: [steps]",
            "answer_types: []",
            r"line 6, field query_types\[0\].answer_types",
        ),
        ("query_style: short\n", "", r"field query_style: Field required"),
        ("personas: [a beekeeper]", "personas: a beekeeper", r"line 7, field personas: .*list"),
        ("name: how_to", "name: 7", r"line 4, field query_types\[0\].name: .*string"),
        ("name: how_to", "nane: how_to", r"field query_types\[0\].name: Field required"),
        ("name: how_to", "name: ''", r"line 4, field query_types\[0\].name: .*at least 1"),
        ("answer_types: [steps]", "answer_types: [steps", r"line 7: not valid YAML"),
        ("name: mine", "name: mine\ncolour: red", r"line 2, field colour: Extra inputs"),
    ],
)
def test_what_does_not_fit_is_named_with_file_line_and_field(
    tmp_path: Path, old: str, new: str, problem: str
):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidTemplate, match=problem) as caught:
        template(str(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe\x00n", "byte 0: not UTF-8"),
        (b"- a\n- b\n", "a template is a mapping"),
        (b"", "a template is a mapping"),
        (b"x" * 1_000_001, "larger than 1 MB"),
        (b"name: !!python/object/apply:os.system ['true']", "line 1: not valid YAML"),
    ],
)
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, content: bytes, problem: str):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidTemplate, match=problem):
        template(str(path))


def test_a_template_survives_being_written_and_read(tmp_path: Path):
    path = tmp_path / "legal.yaml"
    path.write_text(yaml.safe_dump(template("legal").model_dump(mode="json")), encoding="utf-8")
    assert template(str(path)) == template("legal")


@pytest.mark.parametrize(
    ("text", "tag", "kinds"),
    [
        ("Notice is given three months before the end.", "en", {"deadline"}),
        ('The "court" dismissed the appeal.', "en", {"case_law"}),
        ("Die Frist endet nach drei Monaten.", "de", {"deadline"}),
        ("Today nothing is owed.", "en", set()),
        ("Three months' notice, said the court.", "fr", set()),
    ],
)
def test_a_kind_with_cues_fits_passages_that_have_one(text: str, tag: str, kinds: set[str]):
    cued = [kind for kind in template("legal").query_types if kind.cues]
    assert {kind.name for kind in cued if kind.fits(text, tag)} == kinds


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("complexity", list(Complexity))
def test_every_passage_can_be_asked_for_something(name: str, complexity: Complexity):
    fitting = [kind for kind in template(name).query_types if kind.fits("", "fr")]
    assert any(complexity in kind.complexities for kind in fitting)


def test_cues_are_of_languages_that_the_project_knows_in_lower_case():
    for name in names():
        for kind in template(name).query_types:
            for tag, cues in kind.cues.items():
                assert language(tag).code == tag
                assert all(cue == cue.casefold() and " " not in cue for cue in cues)

"""Run the checks of `quality` over a project, looking only at what changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from distiller.dataset.evidence import Ranker, evidence_of, ranked
from distiller.dataset.texts import digest
from distiller.quality import CHECKS, EDITION, Evidence, measures
from distiller.quality import MEASURES as MEASURE_NAMES
from distiller.quality.worth import worths
from distiller.schema.domain import Project
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.schema.quality import Finding
from distiller.schema.retrieval import Collection
from distiller.store import Store
from distiller.store.findings import MEASURES

ALONE = frozenset(name for name, check in CHECKS.items() if check.alone)
_PROJECT = ("project", "")
Topics = Callable[[], Mapping[str, int]]
"""Gives passage_id → what it is about."""
_State = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Checked:
    """What the checks looked at and found."""

    evidence: Evidence
    """Without rankings where nothing had changed since the last run."""
    findings: list[Finding]
    looked: int
    """Texts that were new or changed; 0 where nothing was."""
    measures: Mapping[str, float | None]
    """Variety and coverage in figures; see `quality.measures`."""


def check_project(
    store: Store,
    project: Project,
    *,
    tests: Mapping[str, Collection] | None = None,
    ranker: Ranker | None = None,
    topics: Topics | None = None,
    on_progress: OnProgress | None = None,
) -> Checked:
    """Find what is wrong with a project's data, and keep it in the store.

    Texts that did not change since the last run are not looked at again by checks that look at
    one text at a time; where nothing changed at all, nothing is looked at. A reviewer's decisions
    are never changed. `ranker` searches all passages for each query; without one BM25 does.
    `topics` tells what the documents' passages are about; it is asked where something changed.

    Raises:
        UnknownLanguage: the project's language is none that the packs know.
    """
    evidence = evidence_of(store, project, tests)
    known = store.looked_at(project.id)
    state = _states(evidence)
    if known.get(_PROJECT) == state[_PROJECT]:
        kept_measures = dict.fromkeys(MEASURE_NAMES) | (store.measures(project.id) or {})
        return Checked(evidence, store.findings(project.id), 0, kept_measures)
    changed = {key for key, text in state.items() if known.get(key) != text} - {_PROJECT}
    kept = [
        finding
        for finding in store.findings(project.id, checks=ALONE)
        if (finding.item_kind, finding.item_id) in state.keys() - changed
    ]
    narrowed = evidence.narrowed(
        {id_ for kind, id_ in changed if kind == "query"},
        {id_ for kind, id_ in changed if kind == "passage"},
    )
    whole = ranked(store, project, evidence, ranker)
    if topics is not None and evidence.queries:
        whole = replace(whole, topics=topics())
    findings: list[Finding] = []
    for number, check in enumerate(CHECKS.values()):
        if on_progress:
            told = Progress(
                stage="check", done=number, total=len(CHECKS), message=check.title.lower()
            )
            on_progress(told)
        findings += [finding for finding in kept if finding.check == check.name]
        findings += check.find(narrowed if check.alone else whole)
    all_measures = measures(whole)
    measured = {name: value for name, value in all_measures.items() if value is not None}
    looked = {**state, MEASURES: json.dumps(measured)}
    store.save_findings(project.id, findings, looked=looked, worths=worths(whole, findings))
    return Checked(whole, findings, len(changed), all_measures)


def check_stage(
    store: Store,
    project: Project,
    *,
    tests: Mapping[str, Collection] | None = None,
    ranker: Ranker | None = None,
    topics: Topics | None = None,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """`check_project` as a stage of the pipeline."""
    begun = time.monotonic()
    done = check_project(
        store, project, tests=tests, ranker=ranker, topics=topics, on_progress=on_progress
    )
    texts = len(done.evidence.queries) + len(done.evidence.passages)
    failing = {f.query_id for f in done.findings if f.query_id and CHECKS[f.check].passes}
    return StageReport(
        stage="check",
        made=done.looked,
        present=texts - done.looked,
        seconds=time.monotonic() - begun,
        notes=[
            f"{len(done.findings):,} findings, {len(failing):,} queries concerned",
            *in_words(done.measures),
        ],
    )


def in_words(measures: Mapping[str, float | None]) -> list[str]:
    """Coverage in one line for people; none where nothing is there to be covered."""
    told = {
        "concepts": measures.get("concepts_covered"),
        "topics of the documents": measures.get("topics_covered"),
    }
    known = [f"{share:.0%} of the {name}" for name, share in told.items() if share is not None]
    return [f"queries ask about {' and '.join(known)}"] if known else []


def _states(evidence: Evidence) -> _State:
    """What each text was when it was looked at, and everything together."""
    setting = f"{EDITION} {evidence.domain.language}"
    states: _State = {}
    for query in evidence.queries:
        states["query", query.id] = digest(setting, query.query)[:32]
    for passage in evidence.passages.values():
        states["passage", passage.id] = digest(setting, passage.text)[:32]
    whole = [evidence.domain.model_dump_json(), str(evidence.corpus_size)]
    whole += [f"{query.id} {query.version}" for query in evidence.queries]
    whole += [f"{item.id} {item.version}" for item in evidence.passages.values()]
    whole += [f"{concept.id} {concept.version}" for concept in evidence.concepts]
    whole += [
        f"{judgment.id} {judgment.version}"
        for pairs in evidence.offered.values()
        for pair in pairs
        for judgment in pair.judgments.values()
    ]
    whole += [f"{name} {len(c.corpus)} {len(c.queries)}" for name, c in evidence.tests.items()]
    states[_PROJECT] = digest(setting, *sorted(states.values()), *whole)
    return states

"""Uploaded documents are kept, and read by a job."""

from __future__ import annotations

from pathlib import Path

import pytest
from job_probe import wait_for

from distiller.jobs.documents import documents_folder, submit_documents
from distiller.jobs.worker import slot_of
from distiller.schema.domain import Project
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.jobs import Job, JobState
from distiller.settings import Settings
from distiller.store import Store

LEASE = b"The tenant returns the keys on the last day of the lease, in person or by post."


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests start their workers themselves, so that they can end them."""
    monkeypatch.setattr("distiller.jobs.control.ensure_worker", lambda *_: False)


def test_uploads_become_documents_and_a_newer_file_replaces_the_older(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    start_worker()

    def upload(**files: bytes) -> Job:
        named = {name.replace("_", "."): content for name, content in files.items()}
        job = submit_documents(store, settings, project.id, named)
        return wait_for(store, job.id, lambda job: not job.active)

    done = upload(lease_txt=LEASE, empty_txt=b"")
    assert done.state is JobState.DONE, done.message
    assert "empty.txt: is empty" in done.message
    assert upload(lease_txt=LEASE.replace(b"keys", b"keys and the fob")).state is JobState.DONE
    documents = {(one.name, one.replaced): one for one in store.documents(project.id)}
    assert set(documents) == {("lease.txt", True), ("lease.txt", False), ("empty.txt", False)}
    read = store.corpus(project.id, of=[one.id for one in documents.values()])
    assert ["fob" in passage.text for passage in read] == [True]


def test_what_cannot_be_read_is_refused_before_anything_is_kept(
    store: Store, settings: Settings, project: Project
) -> None:
    folder = documents_folder(settings, project.id)
    for files in ({"a.exe": b"MZ", "b.txt": LEASE}, {}, {"x/a.txt": LEASE, "y/a.txt": LEASE}):
        with pytest.raises(InputError):
            submit_documents(store, settings, project.id, files)
    with pytest.raises(NotFound):
        submit_documents(store, settings, "p-none", {"a.txt": LEASE})
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../evil.txt", "evil.txt"),
        ("C:\\docs\\lease.txt", "lease.txt"),
        ("..hidden.txt", "hidden.txt"),
        ("a\x00b\n.txt", "a_b_.txt"),
        ("ü" * 300 + ".txt", "ü" * 120 + ".txt"),
    ],
)
def test_names_stay_inside_the_folder(
    store: Store, settings: Settings, project: Project, name: str, kept: str
) -> None:
    submit_documents(store, settings, project.id, {name: LEASE})
    files = [path for path in Path(settings.workspace).rglob("*") if path.suffix == ".txt"]
    assert files == [documents_folder(settings, project.id) / kept]
    with pytest.raises(Conflict):  # is being read already; what was uploaded is kept
        submit_documents(store, settings, project.id, {"second.txt": LEASE})
    assert (documents_folder(settings, project.id) / "second.txt").read_bytes() == LEASE


def test_reading_needs_no_model_and_so_no_slot_of_one(settings: Settings) -> None:
    job = Job(id="job-1", project_id="p-1", kind="ingest", parameters={"stages": ["ingest"]})
    assert slot_of(job, settings) == "project/p-1"
    for stage in ("mine", "teach"):
        job.parameters = {"stages": [stage]}
        assert slot_of(job, settings).endswith("/device")

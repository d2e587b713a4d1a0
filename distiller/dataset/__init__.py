"""Training data: assembled from a project, checked, split without leaks, frozen, out and in."""

from distiller.dataset.assembly import assemble
from distiller.dataset.checking import Checked, check_project, check_stage
from distiller.dataset.example import example_texts, open_example
from distiller.dataset.files import FORMATS, read, read_contents, write
from distiller.dataset.importing import ImportReport, import_file
from distiller.dataset.knowledge_files import (
    knowledge_base,
    read_knowledge,
    read_queries,
    write_knowledge,
    write_queries,
)
from distiller.dataset.snapshots import content_hash, freeze, refreeze, snapshot_of
from distiller.dataset.splitting import Leak, leaks, split
from distiller.dataset.validation import Check, ValidationSummary, validate

__all__ = [
    "FORMATS",
    "Check",
    "Checked",
    "ImportReport",
    "Leak",
    "ValidationSummary",
    "assemble",
    "check_project",
    "check_stage",
    "content_hash",
    "example_texts",
    "freeze",
    "import_file",
    "knowledge_base",
    "leaks",
    "open_example",
    "read",
    "read_contents",
    "read_knowledge",
    "read_queries",
    "refreeze",
    "snapshot_of",
    "split",
    "validate",
    "write",
    "write_knowledge",
    "write_queries",
]

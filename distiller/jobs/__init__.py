"""Long work in processes of its own: it outlives the page, the app and the worker that began it."""

from distiller.jobs.control import cancel, log_tail, retry, submit
from distiller.jobs.running import run_here
from distiller.jobs.start import ensure_worker, worker_alive

__all__ = [
    "cancel",
    "ensure_worker",
    "log_tail",
    "retry",
    "run_here",
    "submit",
    "worker_alive",
]

"""The process of one job: `python -m distiller.jobs.child JOB WORKER`."""

from __future__ import annotations

import logging
import sys
from typing import Any

from distiller.jobs.running import run_job
from distiller.pipeline import Journey, Plan
from distiller.schema.errors import DistillerError
from distiller.schema.jobs import AT_WORK
from distiller.settings import Settings
from distiller.store import Store

_log = logging.getLogger("distiller.job")


def main() -> int:
    """Run a claimed job; its row says how it ended."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for noisy in ("httpx", "httpx2", "openai", "sentence_transformers"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    job_id, worker = sys.argv[1:3]
    settings = Settings()
    with Store.open(settings.database) as store:
        job = store.job(job_id)
        if job.worker != worker or job.state not in AT_WORK:
            _log.info("%s is not for %s any more", job_id, worker)
            return 0
        chosen: dict[str, Any] = job.parameters.get("llm", {})
        settings = settings.model_copy(update=chosen)
        stages = job.parameters["stages"]
        journey = Journey(
            store,
            store.project(job.project_id or None),
            settings,
            Plan.model_validate(job.parameters["plan"]),
        )
        _log.info("%s: %s, attempt %s", job_id, ", ".join(stages), job.attempts)
        try:
            for report in run_job(journey, job, stages):
                counts = f"{report.made} made, {report.present} there, {report.failed} failed"
                _log.info("%s: %s %s", report.stage, counts, "; ".join(report.notes))
        except DistillerError as error:
            _log.error("%s", error)
            return error.exit_status
        except KeyboardInterrupt:
            _log.info("stopped")
            return 1
        except Exception:
            _log.exception("unexpected")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Two processes of which the first keeps the other waiting: silence in seconds, after which it is
taken for lost.

To be started once for each, with the environment of a launcher but without one, so that nobody
else ends what is left when one dies.
"""

from __future__ import annotations

import sys
import time

from distiller.schema.errors import DistillerError
from distiller.train import lifeline, processes

if __name__ == "__main__":
    lifeline._SILENCE_S = float(sys.argv[1])
    processes.meet("cpu")
    said = processes.share("met" if processes.leads() else None)
    print(said, flush=True)  # noqa: T201
    try:
        if processes.leads():
            time.sleep(600)
        processes.share(None)
    except DistillerError as error:
        sys.exit(f"{type(error).__name__}: {error}")

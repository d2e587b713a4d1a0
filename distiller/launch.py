"""How this process was started. Imports nothing heavy: the command line asks at its start."""

from __future__ import annotations

import os


def launched() -> bool:
    """Whether `torchrun` or `accelerate launch` started this process, alone or with others."""
    return "LOCAL_RANK" in os.environ


def alone_by_mistake() -> bool:
    """Whether `accelerate launch --cpu` was told to start several processes, and started this one.

    It starts several on processors through MPI only, and says nothing where it does not.
    """
    return not launched() and {"ACCELERATE_USE_CPU", "MASTER_PORT"} <= os.environ.keys()

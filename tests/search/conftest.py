"""The packaged start model, and the same as an exported graph."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distiller.splade import StartModel, resolve
from distiller.splade.onnx_export import write_graph


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StartModel:
    torch.set_num_threads(1)
    return resolve("tiny", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def graph(tiny: StartModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the exporter wrote."""
    pytest.importorskip("onnxscript", reason="needs the extra `onnx`")
    folder = tmp_path_factory.mktemp("graph")
    write_graph(tiny.source, folder)
    return folder

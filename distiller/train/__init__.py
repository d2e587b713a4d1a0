"""From a frozen dataset to a model folder that carries its own card."""

from distiller.train.files import train_files
from distiller.train.job import train
from distiller.train.promotion import verdict
from distiller.train.recipe import PRESETS, Recipe

__all__ = ["PRESETS", "Recipe", "train", "train_files", "verdict"]

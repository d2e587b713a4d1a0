"""Measure systems on a judged collection, side by side, with their uncertainty."""

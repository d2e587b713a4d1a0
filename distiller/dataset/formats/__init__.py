"""The layouts that training data is written in and read from, one module each.

Every module turns examples into what its layout holds and back. `_meta` carries what a layout has
no place for, under the key `distiller`; other keys of `_meta` are the user's and are kept.
"""

"""`python -m distiller` is the command line."""

from distiller.cli import main

if __name__ == "__main__":
    main()

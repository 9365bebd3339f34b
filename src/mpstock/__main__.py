"""`python -m mpstock`: the command line, where the script `mpstock` is not on the path."""

from mpstock.cli import main

if __name__ == "__main__":
    main()

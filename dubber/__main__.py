"""`python -m dubber`: the same command line."""

from dubber.cli import main

if __name__ == "__main__":
    main()

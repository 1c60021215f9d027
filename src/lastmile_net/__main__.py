"""`python -m lastmile_net`: the same as `lastmile`."""

from lastmile_net.cli import main

if __name__ == "__main__":
    main()

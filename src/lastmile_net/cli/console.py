"""Where the command line prints, and the codes it ends with."""

from rich.console import Console

BAD_INPUT, NOT_ALL_WELL, PARTIAL = 3, 4, 5

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

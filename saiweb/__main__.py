"""`python -m saiweb` is the command `saiweb`."""

from saiweb.cli import main

main()

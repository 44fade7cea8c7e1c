"""`python -m p2pchat`."""

import sys

if __name__ == "__main__":
    if getattr(sys, "frozen", False) and sys.argv[1:2] == ["--shrink"]:
        # The one executable is its own interpreter of what `ui.tk.thumbnails` runs apart.
        from p2pchat.ui.tk import shrink

        sys.exit(shrink.main(sys.argv[2:]))
    from p2pchat.cli import main

    sys.exit(main())

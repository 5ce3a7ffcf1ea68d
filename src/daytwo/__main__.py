"""``python -m daytwo``."""

from daytwo.cli import main

if __name__ == "__main__":
    main()

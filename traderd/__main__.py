"""`python -m traderd` is the same as `traderd`."""

from traderd.cli.main import main

if __name__ == "__main__":
    main()

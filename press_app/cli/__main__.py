"""``python -m press_app.cli``."""

from press_app.cli.main import main

if __name__ == "__main__":
    main()

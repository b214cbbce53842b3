"""A third-party plugin: writes what it is given to a file."""

"""The command line ``flowstone``."""

"""The checks that this plugin owns."""

"""The plugin ``otel``: which event becomes which span and which metric."""

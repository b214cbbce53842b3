"""The export room: the only place where the OpenTelemetry SDK and its exporters are built, and imported late."""

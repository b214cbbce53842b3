"""What runs: identity, context, the caller's path, the drain, and the process-wide engine."""

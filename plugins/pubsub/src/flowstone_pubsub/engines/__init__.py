"""The engines: one log each, behind one face."""

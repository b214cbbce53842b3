"""The commands of ``flowstone audit``, each in a file of its own."""

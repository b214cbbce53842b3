"""The commands of this plugin, each in a file of its own."""

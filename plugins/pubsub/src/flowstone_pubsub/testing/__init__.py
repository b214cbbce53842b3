"""What third parties test their engines with."""

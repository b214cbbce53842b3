"""What ``flowstone doctor --send`` does: a marked run is sent, and each hop on its way is asked for it."""

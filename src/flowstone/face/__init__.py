"""The public face: what ``import flowstone`` offers."""

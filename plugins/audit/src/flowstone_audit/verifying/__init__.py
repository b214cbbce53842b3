"""Verification: whether the log is what was sealed and published, and if not, what was done to it.

It trusts the code of the hashes and of the tree, the keys and the checkpoints it is given, and nothing that
the database says: every row is hashed anew, every seal is computed anew.
"""

"""The Merkle tree of RFC 6962 and RFC 9162: hashes, growth, inclusion and consistency proofs. Knows no database."""

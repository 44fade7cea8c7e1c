"""The nouns: plain immutable values that every layer shares, without any I/O."""

"""State and behaviour of every view, without a toolkit: tested without a display."""

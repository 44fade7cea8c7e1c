"""p2pchat: serverless chat and file gossip for a local network."""

__version__ = "0.1.0"

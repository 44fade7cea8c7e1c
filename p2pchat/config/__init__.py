"""What can be set (`settings`) and what can't (`limits`)."""

"""The Event service (Core 9): topics, filters, pull points and the handlers of its operations."""

"""Who is asking, and what that user may do (Core 5.9)."""

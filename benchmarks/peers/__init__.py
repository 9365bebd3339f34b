"""What the engine is measured against: the bare statements, and the scripts that people use today."""

"""Labels from a project, and into a project."""

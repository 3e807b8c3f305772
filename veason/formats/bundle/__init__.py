"""The bundle "veason": everything that is known of a question, one a line."""

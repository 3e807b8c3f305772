"""MeViS: as ReVOS, without sizes and types."""

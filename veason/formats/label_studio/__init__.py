"""Label Studio: brush masks and boxes as JSON tasks."""

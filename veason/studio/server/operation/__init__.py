"""What whoever runs a server sees of it: health, metrics, logs. None of it holds what people send or make."""

"""What every training run needs: an optimizer, several processes, checkpoints and logs."""

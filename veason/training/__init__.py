"""Training on the engines that exist: files for them, runs of them, and the policy folder that comes out."""

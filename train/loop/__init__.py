"""What a run's steps use: optimizer, penalty, measurement, processes, and signals to stop."""

"""Learn: fine-tuning from a release."""

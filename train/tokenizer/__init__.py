"""Text to token ids, and which of them are trained on; for Tekken and for tokenizer.json."""

"""What a run leaves for others: its adapter, merged weights, a GGUF file, a place on the Hub."""

"""The model that is trained: how it is loaded, adapted and grouped."""

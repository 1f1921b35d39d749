"""The model that is trained: how it is loaded, adapted and grouped."""

from train.model.settings import AdapterSettings, ModelSettings

__all__ = ["AdapterSettings", "ModelSettings"]

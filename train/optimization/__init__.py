"""How weights move: parameter groups, schedule, elastic weight consolidation."""

from train.optimization.settings import ElasticSettings, GroupRates, OptimizerSettings

__all__ = ["ElasticSettings", "GroupRates", "OptimizerSettings"]

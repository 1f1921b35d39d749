"""How weights move: parameter groups, schedule, elastic weight consolidation."""

"""An ordinary Dagster project; nothing in it knows flowstone but the one checkpoint in ``flights``.

Its files do without postponed annotations, because Dagster reads the annotations of assets as they are.
"""

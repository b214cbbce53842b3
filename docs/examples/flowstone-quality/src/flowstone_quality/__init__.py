"""Row counts of assets, judged: an example of a flowstone plugin."""

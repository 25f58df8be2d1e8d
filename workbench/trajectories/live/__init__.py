"""Files that grow: followed, with alerts, and written by an exporter."""

"""The shared-trench tree: built by shortest ways, then improved by exchanges."""

"""The recipes that ship with medsyngen, one YAML file each."""

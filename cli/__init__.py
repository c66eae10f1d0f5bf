"""The command line of medsyngen; imported as medsyngen.cli."""

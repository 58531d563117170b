"""Things: stations, chargers, connectors, sessions, readings, commands, and the drivers to chargers."""

"""The utility: MEA capacity and schedule endpoints, usage reports. Its place; it comes with the MEA issue."""

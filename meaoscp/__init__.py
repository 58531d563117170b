"""The utility: MEA's acceptance form; its capacity and schedule endpoints come with the MEA issue."""

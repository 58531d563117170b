"""The electrical side: meters, intervals, the tree of breakers, the planner.

Its place; it comes with the energy issues.
"""

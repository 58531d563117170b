"""Tables of the utility's part."""

from meaoscp.models.acceptance import AcceptanceRun, AcceptanceStep, RunState, StepState

__all__ = ["AcceptanceRun", "AcceptanceStep", "RunState", "StepState"]

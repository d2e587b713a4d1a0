"""What flows through the house: pydantic models and protocols. Imports nothing of ours."""

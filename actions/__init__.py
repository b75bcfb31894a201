"""What the assistant does: triage, answering, eligibility, hotlines, cases and hand-over."""

"""The duty side's policy: who is on duty, who is asked next, and what the citizen is told. Pure functions of plain values."""

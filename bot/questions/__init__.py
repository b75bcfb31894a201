"""What people asked and were not helped with: personal data masked, alike questions together, and what staff make of them."""

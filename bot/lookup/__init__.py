"""/tra-cuu: where collaborators in the communes look a clause up, on a phone, now."""

"""The way to publication: files come in as drafts, are corrected, pass the gate, are approved by a second person, and can be taken back."""

"""What is known: documents, sections, passages, validity, the directory, Vietnamese text. No network, no Rasa, no FAISS."""

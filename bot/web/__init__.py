"""The citizen's pages: the chat, the documents, and the headers that every response carries."""

"""Files of all kinds as plain text: what a file is (kinds), how each kind is read, and a process of its own to read it in (sandbox).

In the text a form feed stands where a page begins; a row of a table is a line, its cells parted by " | ".
"""

"""Reports of what people asked and how they were answered: counted day by day, as a page, a workbook and a PDF file."""

"""The duty side: cases offered to people, the desk where they are taken, and the papers that come of them."""

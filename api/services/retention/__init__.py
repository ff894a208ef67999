"""Until when records are kept, what is held longer, and how what is due is erased."""

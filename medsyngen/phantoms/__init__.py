"""Images drawn by program: public, at no privacy cost."""

"""Sources of images for Private Evolution: each makes random images and variations of given ones, and knows no scan."""

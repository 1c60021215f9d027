"""The directed-cut linear programme by row generation, and the exact end of what it leaves open."""

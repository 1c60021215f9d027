"""Who is served by which tap: growth to a first plan, and moves to a better one."""

"""What money can buy at most within the ports: the programme of a budget, and branching on it."""

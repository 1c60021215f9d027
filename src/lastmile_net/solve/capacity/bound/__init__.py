"""What serving some customers within the ports costs at least: cuts, and the linear programme of them."""

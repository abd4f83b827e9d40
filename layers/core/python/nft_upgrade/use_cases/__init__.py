"""What the product does, one module per business step. Everything from outside is handed in."""

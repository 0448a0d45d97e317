"""Parts of the page Compare models: several models on the same inputs, side by side."""
